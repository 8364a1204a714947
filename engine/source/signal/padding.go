package signal

import "math"

// minPadded is the smallest padded size.
const minPadded = 541

// PaddedSize returns the size in bytes to which Signal pads n bytes with zeros
// before it encrypts them: the next power of 1.05, rounded down, and at least 541.
func PaddedSize(n int64) int64 {
	if n <= minPadded {
		return minPadded
	}
	step := math.Ceil(math.Log(float64(n)) / math.Log(1.05))
	return max(n, int64(math.Floor(math.Pow(1.05, step))))
}

// IsSealedSize says whether a media file may have this size: whatever its content, it
// was padded to one of few.
func IsSealedSize(size int64) bool {
	blocks := (size-IVSize-macSize)/blockSize - 1
	for n := blocks * blockSize; n < (blocks+1)*blockSize; n++ {
		if n >= minPadded && PaddedSize(n) == n && SealedSize(n) == size {
			return true
		}
	}
	return false
}

// SealedSize returns the size of the file of a media of n bytes:
// IV, padded content with one to sixteen bytes of CBC padding, HMAC.
func SealedSize(n int64) int64 {
	return IVSize + (PaddedSize(n)/blockSize+1)*blockSize + macSize
}
