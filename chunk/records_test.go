package chunk_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/dayfold/dayfold/chunk"
)

// runs returns how many records lie in each run.
func runs(r *chunk.Records, records [][]byte) (counts []int) {
	r.Reset()
	n := 0
	for _, rec := range records {
		n++
		if r.Add(rec) {
			counts = append(counts, n)
			n = 0
		}
	}
	if n > 0 {
		counts = append(counts, n)
	}
	return counts
}

// records cuts data into records of the lengths that shape gives, again and again.
func records(data []byte, shape ...int) (recs [][]byte) {
	for i := 0; len(data) > 0; i++ {
		n := min(shape[i%len(shape)], len(data))
		recs = append(recs, data[:n:n])
		data = data[n:]
	}
	return recs
}

// Records of one byte are a stream: the cuts must be restic's.
func TestRecordsOfOneByte(t *testing.T) {
	data := random(10, 300_000)
	var got [][]byte
	for _, n := range runs(chunk.NewRecords(pol, chunk.Leaf), records(data, 1)) {
		got = append(got, data[:n])
		data = data[n:]
	}
	if err := same(got, reference(t, chunk.Leaf, random(10, 300_000))); err != nil {
		t.Error(err)
	}
}

// A cut within a record moves to its end, and the rest of it counts for nothing.
func TestRecordsMoveCuts(t *testing.T) {
	recs := records(random(11, 2_000_000), 200, 30, 411, 1, 77)
	r := chunk.NewRecords(pol, chunk.Leaf)
	at := 0
	for i, n := range runs(r, recs) {
		run := bytes.Join(recs[at:at+n], nil)
		cut := len(reference(t, chunk.Leaf, run)[0])
		if before := len(run) - len(recs[at+n-1]); cut <= before && at+n < len(recs) {
			t.Fatalf("run %d: got %d bytes, but restic cuts at %d", i, len(run), cut)
		}
		at += n
	}
}

func TestRecordsBounds(t *testing.T) {
	r := chunk.NewRecords(pol, chunk.Leaf)
	for name, data := range map[string][]byte{"random": random(12, 3_000_000), "ones": bytes.Repeat([]byte{1}, 300_000), "zeros": make([]byte, 300_000)} {
		recs := records(data, 200, 3000, 10)
		counts := runs(r, recs)
		at := 0
		for _, n := range counts[:len(counts)-1] {
			size := 0
			for _, rec := range recs[at : at+n] {
				size += len(rec)
			}
			last := len(recs[at+n-1])
			if size < chunk.Leaf.Min || size-last >= chunk.Leaf.Max {
				t.Errorf("%s: a run of %d bytes, the last record %d", name, size, last)
			}
			at += n
		}
	}
}

// After a reset, or a cut, nothing of what was before is left.
func TestRecordsReset(t *testing.T) {
	recs := records(random(13, 100_000), 150, 20)
	r := chunk.NewRecords(pol, chunk.Leaf)
	want := runs(chunk.NewRecords(pol, chunk.Leaf), recs)
	for n := range 40 {
		r.Reset()
		for _, rec := range recs[:n] {
			r.Add(rec)
		}
		if got := runs(r, recs); !slices.Equal(got, want) {
			t.Fatalf("after %d records and a reset: got %v, want %v", n, got, want)
		}
	}
	for i, n := range want[:5] {
		recs = recs[n:]
		if got := runs(r, recs); !slices.Equal(got, want[i+1:]) {
			t.Errorf("from cut %d on: got %v, want %v", i, got, want[i+1:])
		}
	}
}

func TestRecordsDoNotAllocate(t *testing.T) {
	recs := records(random(14, 100_000), 200)
	r := chunk.NewRecords(pol, chunk.Leaf)
	if got := testing.AllocsPerRun(10, func() {
		r.Reset()
		for _, rec := range recs {
			r.Add(rec)
		}
	}); got > 0 {
		t.Errorf("got %v allocations", got)
	}
}

// An edit changes few runs: the old cuts come back.
func TestRecordsResynchronize(t *testing.T) {
	recs := records(random(15, 4_000_000), 200)
	before := map[string]bool{}
	at := 0
	for _, n := range runs(chunk.NewRecords(pol, chunk.Leaf), recs) {
		before[string(bytes.Join(recs[at:at+n], nil))] = true
		at += n
	}
	edited := slices.Clone(recs)
	for i := 500; i < len(edited); i += 1000 {
		edited[i] = random(16, 190)
	}
	changed := 0
	at = 0
	for _, n := range runs(chunk.NewRecords(pol, chunk.Leaf), edited) {
		if !before[string(bytes.Join(edited[at:at+n], nil))] {
			changed++
		}
		at += n
	}
	if edits := len(recs) / 1000; changed > 2*edits {
		t.Errorf("%d edits changed %d runs", edits, changed)
	}
}
