package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/collect"
	"github.com/dayfold/dayfold/engine/store/storetest"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// A badInput is one of the catalogue: what is done to an archive, or made in it by one
// who holds its key, and the kind of error that must come of it. With a nil kind it does
// no harm at all. elsewhere names the test of another package that has the input.
type badInput struct {
	n         int
	name      string
	make      func(b *bad) error
	want      error
	elsewhere string
}

// A bad is the archive that an input is tried on.
type bad struct {
	*fixture
	*chat
	open func(*engine.Options) // how it is opened by the one who reads
}

var errNone error

// kinds of objects, by what their names begin with.
const (
	aConfig, aSlot, aPack, aSnapshot, aFence, aSegment = "config", "keys/", "packs/", "snapshots/", "gc/fence/", "index/"
)

var badInputs = slices.Concat(
	framing(1, "empty", func(b []byte) []byte { return []byte{} }, seal.ErrCorrupt),
	framing(2, "one byte", func(b []byte) []byte { return b[:1] }, seal.ErrCorrupt),
	framing(3, "header only", func(b []byte) []byte { return b[:96] }, seal.ErrCorrupt),
	framing(4, "the end only", func(b []byte) []byte { return b[len(b)-32:] }, seal.ErrCorrupt),
	framing(5, "another magic", func(b []byte) []byte { b[0]++; return b }, seal.ErrCorrupt),
	framing(6, "newer version", func(b []byte) []byte { b[8]++; return b }, seal.ErrVersion),
	framing(7, "unknown role or kind", func(b []byte) []byte { b[9] = 77; return b }, seal.ErrCorrupt),
	framing(8, "reserved bytes", func(b []byte) []byte { b[11] = 1; return b }, seal.ErrCorrupt),
	framing(9, "salt of zeros", func(b []byte) []byte { clear(b[32:56]); return b }, seal.ErrWrongKey),
	framing(10, "commitment of another key", func(b []byte) []byte { b[64] ^= 1; return b }, seal.ErrWrongKey),
	framing(14, "trailing byte", func(b []byte) []byte { return append(b, 0) }, seal.ErrCorrupt),
	framing(15, "twice", func(b []byte) []byte { return append(b, b...) }, seal.ErrCorrupt),
	[]badInput{
		{n: 7, name: "unknown flag in the config", make: forged(aConfig, seal.RoleConfig, func(b []byte) []byte { b[17] |= 128; return slices.Insert(b, 18, 1) }), want: seal.ErrCorrupt},
		{n: 11, name: "object of another archive", make: foreign, want: seal.ErrWrongKey},
		{n: 11, name: "object under another name", make: moved, want: seal.ErrCorrupt},
		{n: 11, name: "object of another type", make: func(b *bad) error {
			data, err := b.a.Forge(seal.RoleFence, "config", []byte("x"))
			return b.put(err, "config", data)
		}, want: seal.ErrCorrupt},
		{n: 12, name: "a pack whose name is not its hash", make: func(b *bad) error {
			return b.change(aPack, func(data []byte) []byte { data[len(data)-40] ^= 1; return data })
		}, want: seal.ErrCorrupt},
		{n: 13, name: "an object of 10 GiB", elsewhere: "engine/store/local TestHugeFilesAreNotRead"},
		{n: 13, name: "a pack above the maximum", elsewhere: "pack TestReadTableNewerAndOther"},
		{n: 16, name: "a size off the grid", elsewhere: "pack TestReadTableOtherSize"},
		{n: 17, name: "offset and length of the directory", elsewhere: "pack TestReadTableBehindValidSeals"},
		{n: 18, name: "numbers of blobs", elsewhere: "pack TestReadTableBehindValidSeals"},
		{n: 19, name: "places of blobs", elsewhere: "pack TestReadTableBehindValidSeals"},
		{n: 20, name: "a plain length that is not the body's", make: blob(pack.Stored, 5, []byte("leaf")), want: seal.ErrCorrupt},
		{n: 20, name: "a plain length of 0", make: blob(pack.Stored, 0, nil), want: seal.ErrCorrupt},
		{n: 20, name: "a plaintext that its ref does not name", make: blob(pack.Stored, 4, []byte("LEAF")), want: seal.ErrCorrupt},
		{n: 21, name: "varint that is not the shortest", make: forged(aConfig, seal.RoleConfig, func(b []byte) []byte {
			return append([]byte{0x81, 0}, b[1:]...)
		}), want: seal.ErrCorrupt},
		{n: 21, name: "varint of 11 bytes", make: forged(aFence, seal.RoleFence, func(b []byte) []byte {
			return append(bytes.Repeat([]byte{0xff}, 10), append([]byte{1}, b[1:]...)...)
		}), want: seal.ErrCorrupt},
		{n: 21, name: "varint cut short", make: forged(aFence, seal.RoleFence, func(b []byte) []byte { return []byte{0x80} }), want: seal.ErrCorrupt},
		{n: 22, name: "2^31 elements and three", make: forged(aFence, seal.RoleFence, func(b []byte) []byte {
			return append(binary.AppendUvarint([]byte{b[0], 0}, 1<<31), make([]byte, 3*17)...)
		}), want: seal.ErrCorrupt},
		{n: 23, name: "a tree of 41 levels", make: root(func(f engine.Forger) tree.Root {
			r := f.Build(entry("k", nil))
			for level := byte(1); level <= 41; level++ {
				node := append([]byte{level, 1, 0, 2, 'i', 'k'}, r.Ref[:]...)
				r.Ref, r.Level = f.Save(seal.Inner, append(node, 1, 0, 0)), level
			}
			return r
		}), want: seal.ErrCorrupt},
		{n: 23, name: "lists of 9 levels", make: root(func(f engine.Forger) tree.Root { return f.Build(entry("k", lists(f, 9, 2))) }), want: tree.ErrEntry},
		{n: 24, name: "a node that has its own level below it", make: root(func(f engine.Forger) tree.Root {
			r := f.Build(entry("k", nil))
			inner := func(ref seal.Ref) seal.Ref {
				return f.Save(seal.Inner, append(append([]byte{1, 1, 0, 2, 'i', 'k'}, ref[:]...), 1, 0, 0))
			}
			return tree.Root{Ref: inner(inner(r.Ref)), Level: 2, Count: 1}
		}), want: seal.ErrCorrupt},
		{n: 25, name: "one list named thousands of times", make: root(func(f engine.Forger) tree.Root { return f.Build(entry("k", lists(f, 4, 1400))) }), want: errNone},
		{n: 26, name: "compression bomb", elsewhere: "pack TestDecodeBomb"},
		{n: 27, name: "window and single segment", elsewhere: "pack TestDecodeCorrupt"},
		{n: 28, name: "no content size", elsewhere: "pack TestDecodeCorrupt"},
		{n: 29, name: "another content size", elsewhere: "pack TestDecodeCorrupt"},
		{n: 30, name: "frames one behind the other", elsewhere: "pack TestDecodeCorrupt"},
		{n: 31, name: "dictionary ID", elsewhere: "pack TestDecodeCorrupt"},
		{n: 32, name: "checksum", elsewhere: "pack TestDecodeCorrupt"},
		{n: 33, name: "unknown codec", make: blob(3, 4, []byte("leaf")), want: seal.ErrVersion},
		{n: 34, name: "stored, of another length", make: blob(pack.Stored, 3, []byte("leaf")), want: seal.ErrCorrupt},
		{n: 35, name: "Argon2id without bounds", elsewhere: "pack/seal TestArgon2Caps"},
		{n: 36, name: "salts of other lengths: a slot has 512 bytes", make: func(b *bad) error {
			return b.change(aSlot, func(data []byte) []byte { return append(data, make([]byte, 1<<20)...) })
		}, want: seal.ErrCorrupt},
		{n: 37, name: "1,000 slots", make: func(b *bad) error {
			other, err := seal.NewRecoveryKey(seeded("slots"))
			for i := 0; i < 1000 && err == nil; i++ {
				var ak seal.ArchiveKey
				if ak, err = seal.NewArchiveKey(seeded("slots")); err == nil {
					var slot []byte
					slot, err = seal.NewSlot(seeded(fmt.Sprint(i)), other, ak)
					err = b.put(err, fmt.Sprintf("keys/%032x", i), slot)
				}
			}
			return err
		}, want: seal.ErrCorrupt},
		{n: 38, name: "one slot twice", make: func(b *bad) error {
			data, err := b.store.Get(b.t.Context(), b.first(aSlot), 0, -1)
			return b.put(err, "keys/ffffffffffffffffffffffffffffffff", data)
		}, want: errNone},
		{n: 39, name: "a slot that opens to another archive's key", make: func(b *bad) error {
			ak, err := seal.NewArchiveKey(seeded("mix"))
			slot, err2 := seal.NewSlot(seeded("mix"), b.key, ak)
			return b.put(errors.Join(err, err2), "keys/00000000000000000000000000000000", slot)
		}, want: seal.ErrWrongKey},
		{n: 41, name: "lists of keys: a slot holds one", elsewhere: "pack/seal TestSlotCorrupt"},
		{n: 42, name: "one number of one device twice, and a gap", make: func(b *bad) error {
			for id, seq := range []uint64{1, 1, 9} {
				if err := b.a.ForgeSnapshot(b.t.Context(), byte(id), func(h *engine.Head, _ *engine.Body) { h.Device, h.Seq = [16]byte{7}, seq }); err != nil {
					return err
				}
			}
			return nil
		}, want: errNone},
		{n: 42, name: "two snapshots that have each seen the other", make: func(b *bad) error {
			for id := byte(1); id <= 2; id++ {
				err := b.a.ForgeSnapshot(b.t.Context(), id, func(h *engine.Head, _ *engine.Body) {
					h.Device, h.Seen = [16]byte{id}, []collect.Seen{{Device: [16]byte{3 - id}, Seq: 1}}
				})
				if err != nil {
					return err
				}
			}
			return nil
		}, want: errNone},
		{n: 42, name: "what it has seen is missing", make: snapshot(func(h *engine.Head, _ *engine.Body) {
			h.Seen = []collect.Seen{{Device: [16]byte{9}, Seq: 1 << 60}}
		}), want: errNone},
		{n: 43, name: "time 0", make: snapshot(func(h *engine.Head, _ *engine.Body) { h.Time = 0 }), want: errNone},
		{n: 43, name: "time below 0", make: snapshot(func(h *engine.Head, _ *engine.Body) { h.Time = math.MinInt64 }), want: errNone},
		{n: 44, name: "base of the future", make: snapshot(func(h *engine.Head, _ *engine.Body) { h.Base = 1 << 60 }), want: errNone},
		{n: 45, name: "a fence under another number", make: func(b *bad) error {
			name := b.first(aFence)
			plain, err := b.a.Plain(b.t.Context(), seal.RoleFence, name)
			if err != nil {
				return err
			}
			data, err := b.a.Forge(seal.RoleFence, "gc/fence/00000000000000ff", plain)
			return b.put(err, "gc/fence/00000000000000ff", data)
		}, want: seal.ErrCorrupt},
		{n: 46, name: "a fence that accepts what is not there", make: b3(func(f *collect.Fence) {
			f.Accepted = append(f.Accepted, collect.Version{ID: [16]byte{0xff}, Rev: 9})
		}), want: errNone},
		{n: 47, name: "a fence that condemns what lives", make: func(b *bad) error {
			if err := b3(func(f *collect.Fence) {
				for info := range b.store.List(b.t.Context(), aPack) {
					if n, err := pack.ParsePath(info.Name); err == nil {
						f.Condemned = append(f.Condemned, n)
					}
				}
			})(b); err != nil {
				return err
			}
			_, err := b.fixture.open(fresh(b.t)).Prune(b.t.Context(), engine.PruneOptions{})
			return err
		}, want: errNone},
		{n: 48, name: "a snapshot that needs 10^5 packs", make: snapshot(func(h *engine.Head, b *engine.Body) {
			for i := range 100_000 {
				h.Packs = append(h.Packs, pack.Name{0xff, byte(i >> 16), byte(i >> 8), byte(i)})
			}
			n := len(h.Packs) + len(h.Buckets)
			b.Spans = append(binary.AppendUvarint(nil, uint64(n)), make([]byte, 2*n)...)
		}), want: fs.ErrNotExist},
		{n: 49, name: "one pack is missing", make: func(b *bad) error {
			return b.store.Delete(b.t.Context(), b.first(aPack))
		}, want: fs.ErrNotExist},
		{n: 50, name: "no snapshot, all packs", make: func(b *bad) error { return b.gone(aSnapshot) }, want: fs.ErrNotExist},
		{n: 50, name: "no snapshot, and a device that knows better", make: func(b *bad) error {
			b.open = func(*engine.Options) {}
			return b.gone(aSnapshot)
		}, want: engine.ErrRollback},
		{n: 51, name: "names", elsewhere: "cmd/dayfold TestRestoreStaysBelowItsTarget"},
		{n: 52, name: "types that lie", elsewhere: "engine/source/export TestBadMedia"},
		{n: 53, name: "markup and formulas: no export interprets text", elsewhere: "engine/source/export TestExportComesBack"},
		{n: 54, name: "more needs than an item may have", make: yields(func(c *chat) {
			c.change(c.say("g001", 7, day0, "many"), func(it *engine.Item) {
				for i := range 100_000 {
					it.Needs = append(it.Needs, fmt.Appendf(nil, "p/%d", i))
				}
			})
		}), want: errOfItem},
		{n: 55, name: "one key twice", make: func(b *bad) error { return b.archive(twice{b.chat}) }, want: errOfItem},
		{n: 56, name: "items that need each other", make: yields(func(c *chat) {
			x, y := c.say("g001", 7, day0, "x"), c.say("g001", 8, day0, "y")
			c.change(x, func(it *engine.Item) { it.Needs = [][]byte{[]byte(y), []byte(x)} })
			c.change(y, func(it *engine.Item) { it.Needs = [][]byte{[]byte(x)} })
		}), want: errNone},
		{n: 57, name: "expires long ago, and now", make: func(b *bad) error {
			c := b.chat.clone()
			expiring(c, c.say("g001", 7, day0, "long ago"), time.UnixMilli(1))
			expiring(c, c.say("g001", 8, day0, "now"), b.clock.t)
			return b.archive(c) // and they are not in it
		}, want: errNone},
		{n: 57, name: "expires in 292 million years, and in 292 billion", make: yields(func(c *chat) {
			expiring(c, c.say("g001", 7, day0, "late"), time.UnixMilli(math.MaxInt64))
			expiring(c, c.say("g001", 8, day0, "later"), time.Unix(math.MaxInt64/1000, 0))
			expiring(c, c.say("g001", 9, day0, "latest"), time.Unix(1<<62, 0))
		}), want: errNone},
		{n: 58, name: "sizes that are not the content's: that which is read counts", make: yields(func(c *chat) {
			for i, size := range []int64{0, 4999, 5001, math.MaxInt64} {
				c.change(c.photo(fmt.Sprint("lies", i), day0, 5000), func(it *engine.Item) { it.Size = size })
				c.change(c.say("g001", 7+i, day0, "lies"), func(it *engine.Item) { it.Size = size })
			}
		}), want: errNone},
		{n: 58, name: "a medium that is not what its frame says", elsewhere: "engine/source/signallocal TestMediaFolderDamage"},
		{n: 59, name: "a medium of no bytes", make: yields(func(c *chat) { c.say("g001", 7, day0, "", c.photo("none", day0, 0)) }), want: errNone},
		{n: 60, name: "a source that changes", elsewhere: "engine/source/dir TestChangeWhileReadIsAProblem"},
		{n: 61, name: "listings that lie", elsewhere: "engine/store/s3 TestWrongAnswers"},
		{n: 61, name: "names that are not ours", elsewhere: "engine/store/webdav TestForeignNames"},
		{n: 62, name: "redirections", elsewhere: "engine/store/s3 TestWrongAnswers"},
		{n: 63, name: "answers that lie or do not end", elsewhere: "engine/store/webdav TestWrongAnswers"},
		{n: 64, name: "another part than was asked for", elsewhere: "engine/store/s3 TestWrongAnswers"},
		{n: 65, name: "SFTP packets, links, names", elsewhere: "engine/store/sftp TestGarbage"},
		{n: 66, name: "certificates", elsewhere: "engine/store/webdav TestTLS"},
		{n: 66, name: "host keys", elsewhere: "engine/store/sftp TestKeys"},
	},
	recoveryKeys(),
)

