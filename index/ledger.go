package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/zeebo/blake3"
)

// A ledger says what a database consists of, in a file of its own:
//
//	dayfold index 1
//	key 64 hexadecimal digits
//	file hash size name         one line for each, ordered by name
//	end hash of all lines above
//
// While the database is open the ledger names no files, and so fits to nothing.
// Closing writes it anew. So Badger never sees a file that is not, byte for byte, what it left
// when it was last closed: what it makes of other files ranges from missing keys
// to a panic in a goroutine that nobody can recover.
type ledger struct {
	key   [keySize]byte // of the hashes in the database's keys
	files []file
}

type file struct {
	hash [32]byte
	size int64
	name string
}

const (
	ledgerName  = "LEDGER"
	ledgerTitle = "dayfold index 1\n"
	maxLedger   = 16 << 20
)

func (l ledger) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%skey %x\n", ledgerTitle, l.key)
	for _, f := range l.files {
		fmt.Fprintf(&b, "file %x %d %s\n", f.hash, f.size, f.name)
	}
	fmt.Fprintf(&b, "end %x\n", blake3.Sum256(b.Bytes()))
	return b.Bytes()
}

// parse is the reverse of encode; it accepts nothing that encode does not write.
func parse(data []byte) (l ledger, ok bool) {
	text, _ := strings.CutPrefix(string(data), ledgerTitle)
	for line := range strings.Lines(text) {
		var f file
		var key, hash []byte
		switch {
		case scan(line, "key %x\n", &key) && len(key) == len(l.key):
			l.key = [keySize]byte(key)
		case scan(line, "file %x %d %s\n", &hash, &f.size, &f.name) && len(hash) == len(f.hash):
			f.hash = [32]byte(hash)
			l.files = append(l.files, f)
		}
	}
	return l, bytes.Equal(l.encode(), data)
}

func scan(line, format string, a ...any) bool {
	n, err := fmt.Sscanf(line, format, a...)
	return err == nil && n == len(a)
}

// readLedger reads the ledger of a database; errUnclean means that it is not one.
func readLedger(dir string) (ledger, error) {
	f, err := os.Open(filepath.Join(dir, ledgerName))
	if errors.Is(err, fs.ErrNotExist) {
		return ledger{}, errUnclean
	}
	if err != nil {
		return ledger{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLedger))
	if err != nil {
		return ledger{}, err
	}
	l, ok := parse(data)
	if !ok {
		return ledger{}, errUnclean
	}
	return l, nil
}

// write replaces the ledger, durably.
func (l ledger) write(dir string) error {
	name := filepath.Join(dir, ledgerName)
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(l.encode())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	if d, err := os.Open(dir); err == nil { // not all systems can sync a folder
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// verify returns errUnclean unless dir holds exactly the files in the ledger.
// What cannot belong to a database is passed over.
func (l ledger) verify(dir string) error {
	now := ledger{key: l.key}
	if err := now.record(dir, ledger{}); err != nil {
		return err
	}
	if !bytes.Equal(now.encode(), l.encode()) {
		return errUnclean
	}
	return nil
}

// record takes the files in dir into the ledger. A table that an older ledger of
// the same session has is not read again: Badger never changes one.
func (l *ledger) record(dir string, old ledger) error {
	known := make(map[string]file, len(old.files))
	for _, f := range old.files {
		known[f.name] = f
	}
	names, err := list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !belongs(name) || strings.HasPrefix(name, ledgerName) {
			continue
		}
		f, ok := known[name]
		if !ok || filepath.Ext(name) != ".sst" {
			if f, err = hashFile(dir, name); err != nil {
				return err
			}
		}
		l.files = append(l.files, f)
	}
	return nil
}

func hashFile(dir, name string) (file, error) {
	in, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return file{}, err
	}
	defer in.Close()
	h := blake3.New()
	size, err := io.Copy(h, in)
	if err != nil {
		return file{}, err
	}
	f := file{size: size, name: name}
	h.Sum(f.hash[:0])
	return f, nil
}
