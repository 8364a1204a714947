package corpus

import "math"

// A vocabulary is the words that people here use, the n-th of them 1/n as often as
// the first.
type vocabulary struct {
	words [][]byte
	draw  []uint16 // one of these at random is a word, by frequency
}

const (
	manyWords = 12_000
	drawBits  = 17
)

var (
	heads = []string{"b", "br", "d", "f", "g", "h", "k", "kl", "l", "m", "n", "p", "r", "s", "sch", "st", "t", "tr", "v", "w", "z", ""}
	cores = []string{"a", "e", "i", "o", "u", "ei", "au", "ie", "ä", "ou"}
	tails = []string{"", "", "n", "r", "s", "t", "l", "m", "ng", "nd", "ck"}
	ends  = []string{" ", " ", " ", " ", " ", " ", " ", ", ", " ", " ", ". ", " ", "! ", " ", " ", "? "}
	faces = []string{"👍", "😂", "❤️", "🙏", "😮", "🎉", "🤔", "👀"}
)

func newVocabulary(seed uint64) *vocabulary {
	v := &vocabulary{draw: make([]uint16, 1<<drawBits)}
	r := random(seed ^ 0x776f726473)
	seen := map[string]bool{}
	for len(v.words) < manyWords {
		syllables := 1 + int(math.Log2(float64(len(v.words)+2))/4)
		if r.oneIn(3) {
			syllables++
		}
		var w []byte
		for range syllables {
			w = append(w, heads[r.below(int64(len(heads)))]...)
			w = append(w, cores[r.below(int64(len(cores)))]...)
			w = append(w, tails[r.below(int64(len(tails)))]...)
		}
		if !seen[string(w)] {
			seen[string(w)] = true
			v.words = append(v.words, w)
		}
	}
	zipf(v.draw, manyWords, 1)
	return v
}

// zipf fills table with numbers below n, so that one of them at random is k about
// (k+1)^-s as often as 0.
func zipf(table []uint16, n int, s float64) {
	sum := 0.0
	for k := range n {
		sum += math.Pow(float64(k+1), -s)
	}
	at, share := 0, 0.0
	for k := range n {
		share += math.Pow(float64(k+1), -s) / sum
		for at < len(table) && float64(at) < share*float64(len(table)) {
			table[at] = uint16(k)
			at++
		}
	}
}

// write appends n words to dst, with a little punctuation.
func (v *vocabulary) write(dst []byte, r *random, n int) []byte {
	for i := range n {
		bits := r.next()
		dst = append(dst, v.words[v.draw[bits&(1<<drawBits-1)]]...)
		if i < n-1 {
			dst = append(dst, ends[bits>>32&15]...)
		} else if bits>>40&7 == 0 {
			dst = append(dst, ' ')
			dst = append(dst, faces[bits>>48&7]...)
		}
	}
	return dst
}
