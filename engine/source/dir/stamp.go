package dir

import (
	"encoding/binary"
	"io/fs"
	"time"

	"github.com/zeebo/blake3"
)

// stamp hashes what changes when the content of a file does: its size, the times
// of its content and of its inode, and which inode it is. Permissions count too,
// by way of the inode's time.
func stamp(info fs.FileInfo) []byte {
	changed, _ := changeTime(info)
	var b [32]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(info.Size()))
	binary.LittleEndian.PutUint64(b[8:], uint64(info.ModTime().UnixNano()))
	binary.LittleEndian.PutUint64(b[16:], uint64(changed.UnixNano()))
	binary.LittleEndian.PutUint64(b[24:], inode(info))
	sum := blake3.Sum256(b[:])
	return sum[:16]
}

// The clocks that stamp inodes tick every few milliseconds at best, and every two
// seconds where times have no fraction. Within a tick a second write of the same
// length leaves the same times.
const (
	fineTick   = 20 * time.Millisecond
	coarseTick = 2 * time.Second
)

// settled says whether a write after now would surely show in the inode's times.
func settled(changed, now time.Time) bool {
	tick := fineTick
	if changed.Nanosecond() == 0 {
		tick = coarseTick
	}
	return now.Sub(changed) > tick
}
