package store

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/blake3"
)

// A copy is a file named as its object, with "_" for "/":
//
//	content │ block hash 16 × ⌈size/16 KiB⌉ │ magic 8 │ size 8, LE
//
// A block's hash is BLAKE3(size 8 ‖ number 8 ‖ name ‖ block), cut to 16 bytes, so that
// blocks and copies cannot stand for one another.
const (
	cacheMagic  = "dfcopy\x00\x01"
	cacheBlock  = 16 << 10
	cacheHash   = 16
	cacheFooter = 16
	cacheTemp   = ".tmp-"
)

// cached is a copy that is believed to be there. size is that of its file.
type cached struct {
	name    string
	size    int64
	touched bool // the file's time says that it was read since this process began
}

func copyFile(name string) string { return strings.ReplaceAll(name, "/", "_") }

func copySize(size int64) int64 {
	return size + (size+cacheBlock-1)/cacheBlock*cacheHash + cacheFooter
}

func blockHash(name string, size, block int64, data []byte) [cacheHash]byte {
	head := binary.LittleEndian.AppendUint64(nil, uint64(size))
	head = binary.LittleEndian.AppendUint64(head, uint64(block))
	h := blake3.New()
	h.Write(append(head, name...))
	h.Write(data)
	return [cacheHash]byte(h.Sum(nil))
}

// load finds the copies that earlier processes left, and sweeps unfinished ones.
func (c *Cache) load() {
	dir, err := c.root.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(-1)
	var infos []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if strings.HasPrefix(e.Name(), cacheTemp) {
			if time.Since(info.ModTime()) > time.Hour {
				c.root.Remove(e.Name())
			}
			continue
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, info := range infos {
		if name := strings.ReplaceAll(info.Name(), "_", "/"); ValidName(name) {
			c.copies[name] = c.order.PushBack(&cached{name: name, size: info.Size()})
			c.size += info.Size()
		}
	}
	c.shrink()
}

// shrink removes the copies read longest ago until the rest fits. c.mu is held, or
// nobody else has c.
func (c *Cache) shrink() {
	for c.size > c.limit && c.order.Len() > 0 {
		c.forget(c.order.Back().Value.(*cached).name)
	}
}

// forget removes a copy. c.mu is held.
func (c *Cache) forget(name string) error {
	if e := c.copies[name]; e != nil {
		c.size -= e.Value.(*cached).size
		c.order.Remove(e)
		delete(c.copies, name)
	}
	if err := c.root.Remove(copyFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// drop removes a copy, whether this process knew of it or not.
func (c *Cache) drop(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.forget(name)
}

// insert writes a copy, if there is room for it at all and it can. There is nothing to
// check in an empty object, so none is kept.
func (c *Cache) insert(name string, data []byte) {
	size := copySize(int64(len(data)))
	if size > c.limit || len(data) == 0 {
		return
	}
	temp := cacheTemp + rand.Text()
	err := c.write(temp, name, data)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || c.gone[name] || c.root.Rename(temp, copyFile(name)) != nil {
		c.root.Remove(temp)
		return
	}
	if e := c.copies[name]; e != nil {
		c.size -= e.Value.(*cached).size
		c.order.Remove(e)
	}
	c.copies[name] = c.order.PushFront(&cached{name: name, size: size, touched: true})
	c.size += size
	c.shrink()
}

func (c *Cache) write(temp, name string, data []byte) error {
	size := int64(len(data))
	var tail []byte
	for i := int64(0); i*cacheBlock < size; i++ {
		h := blockHash(name, size, i, data[i*cacheBlock:min((i+1)*cacheBlock, size)])
		tail = append(tail, h[:]...)
	}
	tail = binary.LittleEndian.AppendUint64(append(tail, cacheMagic...), uint64(size))
	f, err := c.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		_, err = f.Write(tail)
	}
	return errors.Join(err, f.Close())
}

// copied reads a part of an object from its copy. It is not ok if there is none, or
// what is read of it is not as it was written; then the copy is removed. If the object
// is too short for the part, data is nil.
func (c *Cache) copied(name string, off int64, n int) (data []byte, size int64, ok bool) {
	c.mu.Lock()
	e, known := c.copies[name]
	touch := known && !e.Value.(*cached).touched
	if known {
		c.order.MoveToFront(e)
		e.Value.(*cached).touched = true
	}
	c.mu.Unlock()
	f, err := c.root.OpenFile(copyFile(name), os.O_RDONLY, 0)
	if err != nil {
		if known && errors.Is(err, fs.ErrNotExist) {
			c.drop(name) // another process made room
		}
		return nil, 0, false
	}
	defer f.Close()
	if data, size, ok = readCopy(f, name, off, n); !ok {
		c.drop(name)
	} else if touch {
		c.root.Chtimes(copyFile(name), time.Time{}, time.Now())
	}
	return data, size, ok
}

func readCopy(f *os.File, name string, off int64, n int) (data []byte, size int64, ok bool) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() < cacheFooter {
		return nil, 0, false
	}
	var footer [cacheFooter]byte
	if _, err := f.ReadAt(footer[:], info.Size()-cacheFooter); err != nil || string(footer[:8]) != cacheMagic {
		return nil, 0, false
	}
	size = int64(binary.LittleEndian.Uint64(footer[8:]))
	if size <= 0 || size > info.Size() || copySize(size) != info.Size() {
		return nil, 0, false
	}
	if off > size || int64(n) > size-off {
		return nil, size, checkBlocks(f, name, size, size-1, size) != nil
	}
	end := size
	if n >= 0 {
		end = off + int64(n)
	}
	if off == end {
		return []byte{}, size, true
	}
	blocks := checkBlocks(f, name, size, off, end)
	if blocks == nil {
		return nil, 0, false
	}
	first := off / cacheBlock * cacheBlock
	return blocks[off-first : end-first], size, true
}

// checkBlocks reads the blocks that hold the bytes off to end of the content, off < end;
// nil if they are not what was written.
func checkBlocks(f *os.File, name string, size, off, end int64) []byte {
	first, last := off/cacheBlock, (end-1)/cacheBlock
	data := make([]byte, min((last+1)*cacheBlock, size)-first*cacheBlock)
	hashes := make([]byte, (last-first+1)*cacheHash)
	if _, err := f.ReadAt(data, first*cacheBlock); err != nil {
		return nil
	}
	if _, err := f.ReadAt(hashes, size+first*cacheHash); err != nil {
		return nil
	}
	for i := first; i <= last; i++ {
		at := (i - first) * cacheBlock
		h := blockHash(name, size, i, data[at:min(at+cacheBlock, int64(len(data)))])
		if string(h[:]) != string(hashes[(i-first)*cacheHash:][:cacheHash]) {
			return nil
		}
	}
	return data
}
