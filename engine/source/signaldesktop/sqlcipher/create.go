package sqlcipher

import (
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

// A Writer makes a database, for tests and for made-up histories: SQLite writes through
// it, and what reaches the file is sealed. It keeps no journal, so a crash leaves no
// database; a log is written whole, when all that belongs into it is committed.
type Writer struct {
	*Conn
	file  *os.File
	codec *codec
	size  int64
	log   map[uint32]*[pageSize]byte // sealed pages that go into the log; nil: into the file
	err   error
}

// Create makes an empty database in f, which is empty.
func Create(f *os.File, key Key, salt [16]byte) (*Writer, error) {
	c, err := newCodec(key, salt)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f, codec: c}
	if w.Conn, err = connect(w, 0, written{readOnly{}, w}); err != nil {
		return nil, err
	}
	if _, err = w.FileControl("", sqlite3.FCNTL_RESERVE_BYTES, pageSize-used); err == nil {
		err = w.Exec("PRAGMA page_size=4096; PRAGMA journal_mode=off; PRAGMA synchronous=off; PRAGMA locking_mode=exclusive")
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Err returns the first error of a write.
func (w *Writer) Err() error { return w.err }

// BeginLog makes what is committed from now on go into the log.
func (w *Writer) BeginLog() { w.log = map[uint32]*[pageSize]byte{} }

// WriteLog writes the log, as one commit.
func (w *Writer) WriteLog(to io.Writer) error {
	head := make([]byte, logHead)
	binary.BigEndian.PutUint32(head, logMagic)
	binary.BigEndian.PutUint32(head[4:], logFormat)
	binary.BigEndian.PutUint32(head[8:], pageSize)
	copy(head[16:24], w.codec.salt[:])
	sum := &checksum{order: binary.LittleEndian}
	sum.add(head[:24])
	sum.put(head[24:])
	if _, err := to.Write(head); err != nil {
		return err
	}
	numbers := slices.Sorted(maps.Keys(w.log))
	frame := make([]byte, frameSize)
	for i, number := range numbers {
		binary.BigEndian.PutUint32(frame, number)
		binary.BigEndian.PutUint32(frame[4:], 0)
		if i == len(numbers)-1 {
			binary.BigEndian.PutUint32(frame[4:], uint32(w.size/pageSize))
		}
		copy(frame[8:16], head[16:24])
		copy(frame[frameHead:], w.log[number][:])
		sum.add(frame[:8])
		sum.add(frame[frameHead:])
		sum.put(frame[16:24])
		if _, err := to.Write(frame); err != nil {
			return err
		}
	}
	return nil
}

// written is the file that SQLite writes to, whole pages at a time.
type written struct {
	readOnly
	w *Writer
}

func (f written) ReadAt(b []byte, at int64) (int, error) { return f.w.readAt(b, at) }
func (f written) WriteAt(b []byte, at int64) (int, error) {
	n, err := f.w.writeAt(b, at)
	if err != nil && f.w.err == nil {
		f.w.err = err
	}
	return n, err
}
func (f written) Size() (int64, error) { return f.w.size, nil }
func (f written) Truncate(size int64) error {
	f.w.size = size
	return nil
}
func (written) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }

func (w *Writer) readAt(b []byte, at int64) (n int, err error) {
	var page [pageSize]byte
	for n < len(b) && at < w.size {
		number := uint32(at/pageSize) + 1
		if sealed, ok := w.log[number]; ok {
			page = *sealed
		} else if err := readAt(w.file, page[:], int64(number-1)*pageSize); err != nil {
			return n, err
		}
		if !w.codec.open(page[:], number) {
			return n, corrupt("page %d", number)
		}
		m := copy(b[n:], page[at%pageSize:])
		n, at = n+m, at+int64(m)
	}
	if n < len(b) {
		err = io.EOF
	}
	return n, err
}

func (w *Writer) writeAt(b []byte, at int64) (int, error) {
	if len(b) != pageSize || at%pageSize != 0 {
		return 0, errors.New("not a page")
	}
	sealed, number := [pageSize]byte(b), uint32(at/pageSize)+1
	w.codec.seal(sealed[:], number)
	w.size = max(w.size, at+pageSize)
	if w.log != nil {
		w.log[number] = &sealed
		return pageSize, nil
	}
	return w.file.WriteAt(sealed[:], at)
}
