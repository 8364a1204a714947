package sqlcipher

import (
	"encoding/binary"
	"io"
)

// Pages are the pages of a database as SQLite knows them: an io.ReaderAt of a plain
// database that is nowhere but in the page that is being read. They are for one caller at a time.
type Pages struct {
	db    io.ReaderAt
	log   *log
	codec *codec
	size  int64 // bytes
	have  uint32
	page  [pageSize]byte // number have
	err   error
}

// Open opens a database of size bytes and its log, of logSize bytes; none: 0. A wrong
// key is ErrKey, damage of the first page or of the length is ErrCorrupt.
func Open(key Key, db io.ReaderAt, size int64, wal io.ReaderAt, logSize int64) (*Pages, error) {
	l, err := readLog(wal, logSize)
	if err != nil {
		return nil, err
	}
	var salt [saltSize]byte
	if first, ok := l.at[1]; ok {
		err = readAt(wal, salt[:], first)
	} else {
		err = readAt(db, salt[:], 0)
	}
	if err != nil {
		return nil, err
	}
	p := &Pages{db: db, log: l, size: size}
	if l.pages > 0 {
		p.size = int64(l.pages) * pageSize
	}
	if p.codec, err = newCodec(key, salt); err != nil {
		return nil, err
	}
	return p, p.check(size)
}

// check looks at page 1, and whether the file is as long as it must be.
func (p *Pages) check(size int64) error {
	if p.size < pageSize {
		return corrupt("a database of %d bytes", size)
	}
	if p.load(1) != nil {
		for number := uint32(2); number < 6; number++ {
			if p.load(number) == nil {
				return corrupt("page 1")
			}
		}
		return ErrKey
	}
	if string(p.page[:len(magic)]) != magic || binary.BigEndian.Uint16(p.page[len(magic):]) != pageSize || p.page[atReserved] != pageSize-used {
		return corrupt("page 1 is not that of a database")
	}
	p.err = nil
	return nil
}

// Size is the length of the plain database.
func (p *Pages) Size() (int64, error) { return p.size, nil }

// Err returns the first error of a read. SQLite passes on only that there was one.
func (p *Pages) Err() error { return p.err }

// ReadAt reads plain bytes.
func (p *Pages) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		if at >= p.size {
			return n, io.EOF
		}
		if err := p.load(uint32(at/pageSize) + 1); err != nil {
			return n, err
		}
		m := copy(b[n:], p.page[at%pageSize:])
		n, at = n+m, at+int64(m)
	}
	return n, nil
}

// load makes page the plain one of this number.
func (p *Pages) load(number uint32) error {
	if p.have == number {
		return nil
	}
	p.have = 0
	r, at := p.db, int64(number-1)*pageSize
	if frame, ok := p.log.at[number]; ok {
		r, at = p.log.r, frame
	}
	err := readAt(r, p.page[:], at)
	if err == nil && !p.codec.open(p.page[:], number) {
		err = corrupt("page %d", number)
	}
	if err != nil {
		if p.err == nil {
			p.err = err
		}
		return err
	}
	p.have = number
	return nil
}
