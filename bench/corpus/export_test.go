package corpus

import "iter"

// Frames are those of a day, as Signal's formats have them.
func (d *Day) Frames() iter.Seq[[]byte] { return d.frames() }
