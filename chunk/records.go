package chunk

import "github.com/restic/chunker"

// Records cuts a sequence of records into runs: nodes of a tree. Where a run
// ends depends on nothing but its records, so that equal records make equal
// runs wherever they stand, after a cut in common. It is not safe for
// concurrent use.
type Records struct {
	fresh, base chunker.BaseChunker
}

// NewRecords returns Records at the start of a run. It panics when b is not
// Valid or p does not come from DerivePolynomial.
func NewRecords(p Polynomial, b Bounds) *Records {
	fresh := newBase(p, b)
	return &Records{fresh: fresh, base: fresh}
}

// Add adds a record to the run and tells whether the run ends with it: when
// restic/chunker cuts within the record, the cut moves to its end. A run that
// was cut has at least Min bytes, and without its last record fewer than Max.
func (r *Records) Add(record []byte) (cut bool) {
	return r.base.NextSplitPoint(record) >= 0 // which begins a chunk anew when it cuts
}

// Reset forgets the run so far: the next record begins one. It copies 4 KiB,
// and so is for a cut that must be, not for every record.
func (r *Records) Reset() { r.base = r.fresh }
