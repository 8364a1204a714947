package pack

import "math/bits"

// Sizes in a store lie on a public grid, so that they tell little of what is inside.
const (
	minSize   = 64 << 10
	objectMin = 4 << 10

	// MaxSize is the largest pack that is read or written, in bytes.
	MaxSize = 128 << 20
)

// PackSize returns the size of the pack that n bytes fit into: from 64 KiB to
// 1 MiB the next quarter of an octave (64, 80, 96, 112, 128, 160 … KiB), above
// that the next Padmé size, which is at most 3.2 % more. It is its own inverse:
// PackSize(PackSize(n)) = PackSize(n).
func PackSize(n int) int {
	if n <= minSize {
		return minSize
	}
	step := gridStep(n)
	return (n + step - 1) / step * step
}

// gridStep returns the distance of the grid above n, which is at least 64 KiB.
// Between two powers of two 2^e it is a quarter up to 1 MiB, and above that
// Padmé's: as many leading bits stay as the number e has, and one.
func gridStep(n int) int {
	e := bits.Len(uint(n)) - 1
	if n < 1<<20 {
		return 1 << (e - 2)
	}
	return 1 << (e - bits.Len(uint(e)))
}

// ObjectSize returns the size of any other object that n bytes fit into: the
// next multiple of 4,096, at least one.
func ObjectSize(n int) int {
	return max(objectMin, (n+objectMin-1)/objectMin*objectMin)
}
