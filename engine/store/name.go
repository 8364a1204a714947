package store

import "strings"

// MaxName is the longest name, in bytes.
const MaxName = 200

// ValidName reports whether name can name an object: segments of [0-9a-z.-] with "/"
// between them, none empty, none with a dot as its first or last byte, at most MaxName
// bytes in all. So no name climbs out of its place, differs from another only in case,
// or means something of its own on any system; and names that begin with a dot are free
// for a place's own unfinished files.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxName {
		return false
	}
	for seg := range strings.SplitSeq(name, "/") {
		if seg == "" || seg[0] == '.' || seg[len(seg)-1] == '.' {
			return false
		}
		for i := range len(seg) {
			if c := seg[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '.' && c != '-' {
				return false
			}
		}
	}
	return true
}

// ValidPrefix reports whether some valid name begins with prefix.
func ValidPrefix(prefix string) bool {
	return prefix == "" || len(prefix) <= MaxName && ValidName(prefix) || ValidName(prefix+"x")
}
