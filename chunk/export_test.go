package chunk

// NewLanes is NewCutter with lanes however small the average is; NewRestic
// never has them.
func NewLanes(p Polynomial, b Bounds) *Cutter {
	c := NewCutter(p, b)
	c.lanes = newLanes(p, b)
	return c
}

// NewRestic leaves all to restic/chunker.
func NewRestic(p Polynomial, b Bounds) *Cutter {
	c := NewCutter(p, b)
	c.lanes = nil
	return c
}

// FindCut is what lanes find in buf from a position on.
func FindCut(p Polynomial, bits int) func(buf []byte, from int) int {
	return newLanes(p, Bounds{Min: window, Bits: bits, Max: maxChunk}).find
}
