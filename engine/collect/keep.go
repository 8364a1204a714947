package collect

import (
	"slices"
	"time"
)

// A Policy says which snapshots to keep, as restic's forget --keep-* does. A snapshot
// is kept when any field keeps it; the zero Policy keeps all. A negative number keeps
// without limit.
type Policy struct {
	Last, Hourly, Daily, Weekly, Monthly, Yearly int // newest of each, counted from the newest
	Within                                       time.Duration
	Tags                                         []string // a snapshot with any of them
}

// A Snap is what Keep needs to know of a snapshot.
type Snap struct {
	ID    SnapshotID
	Time  int64 // ms since 1970
	Label string
	Tags  []string
}

// Keep splits snapshots, given in the order of Order, into those that a policy keeps and
// those that it does not; both are in that order. Each label is counted alone.
//
// Hours, days, ISO weeks, months and years are those of UTC. As in restic the oldest
// snapshot is kept, too, while a count is not used up. Within goes back from the newest
// snapshot that another follows, not from the clock, and keeps what comes after that one
// as well: the time of the very newest is only its own word.
//
// Times that do not fit the order are not believed (see Order): such a snapshot may be
// kept or not, but it takes no place from others. One that is far ahead and the very
// newest fits; it takes the one place of each count that any snapshot of a new day takes.
func Keep(ordered []Snap, p Policy) (keep, forget []Snap) {
	labels := map[string][]int{}
	for i, s := range ordered {
		labels[s.Label] = append(labels[s.Label], i)
	}
	kept := make([]bool, len(ordered))
	for _, of := range labels {
		p.keepLabel(ordered, of, kept)
	}
	for i, s := range ordered {
		if kept[i] || p.isZero() {
			keep = append(keep, s)
		} else {
			forget = append(forget, s)
		}
	}
	return keep, forget
}

func (p Policy) isZero() bool {
	return p.Last == 0 && p.Hourly == 0 && p.Daily == 0 && p.Weekly == 0 && p.Monthly == 0 && p.Yearly == 0 &&
		p.Within == 0 && len(p.Tags) == 0
}

// keepLabel marks in kept what is kept of one label: the snapshots of those indexes.
func (p Policy) keepLabel(ordered []Snap, of []int, kept []bool) {
	times := make([]int64, len(of))
	for k, i := range of {
		times[k] = ordered[i].Time
		kept[i] = slices.ContainsFunc(ordered[i].Tags, func(t string) bool { return slices.Contains(p.Tags, t) })
	}
	times, believed := straighten(times)
	var trusted []int
	for k := range times {
		if believed[k] {
			trusted = append(trusted, k)
		}
	}
	if p.Within > 0 {
		from := times[trusted[max(0, len(trusted)-2)]] - p.Within.Milliseconds()
		for k, i := range of {
			kept[i] = kept[i] || times[k] > from || k == len(of)-1
		}
	}
	for _, c := range p.counters() {
		for k := len(of) - 1; k >= 0; k-- {
			kept[of[k]] = c.keeps(times[k], believed[k], k <= trusted[0]) || kept[of[k]]
		}
	}
}

// A counter keeps the newest of each period. It is asked from the newest on.
type counter struct {
	left   int                    // periods; negative: no limit
	period func(time.Time) [2]int // nil: each snapshot is one
	last   [2]int
	begun  bool
}

func (p Policy) counters() []*counter {
	number := func(f func(t time.Time) int) func(time.Time) [2]int {
		return func(t time.Time) [2]int { return [2]int{f(t)} }
	}
	hour := number(func(t time.Time) int { return int(t.Truncate(time.Hour).Unix()) })
	day := number(func(t time.Time) int { return int(t.Truncate(24 * time.Hour).Unix()) })
	week := func(t time.Time) [2]int { y, w := t.ISOWeek(); return [2]int{y, w} }
	month := func(t time.Time) [2]int { return [2]int{t.Year(), int(t.Month())} }
	year := number(time.Time.Year)
	return []*counter{{left: p.Last}, {left: p.Hourly, period: hour}, {left: p.Daily, period: day},
		{left: p.Weekly, period: week}, {left: p.Monthly, period: month}, {left: p.Yearly, period: year}}
}

func (c *counter) keeps(ms int64, believed, oldest bool) bool {
	if c.left == 0 {
		return false
	}
	if c.period != nil {
		period := c.period(time.UnixMilli(ms).UTC())
		if c.begun && period == c.last && !oldest {
			return false
		}
		if believed {
			c.last, c.begun = period, true
		}
	}
	if believed {
		c.left--
	}
	return true
}
