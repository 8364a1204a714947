package chunk

// Lanes find the cuts of restic/chunker about twice as fast. From Min on its
// digest depends on the last 64 bytes only, so a search can begin anywhere; the
// digest of one byte waits for that of the byte before, so four searches side
// by side take little longer than one:
//
//	│ 64 │ lane 0 ───▶ │ lane 1 ───▶ │ lane 2 ───▶ │ lane 3 ───▶ │
//
// The first cut of the first lane that has one is the cut; what later lanes
// did is thrown away. restic/chunker stays the reference, which FuzzSplit
// compares with, and cuts where averages are too small for lanes to pay.
type lanes struct {
	mod   [256]uint64 // what a byte shifted beyond the degree adds
	out   [256]uint64 // what a byte 64 bytes ago still adds, once shifted out
	mask  uint64
	block int // positions that are searched together
}

const (
	lanesMinBits = 12          // smaller averages are left to restic/chunker
	lanesWorth   = 16 * window // fewer positions are searched in one lane
)

func newLanes(p Polynomial, b Bounds) *lanes {
	l := &lanes{mask: 1<<b.Bits - 1, block: min(max(1<<b.Bits/8, 2*lanesWorth), maxStep)}
	for i := range l.mod {
		high := Polynomial(i) << degree
		l.mod[i] = uint64(high.Mod(p) | high)
		h := Polynomial(i)
		for range window {
			h = (h << 8).Mod(p)
		}
		l.out[i] = uint64(h)
	}
	return l
}

// find returns the first cut in buf at from or later, or -1: the end of the
// first 64 bytes whose digest ends in zeros. from is at least 64.
func (l *lanes) find(buf []byte, from int) int {
	for end := len(buf) + 1; from < end; { // a cut may lie at len(buf)
		n := min(end-from, l.block)
		cut := -1
		if n < lanesWorth {
			cut = l.one(buf, from, n)
		} else {
			n &^= 3
			cut = l.four(buf, from, n/4)
		}
		if cut >= 0 {
			return cut
		}
		from += n
	}
	return -1
}

// digest returns the digest of the 64 bytes before at.
func (l *lanes) digest(buf []byte, at int) (d uint64) {
	for _, b := range buf[at-window : at] {
		d = (d<<8 | uint64(b)) ^ l.mod[uint8(d>>(degree-8))]
	}
	return d
}

// one looks at the n positions from at on.
func (l *lanes) one(buf []byte, at, n int) int {
	d := l.digest(buf, at)
	if d&l.mask == 0 {
		return at
	}
	in, out := buf[at:][:n-1], buf[at-window:][:n-1]
	for i := range in {
		d = (d<<8 | uint64(in[i])) ^ l.mod[uint8(d>>(degree-8))] ^ l.out[out[i]]
		if d&l.mask == 0 {
			return at + i + 1
		}
	}
	return -1
}

// four looks at the 4·n positions from at on, in four lanes of n.
func (l *lanes) four(buf []byte, at, n int) int {
	a, b, c, e := at, at+n, at+2*n, at+3*n // where the lanes begin
	da, db, dc, de := l.digest(buf, a), l.digest(buf, b), l.digest(buf, c), l.digest(buf, e)
	ia, oa := buf[a:][:n-1], buf[a-window:][:n-1]
	ib, ob := buf[b:][:n-1], buf[b-window:][:n-1]
	ic, oc := buf[c:][:n-1], buf[c-window:][:n-1]
	ie, oe := buf[e:][:n-1], buf[e-window:][:n-1]
	hb, hc, he := -1, -1, -1 // the first cuts of the later lanes
	for i := 0; ; i++ {
		if da&l.mask == 0 {
			return a + i
		}
		if db&l.mask == 0 && hb < 0 {
			hb = b + i
		}
		if dc&l.mask == 0 && hc < 0 {
			hc = c + i
		}
		if de&l.mask == 0 && he < 0 {
			he = e + i
		}
		if i >= n-1 {
			break
		}
		da = (da<<8 | uint64(ia[i])) ^ l.mod[uint8(da>>(degree-8))] ^ l.out[oa[i]]
		db = (db<<8 | uint64(ib[i])) ^ l.mod[uint8(db>>(degree-8))] ^ l.out[ob[i]]
		dc = (dc<<8 | uint64(ic[i])) ^ l.mod[uint8(dc>>(degree-8))] ^ l.out[oc[i]]
		de = (de<<8 | uint64(ie[i])) ^ l.mod[uint8(de>>(degree-8))] ^ l.out[oe[i]]
	}
	for _, cut := range [...]int{hb, hc, he} {
		if cut >= 0 {
			return cut
		}
	}
	return -1
}
