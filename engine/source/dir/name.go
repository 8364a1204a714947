package dir

import (
	"errors"
	"strings"
)

// ErrName is the cause in the Problem of an item whose key cannot be a path below
// the target on this system.
var ErrName = errors.New("not a name that can be written here")

// checkKey says whether key may become a path below the target: relative, with
// slashes, no empty, "." or ".." part, no NUL. For Windows, where a name can mean
// a device, a stream, another drive or another name, it refuses all of those too.
// os.Root and filepath.IsLocal are not enough: on Linux they accept `a\..\b`, and
// what is written on Linux may lie on a disk that Windows mounts.
func checkKey(key string, windows bool) error {
	if key == "" || strings.IndexByte(key, 0) >= 0 {
		return ErrName
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return ErrName
		}
		if windows && !windowsName(part) {
			return ErrName
		}
	}
	return nil
}

// windowsName says whether Windows takes part as the name of an ordinary file.
func windowsName(part string) bool {
	for _, r := range part {
		if r < ' ' || strings.ContainsRune(`\:*?"<>|`, r) {
			return false
		}
	}
	if last := part[len(part)-1]; last == '.' || last == ' ' {
		return false
	}
	stem, _, _ := strings.Cut(part, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return false
	}
	for _, device := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(stem, device); ok && strings.ContainsAny(n, "0123456789¹²³") && len([]rune(n)) == 1 {
			return false
		}
	}
	return true
}