// errOfItem stands for a Problem in the report of a backup.
var errOfItem = errors.New("a problem of one item")

// framing is one change of the clear part of every kind of object.
func framing(n int, name string, change func([]byte) []byte, want error) (list []badInput) {
	for _, kind := range []string{aConfig, aSlot, aPack, aSnapshot, aFence, aSegment} {
		want := want
		if kind == aPack { // a pack is named by the hash of its bytes, which is looked at first
			want = seal.ErrCorrupt
		}
		list = append(list, badInput{n: n, name: name + ": " + kind, want: want, make: func(b *bad) error { return b.change(kind, change) }})
	}
	return list
}

func recoveryKeys() (list []badInput) {
	good := strings.Repeat("0az9", 16)
	for name, text := range map[string]string{"63": good[1:], "65": good + "0", "zero width": good[:9] + "\u200b" + good[9:], "NBSP": good[:9] + "\u00a0" + good[9:],
		"full width": "\uff10" + good[1:], "Cyrillic": "\u0430" + good[1:], "NUL": good[:63] + "\x00", "1 MB": strings.Repeat(good, 16<<10), "nothing": "", "invalid UTF-8": good[:63] + "\xff"} {
		list = append(list, badInput{n: 40, name: "recovery key: " + name, want: seal.ErrKeyFormat, make: func(b *bad) error {
			_, err := seal.ParseRecoveryKey(text)
			return err
		}})
	}
	for _, text := range []string{strings.ToUpper(good), good[:30] + " \r\n-" + good[30:]} {
		list = append(list, badInput{n: 40, name: "recovery key as people write it", make: func(b *bad) error {
			_, err := seal.ParseRecoveryKey(text)
			return err
		}})
	}
	return list
}

