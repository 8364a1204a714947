package pack

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/dayfold/dayfold/pack/seal"
)

// A Name is the BLAKE3 hash of a pack's bytes, so that anyone can check a pack
// for rot without a key. Names compare with ==.
type Name [32]byte

const folder = "packs/"

// Path returns where the pack lies in a store: "packs/ab/ab…", the whole name
// in 64 lower-case hexadecimal digits behind its first two.
func (n Name) Path() string {
	name := n.String()
	return folder + name[:2] + "/" + name
}

// String returns the name in 64 hexadecimal digits.
func (n Name) String() string { return hex.EncodeToString(n[:]) }

// ParsePath is the reverse of Path. The error for anything else wraps seal.ErrCorrupt.
func ParsePath(path string) (Name, error) {
	var n Name
	name := strings.TrimPrefix(path, folder)
	if len(name) == 3+2*len(n) {
		if _, err := hex.Decode(n[:], []byte(name[3:])); err == nil && n.Path() == path {
			return n, nil
		}
	}
	return Name{}, fmt.Errorf("parse path of a pack: %w", seal.ErrCorrupt)
}
