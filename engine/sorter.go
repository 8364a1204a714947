package engine

import (
	"bytes"
	"cmp"
	"container/heap"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sync"
)

// A sorter puts any number of records in order of their keys within a budget. What
// does not fit goes to a temporary file, sealed under a key that lives only here. The
// file has no name: it is gone when the process is.
type sorter struct {
	dir    string
	rand   io.Reader
	budget int

	mu           sync.Mutex
	arena        []byte // key length, payload length, key, payload of each record
	key, payload []byte // of the record that is added
	sealed       []byte // the frame that is written
	at           []int  // where records begin in arena
	spill        *os.File
	aead         cipher.AEAD
	size         int64  // of the spill
	frame        uint64 // frames written, the nonce of the next
	runs         []sortedRun
}

// A record's payload is opaque to the sorter.
type record struct{ key, payload []byte }

// A sortedRun is a sorted part of the spill.
type sortedRun struct {
	off, end int64
	frame    uint64 // nonce of its first frame
}

const (
	frameSize = 32 << 10 // plain bytes in a frame of a run
	recordMin = 8        // lengths in front of a record in memory

	smallArena = 256 << 10 // bytes up to which memory grows as needed
)

func newSorter(dir string, rand io.Reader, budget int) *sorter {
	return &sorter{dir: dir, rand: rand, budget: budget}
}

// add takes a record, whose key and payload fill appends to the slices that it is given.
func (s *sorter) add(fill func(key, payload []byte) ([]byte, []byte)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, payload := fill(s.key[:0], s.payload[:0])
	s.key, s.payload = key, payload
	if len(s.arena)+8*len(s.at)+len(key)+len(payload)+recordMin > s.budget && len(s.at) > 0 {
		if err := s.spillRun(); err != nil {
			return fmt.Errorf("sort: %w", err)
		}
	}
	if len(s.arena) > smallArena && cap(s.arena) < s.budget { // once, instead of by and by
		s.arena = append(make([]byte, 0, s.budget), s.arena...)
	}
	s.at = append(s.at, len(s.arena))
	s.arena = binary.LittleEndian.AppendUint32(s.arena, uint32(len(key)))
	s.arena = binary.LittleEndian.AppendUint32(s.arena, uint32(len(payload)))
	s.arena = append(append(s.arena, key...), payload...)
	return nil
}

func (s *sorter) record(at int) record {
	n := int(binary.LittleEndian.Uint32(s.arena[at:]))
	m := int(binary.LittleEndian.Uint32(s.arena[at+4:]))
	b := s.arena[at+recordMin:]
	return record{b[:n:n], b[n : n+m : n+m]}
}

// sort orders what is in memory; of equal keys the one that came first stays first.
func (s *sorter) sort() {
	slices.SortFunc(s.at, func(a, b int) int {
		return cmp.Or(bytes.Compare(s.record(a).key, s.record(b).key), cmp.Compare(a, b))
	})
}

// spillRun writes what is in memory as one sorted run.
func (s *sorter) spillRun() error {
	if s.spill == nil {
		if err := s.createSpill(); err != nil {
			return err
		}
	}
	s.sort()
	r := sortedRun{off: s.size, frame: s.frame}
	buf := make([]byte, 0, 2*frameSize)
	for _, at := range s.at {
		rec := s.record(at)
		buf = appendText(appendText(buf, rec.key), rec.payload)
		for len(buf) >= frameSize {
			if err := s.writeFrame(buf[:frameSize]); err != nil {
				return err
			}
			buf = append(buf[:0], buf[frameSize:]...)
		}
	}
	if len(buf) > 0 {
		if err := s.writeFrame(buf); err != nil {
			return err
		}
	}
	r.end = s.size
	s.runs = append(s.runs, r)
	s.arena, s.at = s.arena[:0], s.at[:0]
	return nil
}

