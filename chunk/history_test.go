package chunk_test

import (
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"

	"github.com/dayfold/dayfold/chunk"
)

// A history is a model of what the tree holds: a million entries of about 200
// bytes in the order week, conversation, time, as 2,000 messages a day in 200
// conversations give in 71 weeks, the busiest conversation being 200 times as
// busy as the least.
type history struct {
	n     int
	ends  []int         // where conversations end within a week
	words []string      // the vocabulary, by frequency
	zipf  []uint16      // a sample of it
	gone  map[int]uint8 // what has become of some entries since: 1 edited, 2 deleted
}

const (
	weeks, conversations = 71, 200
	overhead             = 110 // bytes that a node costs beyond its own: seal, directory, segment
)

func newHistory(n int) *history {
	h := &history{n: n, gone: map[int]uint8{}}
	rng := rand.New(rand.NewPCG(1, 2))
	var harmonic float64
	for c := 1; c <= conversations; c++ {
		harmonic += 1 / float64(c)
	}
	for w := range weeks {
		at, sum := n*w/weeks, 0.0
		for c := 1; c <= conversations; c++ {
			sum += 1 / float64(c)
			h.ends = append(h.ends, at+int(float64(n/weeks)*sum/harmonic))
		}
		h.ends[len(h.ends)-1] = n * (w + 1) / weeks
	}
	syllables := []string{"ka", "lo", "mi", "ter", "an", "s", "ber", "ni", "ou", "ch", "re", "de", "th", "e", "wa", "ing", "to", "ly"}
	for range 3000 {
		word := ""
		for range 1 + rng.IntN(4) {
			word += syllables[rng.IntN(len(syllables))]
		}
		h.words = append(h.words, word+" ")
	}
	z := rand.NewZipf(rng, 1.1, 4, uint64(len(h.words)-1))
	for range 1 << 14 {
		h.zipf = append(h.zipf, uint16(z.Uint64()))
	}
	return h
}

// entry appends entry i in a form like the tree's: fixed fields, times and
// random identifiers, and text.
func (h *history) entry(dst []byte, i int) []byte {
	version := uint64(h.gone[i])
	rng := rand.NewPCG(uint64(i), version)
	dst = append(dst, 0x0a, 0x1a, 0x01, 0x08, 'g', 'r', 'p', '/')
	dst = binary.BigEndian.AppendUint64(dst, 1_700_000_000_000+uint64(i)*43_000+rng.Uint64()%43_000)
	dst = binary.LittleEndian.AppendUint64(dst, rng.Uint64()) // identifier
	dst = append(dst, 0x12, 0x10, 0x02, 0x00, 0x01, 0x08)
	dst = binary.LittleEndian.AppendUint64(dst, rng.Uint64()) // stamp
	dst = append(dst, 0x22, 0x00, 0x00, 0x80, 0x01, 0x30, 0x01, 0x3a)
	for end := len(dst) + 60 + int(rng.Uint64()%190); len(dst) < end; {
		r := rng.Uint64()
		for range 4 {
			dst = append(dst, h.words[h.zipf[r%uint64(len(h.zipf))]]...)
			r >>= 16
		}
	}
	return dst
}

// A node of a simulated tree: entries or child nodes from first to last, and
// what it holds. Two nodes are one blob when all but data are equal.
type node struct {
	first, last, size int
	hash              uint64
}

var seed = maphash.MakeSeed()

// leaves cuts the history; each leaf is given to see, if not nil.
func (h *history) leaves(b chunk.Bounds, see func(node, []byte)) (nodes []node) {
	r := chunk.NewRecords(pol, b)
	var buf []byte
	first, group, last := 0, 0, 0
	finish := func() {
		if len(buf) > 0 {
			n := node{first, last, len(buf), maphash.Bytes(seed, buf)}
			nodes = append(nodes, n)
			if see != nil {
				see(n, buf)
			}
		}
		buf = buf[:0]
	}
	for i := range h.n {
		if i >= h.ends[group] {
			for i >= h.ends[group] {
				group++
			}
			finish()
			r.Reset()
		}
		if h.gone[i] == 2 {
			continue
		}
		if len(buf) == 0 {
			first = i
		}
		at := len(buf)
		buf = h.entry(buf, i)
		last = i
		if r.Add(buf[at:]) {
			finish()
		}
	}
	finish()
	return nodes
}

// parents cuts the child records of nodes, 52 bytes each: part of the last key, packed, the
// ref, count and size. The cut sees the key, 70 bytes of which 24 tell keys apart.
func parents(b chunk.Bounds, nodes []node) (up []node) {
	r := chunk.NewRecords(pol, b)
	var buf []byte
	key := make([]byte, 70)
	first, count := 0, 0
	for i, n := range nodes {
		if count == 0 {
			buf, first = buf[:0], n.first
		}
		for rng, at := rand.NewPCG(n.hash, 0), 0; at < 48; at += 8 {
			buf = binary.LittleEndian.AppendUint64(buf, rng.Uint64())
		}
		buf = append(buf, byte(n.last>>8), byte(n.last), byte(n.size>>8), byte(n.size))
		for rng, at := rand.NewPCG(uint64(n.last), 1), len(key)-24; at < len(key); at += 8 {
			binary.LittleEndian.PutUint64(key[at:], rng.Uint64())
		}
		count++
		if cut := r.Add(key); cut && count > 1 || i == len(nodes)-1 {
			up = append(up, node{first, n.last, len(buf), maphash.Bytes(seed, buf)})
			count = 0
		}
	}
	return up
}

// levels builds the whole tree, leaves first.
func (h *history) levels(leaf, inner chunk.Bounds, see func(node, []byte)) (all [][]node) {
	all = append(all, h.leaves(leaf, see))
	for len(all[len(all)-1]) > 1 {
		all = append(all, parents(inner, all[len(all)-1]))
	}
	return all
}

// scatter edits and deletes as many entries anywhere, half and half.
func (h *history) scatter(changes int) {
	rng := rand.New(rand.NewPCG(3, 4))
	for k := range changes {
		h.gone[rng.IntN(h.n)] = uint8(1 + k%2)
	}
}

func total(nodes []node) (sum int) {
	for _, n := range nodes {
		sum += n.size
	}
	return sum
}
