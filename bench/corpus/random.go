package corpus

import (
	"encoding/binary"
	"math"

	"github.com/zeebo/blake3"
)

// random is splitmix64: a stream of numbers that costs nothing to begin, so that
// each message has its own.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number in [0, n); 0 if there is none.
func (r *random) below(n int64) int64 {
	if n <= 0 {
		return 0
	}
	return int64(r.next() % uint64(n))
}

// unit returns a number in [0, 1).
func (r *random) unit() float64 { return float64(r.next()>>11) / (1 << 53) }

// oneIn says yes once in n times.
func (r *random) oneIn(n int64) bool { return r.below(n) == 0 }

// logNormal draws from the distribution with this median and spread.
func (r *random) logNormal(median, sigma float64) float64 {
	u, v := 1-r.unit(), r.unit()
	return median * math.Exp(sigma*math.Sqrt(-2*math.Log(u))*math.Cos(2*math.Pi*v))
}

// rand returns the stream for the n-th thing of this kind.
func (c *Corpus) rand(kind string, n uint64) random {
	r := random(c.seed*0x9e3779b97f4a7c15 + n)
	for i := range len(kind) {
		r = random(r.next() + uint64(kind[i]))
	}
	r.next()
	return r
}

// bytes returns size bytes that stand for the n-th secret of this kind.
func (c *Corpus) bytes(kind string, n uint64, size int) []byte {
	h := blake3.New()
	h.Write(binary.LittleEndian.AppendUint64(nil, c.seed))
	h.Write(binary.LittleEndian.AppendUint64(nil, n))
	h.Write([]byte(kind))
	out := make([]byte, size)
	h.Digest().Read(out)
	return out
}