func (s *sorter) createSpill() error {
	var key [32]byte
	if _, err := io.ReadFull(s.rand, key[:]); err != nil {
		return err
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return err
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return err
	}
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(s.dir, "dayfold-*")
	if err != nil {
		return err
	}
	s.spill = f
	return os.Remove(f.Name())
}

func nonceOf(frame uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 4, 12), frame) }

func (s *sorter) writeFrame(plain []byte) error {
	s.sealed = s.aead.Seal(s.sealed[:0], nonceOf(s.frame), plain, nil)
	if _, err := s.spill.WriteAt(s.sealed, s.size); err != nil {
		return err
	}
	s.frame++
	s.size += int64(len(s.sealed))
	return nil
}

// sorted yields every record in order of its key, once. A record is valid until the next.
func (s *sorter) sorted() iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sort()
		if len(s.runs) == 0 {
			for _, at := range s.at {
				if !yield(s.record(at), nil) {
					return
				}
			}
			return
		}
		if err := s.merge(yield); err != nil {
			yield(record{}, fmt.Errorf("sort: %w", err))
		}
	}
}

func (s *sorter) merge(yield func(record, error) bool) error {
	var h runHeap
	for i := range s.runs {
		h = append(h, &runReader{s: s, run: s.runs[i], order: i})
	}
	h = append(h, &runReader{s: s, memory: s.at, order: len(s.runs)})
	live := h[:0]
	for _, r := range h {
		if ok, err := r.next(); err != nil {
			return err
		} else if ok {
			live = append(live, r)
		}
	}
	h = live
	heap.Init(&h)
	for len(h) > 0 {
		if !yield(h[0].head, nil) {
			return nil
		}
		ok, err := h[0].next()
		if err != nil {
			return err
		}
		if ok {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	return nil
}

// close gives the spill back.
func (s *sorter) close() {
	if s.spill != nil {
		_ = s.spill.Close() // the file has no name any more: nothing can be lost
	}
}

// A runReader reads one run, or what is in memory.
type runReader struct {
	s      *sorter
	run    sortedRun
	memory []int
	order  int
	frames []byte // where buf lies
	buf    []byte // plain bytes not consumed yet
	head   record
}

// next puts the following record into head.
func (r *runReader) next() (bool, error) {
	if r.run.end == 0 {
		if len(r.memory) == 0 {
			return false, nil
		}
		r.head, r.memory = r.s.record(r.memory[0]), r.memory[1:]
		return true, nil
	}
	for {
		w := wire{rest: r.buf}
		rec := record{w.text(1 << 30), w.text(1 << 30)}
		if !w.bad {
			r.head, r.buf = rec, w.rest
			return true, nil
		}
		if r.run.off == r.run.end {
			return false, nil
		}
		if err := r.fill(); err != nil {
			return false, err
		}
	}
}

// fill reads one more frame behind what is left of the last. The head is void then.
func (r *runReader) fill() error {
	n := int(min(frameSize+int64(r.s.aead.Overhead()), r.run.end-r.run.off))
	if cap(r.frames) < len(r.buf)+n {
		r.frames = make([]byte, 0, len(r.buf)+frameSize+r.s.aead.Overhead())
	}
	left := append(r.frames[:0], r.buf...)
	sealed := left[len(left) : len(left)+n]
	if _, err := r.s.spill.ReadAt(sealed, r.run.off); err != nil {
		return err
	}
	buf, err := r.s.aead.Open(left, nonceOf(r.run.frame), sealed, nil)
	if err != nil {
		return err
	}
	r.buf = buf
	r.run.off += int64(n)
	r.run.frame++
	return nil
}

type runHeap []*runReader

func (h runHeap) Len() int { return len(h) }
func (h runHeap) Less(i, j int) bool {
	c := bytes.Compare(h[i].head.key, h[j].head.key)
	return c < 0 || c == 0 && h[i].order < h[j].order
}
func (h runHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)   { *h = append(*h, x.(*runReader)) }
func (h *runHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
