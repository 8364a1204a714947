package sqlcipher

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

// A Conn is SQLite over the pages of a database.
type Conn struct {
	*sqlite3.Conn
	name  string
	pages interface{ Err() error }
}

// SQL opens the pages for reading. What SQLite sorts stays in memory; it is given no
// other file.
func (p *Pages) SQL() (*Conn, error) { return connect(p, vfs.OPEN_READONLY, readOnly{p}) }

var connections atomic.Int64

func connect(pages interface{ Err() error }, flag vfs.OpenFlag, f vfs.File) (*Conn, error) {
	c := &Conn{name: fmt.Sprintf("dayfold-%d", connections.Add(1)), pages: pages}
	vfs.Register(c.name, oneFile{f, flag})
	var err error
	if c.Conn, err = sqlite3.Open("file:db?vfs=" + c.name); err != nil {
		vfs.Unregister(c.name)
		return nil, c.Cause(err)
	}
	if err = c.Exec("PRAGMA temp_store=memory; PRAGMA trusted_schema=off; PRAGMA cell_size_check=on"); err != nil {
		return nil, c.Cause(errors.Join(err, c.Close()))
	}
	return c, nil
}

// Close ends the use of the pages.
func (c *Conn) Close() error {
	vfs.Unregister(c.name)
	return c.Conn.Close()
}

// Cause returns the error of the pages that is behind an error of SQLite's, and says of
// what SQLite cannot make sense that it is damage.
func (c *Conn) Cause(err error) error {
	switch {
	case err == nil:
	case c.pages.Err() != nil:
		return c.pages.Err()
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.IOERR):
		return corrupt("%v", err)
	}
	return err
}

// oneFile is a file system with one file, and no place for a second.
type oneFile struct {
	file vfs.File
	flag vfs.OpenFlag
}

func (o oneFile) Open(_ string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if flags&vfs.OPEN_MAIN_DB == 0 {
		return nil, flags, sqlite3.CANTOPEN
	}
	return o.file, flags | o.flag, nil
}

func (oneFile) Delete(string, bool) error                   { return sqlite3.IOERR_DELETE }
func (oneFile) Access(string, vfs.AccessFlag) (bool, error) { return false, nil }
func (oneFile) FullPathname(name string) (string, error)    { return name, nil }

// readOnly is a file that nobody else has open and nobody writes.
type readOnly struct{ *Pages }

func (readOnly) Close() error                       { return nil }
func (readOnly) WriteAt([]byte, int64) (int, error) { return 0, sqlite3.IOERR_WRITE }
func (readOnly) Truncate(int64) error               { return sqlite3.IOERR_TRUNCATE }
func (readOnly) Sync(vfs.SyncFlag) error            { return nil }
func (readOnly) Lock(vfs.LockLevel) error           { return nil }
func (readOnly) Unlock(vfs.LockLevel) error         { return nil }
func (readOnly) CheckReservedLock() (bool, error)   { return false, nil }
func (readOnly) SectorSize() int                    { return 0 }
func (readOnly) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return vfs.IOCAP_IMMUTABLE
}
