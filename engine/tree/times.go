package tree

// An entry says its time up to three times: in Time, often in its key, in decimal,
// and in its content, where protocol buffers have milliseconds since 1970 as varints
// of six bytes. A leaf says it once, and differences.

// A number in a key that may be a time in milliseconds has this many digits.
const minTimeDigits, maxTimeDigits = 13, 18

// timeIn returns the number that the last run of 13 to 18 decimal digits in a key
// says; without one, before.
func timeIn(key []byte, before int64) int64 {
	for end := len(key); end > 0; {
		start := end
		for start > 0 && isDigit(key[start-1]) {
			start--
		}
		if n := end - start; minTimeDigits <= n && n <= maxTimeDigits {
			number := int64(0)
			for _, c := range key[start:end] {
				number = 10*number + int64(c-'0')
			}
			return number
		}
		end = max(start-1, 0)
	}
	return before
}

const (
	sixBytes = 6
	sixBits  = 7 * sixBytes
	sixMask  = 1<<sixBits - 1
)

// toDifferences changes each varint of six bytes in content, those that follow no
// byte of the same varint, from v to the zigzag-coded difference v - time modulo
// 2^42, again in six bytes: times near the entry's become alike. What is a varint of
// six bytes stays one, so that toTimes finds the same.
func toDifferences(content []byte, time int64) {
	eachSixBytes(content, func(v uint64) uint64 {
		d := (v - uint64(time)) & sixMask
		return d<<1 ^ -(d >> (sixBits - 1))
	})
}

// toTimes undoes toDifferences.
func toTimes(content []byte, time int64) {
	eachSixBytes(content, func(z uint64) uint64 { return (z>>1 ^ -(z & 1)) + uint64(time) })
}

// eachSixBytes replaces each number that is exactly five bytes with the top bit and
// one without.
func eachSixBytes(content []byte, f func(uint64) uint64) {
	high := 0 // bytes with the top bit before i
	for i, b := range content {
		if b >= 0x80 {
			high++
			continue
		}
		if high == sixBytes-1 {
			putSixBytes(content[i-high:i+1], f)
		}
		high = 0
	}
}

func putSixBytes(at []byte, f func(uint64) uint64) {
	v := uint64(0)
	for j, b := range at {
		v |= uint64(b&0x7f) << (7 * j)
	}
	v = f(v)
	for j := range at {
		at[j] = at[j]&0x80 | byte(v>>(7*j))&0x7f
	}
}
