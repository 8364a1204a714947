package collect

import (
	"slices"
	"sort"
)

// straighten returns times, which are in order of what happened, so that they never go
// back, and which of them it believed: see Order. It takes O(n log n).
func straighten(times []int64) (straight []int64, believed []bool) {
	straight, believed = slices.Clone(times), make([]bool, len(times))
	run := longestRun(times)
	for _, i := range run {
		believed[i] = true
	}
	for i := len(times) - 1; i >= 0; i-- {
		switch {
		case believed[i]:
		case i > run[len(run)-1]:
			straight[i] = times[run[len(run)-1]]
		default:
			straight[i] = straight[i+1]
		}
	}
	return straight, believed
}

// longestRun returns the indexes of the longest run of times that does not go back; of
// several the one that ends earliest, and of those the one that begins latest.
func longestRun(times []int64) []int {
	tails := []int{} // tails[n] ends the run of n+1 that ends earliest
	before := make([]int, len(times))
	for i, t := range times {
		n := sort.Search(len(tails), func(n int) bool { return times[tails[n]] > t })
		if n == len(tails) {
			tails = append(tails, i)
		}
		tails[n] = i
		if n > 0 {
			before[i] = tails[n-1]
		}
	}
	for n := len(tails) - 1; n > 0; n-- {
		tails[n-1] = before[tails[n]]
	}
	if len(tails) > 1 {
		for i, t := range times[:tails[1]] {
			if t <= times[tails[1]] && t > times[tails[0]] {
				tails[0] = i
			}
		}
	}
	return tails
}