func entry(key string, content *tree.Stream) tree.Entry {
	e := tree.Entry{Key: []byte("i" + key), Kind: byte(engine.Media)}
	if content != nil {
		e.Content = *content
		e.Size = 1400 * 1400 * 1400 * 1400 * 256 << 10
	}
	return e
}

// lists is a content of so many levels in which each list names one below it n times.
func lists(f engine.Forger, levels uint8, n int) *tree.Stream {
	const chunk = 256 << 10
	ref, total := f.Save(seal.Media, make([]byte, chunk)), uint64(chunk)
	for level := uint8(1); level <= levels; level++ {
		plain := []byte{level}
		for range n {
			plain = binary.AppendUvarint(append(plain, ref[:]...), total)
		}
		ref, total = f.Save(seal.List, plain), total*uint64(n)
	}
	return &tree.Stream{Ref: ref, Depth: levels}
}

func (b *bad) put(err error, name string, data []byte) error {
	if err != nil {
		return err
	}
	_ = b.store.Delete(b.t.Context(), name)
	return b.store.Put(b.t.Context(), name, data)
}

// first is the first object of a kind.
func (b *bad) first(kind string) string {
	for info := range b.store.List(b.t.Context(), kind) {
		return info.Name
	}
	b.t.Fatalf("no %s", kind)
	return ""
}

