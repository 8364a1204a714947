package dir

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"time"

	"github.com/dayfold/dayfold/pack/seal"
)

// meta is what an item's Meta holds of a name:
//
//	type 1 │ permissions uvarint │ seconds varint │ nanoseconds uvarint
//
// type is 'f', 'd' or 'l'; permissions are the twelve bits of chmod(2), with 04000
// for setuid, 02000 for setgid and 01000 for sticky; the time is that of the last
// change of the content, as seconds since 1970 (zigzag) and nanoseconds below 1e9.
type meta struct {
	kind byte
	perm uint32
	time time.Time
}

const (
	typeFile = 'f'
	typeDir  = 'd'
	typeLink = 'l'
)

// specials are the bits of chmod(2) that fs.FileMode keeps elsewhere.
var specials = []struct {
	mode fs.FileMode
	perm uint32
}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}}

func metaOf(info fs.FileInfo) meta {
	m := meta{kind: typeFile, perm: uint32(info.Mode().Perm()), time: info.ModTime()}
	switch info.Mode().Type() {
	case fs.ModeDir:
		m.kind = typeDir
	case fs.ModeSymlink:
		m.kind = typeLink
	}
	for _, s := range specials {
		if info.Mode()&s.mode != 0 {
			m.perm |= s.perm
		}
	}
	return m
}

// mode returns the permissions as chmod takes them; setuid and setgid only if the
// caller asks for them.
func (m meta) mode(setID bool) fs.FileMode {
	mode := fs.FileMode(m.perm & 0o777)
	for _, s := range specials {
		if m.perm&s.perm != 0 && (setID || s.mode == fs.ModeSticky) {
			mode |= s.mode
		}
	}
	return mode
}

func appendMeta(dst []byte, m meta) []byte {
	dst = append(dst, m.kind)
	dst = binary.AppendUvarint(dst, uint64(m.perm))
	dst = binary.AppendVarint(dst, m.time.Unix())
	return binary.AppendUvarint(dst, uint64(m.time.Nanosecond()))
}

// parseMeta accepts exactly what appendMeta writes.
func parseMeta(b []byte) (meta, error) {
	bad := func(what string) (meta, error) {
		return meta{}, fmt.Errorf("folder entry: %s: %w", what, seal.ErrCorrupt)
	}
	if len(b) == 0 {
		return bad("empty")
	}
	m := meta{kind: b[0]}
	if m.kind != typeFile && m.kind != typeDir && m.kind != typeLink {
		return bad("type")
	}
	perm, n := uvarint(b[1:])
	if n <= 0 || perm > 0o7777 {
		return bad("permissions")
	}
	m.perm = uint32(perm)
	b = b[1+n:]
	zigzag, n := uvarint(b)
	if n <= 0 {
		return bad("seconds")
	}
	b = b[n:]
	nano, n := uvarint(b)
	if n <= 0 || nano >= 1e9 {
		return bad("nanoseconds")
	}
	if len(b) != n {
		return bad("trailing bytes")
	}
	m.time = time.Unix(int64(zigzag>>1)^-int64(zigzag&1), int64(nano))
	return m, nil
}

// uvarint reads a canonical uvarint: n ≤ 0 when there is none, or a longer form.
func uvarint(b []byte) (v uint64, n int) {
	v, n = binary.Uvarint(b)
	if n > 1 && b[n-1] == 0 {
		return 0, -1
	}
	return v, n
}