func (b *bad) change(kind string, change func([]byte) []byte) error {
	b.store.Corrupt(b.first(kind), change)
	return nil
}

func (b *bad) gone(kind string) error {
	for info, err := range b.store.List(b.t.Context(), kind) {
		if err == nil {
			err = b.store.Delete(b.t.Context(), info.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// archive makes a snapshot of src; a problem of an item is errOfItem.
func (b *bad) archive(src engine.Source) error {
	rep, err := b.fixture.open(fresh(b.t)).Backup(b.t.Context(), src, engine.BackupOptions{})
	if err == nil && rep.Missing > 0 {
		err = errors.Join(errOfItem, rep.Problems[0])
	}
	return err
}

func yields(change func(c *chat)) func(*bad) error {
	return func(b *bad) error {
		change(b.chat)
		return b.archive(b.chat)
	}
}

// twice yields every item two times.
type twice struct{ *chat }

func (s twice) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		for range 2 {
			for it, err := range s.chat.Items(ctx) {
				if !yield(it, err) {
					return
				}
			}
		}
	}
}

func forged(kind string, role seal.Role, change func([]byte) []byte) func(*bad) error {
	return func(b *bad) error {
		name := b.first(kind)
		plain, err := b.a.Plain(b.t.Context(), role, name)
		if err != nil {
			return err
		}
		data, err := b.a.Forge(role, name, change(plain))
		return b.put(err, name, data)
	}
}

// b3 changes the newest fence.
func b3(change func(*collect.Fence)) func(*bad) error {
	return func(b *bad) (err error) {
		f := forged(aFence, seal.RoleFence, func(plain []byte) []byte {
			fence, e := collect.DecodeFence(plain)
			err = e
			change(&fence)
			return fence.Encode()
		})
		return errors.Join(f(b), err)
	}
}

func snapshot(change func(*engine.Head, *engine.Body)) func(*bad) error {
	return func(b *bad) error { return b.a.ForgeSnapshot(b.t.Context(), 1, change) }
}

func root(forge func(engine.Forger) tree.Root) func(*bad) error {
	return func(b *bad) (err error) {
		defer func() {
			if r := recover(); r != nil { // the forger's own tools refuse
				err = r.(error)
			}
		}()
		return b.a.ForgeTree(b.t.Context(), forge)
	}
}

// blob is a leaf whose blob is coded in a way of its own.
func blob(codec byte, length int, body []byte) func(*bad) error {
	return root(func(f engine.Forger) tree.Root {
		return tree.Root{Ref: f.Blob(seal.Leaf, []byte("leaf"), codec, length, body), Count: 1}
	})
}

// foreign puts another archive's snapshot into this one.
func foreign(b *bad) error {
	other := create(b.t, fresh(b.t))
	rep := other.backup(b.chat)
	for info, err := range other.store.List(b.t.Context(), "snapshots/"+rep.Snapshot) {
		if err != nil {
			return err
		}
		data, err := other.store.Get(b.t.Context(), info.Name, 0, -1)
		return b.put(err, info.Name, data)
	}
	return fs.ErrNotExist
}

// moved puts a snapshot under another name.
func moved(b *bad) error {
	data, err := b.store.Get(b.t.Context(), b.first(aSnapshot), 0, -1)
	return b.put(err, "snapshots/ffffffffffffffffffffffffffffffff/00000000", data)
}

// TestBadInputs tries every input of the catalogue on a small archive, reads and checks
// all of it, and looks at what comes of it: the error of that kind or, where the input
// does no harm, none and the right data; no panic, no goroutine left, in bounded time
// and memory.
func TestBadInputs(t *testing.T) {
	f, c := small(t)
	state, err := os.ReadFile(f.opt.State)
	if err != nil {
		t.Fatal(err)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(25)) // what is in use counts, not what the collector lets a heap grow
	seen := map[int]bool{}
	for _, in := range badInputs {
		seen[in.n] = true
		t.Run(fmt.Sprintf("%d %s", in.n, in.name), func(t *testing.T) {
			if in.elsewhere != "" {
				exists(t, in.elsewhere)
				return
			}
			b := &bad{fixture: &fixture{t: t, store: f.store.Clone(), key: f.key, clock: f.clock, opt: f.opt}, chat: c.clone(), open: fresh(t)}
			b.opt.State = filepath.Join(t.TempDir(), "device")
			if err := os.WriteFile(b.opt.State, state, 0o600); err != nil {
				t.Fatal(err)
			}
			b.a = b.fixture.open()
			goroutines := runtime.NumGoroutine()
			begin, before, after := time.Now(), new(runtime.MemStats), new(runtime.MemStats)
			runtime.ReadMemStats(before)
			errs := b.try(in.make(b))
			runtime.ReadMemStats(after)
			b.judge(in, errs)
			if d := time.Since(begin); d > 5*time.Second && !storetest.Raced { // the detector takes ten times as long
				t.Errorf("took %v", d)
			}
			if n := int64(after.HeapSys) - int64(before.HeapSys); n > 64<<20 {
				t.Errorf("the heap grew by %d bytes", n)
			}
			if n := runtime.NumGoroutine(); n > goroutines+20 { // an index in memory for each archive that is open
				t.Errorf("%d goroutines are left of %d", n, goroutines)
			}
		})
	}
	for n := 1; n <= 66; n++ {
		if !seen[n] {
			t.Errorf("input %d is missing", n)
		}
	}
}

// try reads and checks all that there is, and gathers what goes wrong.
func (b *bad) try(made error) (errs []error) {
	if made != nil {
		return []error{made}
	}
	opt := b.opt
	b.open(&opt)
	a, err := engine.Open(b.t.Context(), b.store, b.key, opt)
	if err != nil {
		return []error{err}
	}
	defer a.Close()
	rep, err := a.Check(b.t.Context(), engine.CheckOptions{ReadData: true})
	if err != nil {
		errs = append(errs, err)
	}
	for _, p := range rep.Problems[:min(len(rep.Problems), 100)] {
		errs = append(errs, p)
	}
	v, err := a.View(b.t.Context(), "latest")
	if err != nil {
		return append(errs, err)
	}
	for it, err := range v.Items(b.t.Context()) {
		if err != nil {
			return append(errs, err)
		}
		if err := b.compare(it); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// compare reads an item's first 4 MiB, and knows what some have to be.
func (b *bad) compare(it engine.Item) error {
	got := it.Inline
	if it.Open != nil {
		rc, err := it.Open(b.t.Context())
		if err != nil {
			return err
		}
		defer rc.Close()
		if got, err = io.ReadAll(io.LimitReader(rc, 4<<20)); err != nil {
			return err
		}
	}
	if want, ok := b.items[string(it.Key)]; ok {
		if data, err := content(b.t, want); err != nil || !bytes.Equal(got, data) {
			b.t.Errorf("wrong data for %s", it.Key)
		}
	}
	return nil
}

// judge holds what went wrong against what should have.
func (b *bad) judge(in badInput, errs []error) {
	b.t.Helper()
	found := in.want == nil
	for _, err := range errs {
		found = found || errors.Is(err, in.want)
		if in.want == nil {
			b.t.Errorf("got %v, want no harm", err)
		}
		if !errors.Is(err, in.want) {
			named(b.t, in.name, "", err)
		}
		if strings.Contains(err.Error(), b.key.Reveal()) || strings.Contains(err.Error(), "the label") {
			b.t.Errorf("the error tells a secret: %v", err)
		}
	}
	if !found {
		b.t.Errorf("got %v, want %v", errs, in.want)
	}
}

// exists fails unless there is such a test.
func exists(t *testing.T, test string) {
	t.Helper()
	dir, name, _ := strings.Cut(test, " ")
	files, _ := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil && bytes.Contains(data, []byte("\nfunc "+name+"(t *testing.T) {")) {
			return
		}
	}
	t.Errorf("there is no %s", test)
}
