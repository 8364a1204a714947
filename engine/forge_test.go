package engine

import (
	"context"
	"errors"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// What a malicious writer does that holds the key: everything below is validly sealed.

// Head and Body are what it writes into snapshots.
type (
	Head = head
	Body = body
)

// Forge seals plain as an object.
func (a *Archive) Forge(role seal.Role, name string, plain []byte) ([]byte, error) {
	return a.keys.SealObject(a.opt.Rand, role, name, plain, pack.ObjectSize)
}

// Plain opens an object.
func (a *Archive) Plain(ctx context.Context, role seal.Role, name string) ([]byte, error) {
	data, err := a.store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	return a.keys.OpenObject(role, name, data)
}

// ForgeSnapshot puts a copy of the newest snapshot, under an ID of its own, changed.
func (a *Archive) ForgeSnapshot(ctx context.Context, id byte, change func(*Head, *Body)) error {
	s, err := a.begin(ctx)
	if err != nil || len(s.heads) == 0 {
		return errors.Join(err, errors.New("no snapshot to begin with"))
	}
	h, b, err := a.current(ctx, s.heads[len(s.heads)-1])
	if err != nil {
		return err
	}
	h.ID, h.Rev = [16]byte{0xf0, id}, 0
	h.Device, h.Seq, h.Seen, h.Base = [16]byte{0xd0, id}, 1, s.seen(), s.fence.N
	change(&h, &b)
	data, err := a.sealSnapshot(&h, b)
	if err != nil {
		return err
	}
	return a.store.Put(ctx, snapshotName(h.Version), data)
}

// A Forger makes trees that a source could not yield.
type Forger struct{ run *run }

// Save stores a plaintext of any kind.
func (f Forger) Save(kind seal.Kind, plain []byte) seal.Ref {
	ref, err := f.run.w.save(kind, pack.Class{Kind: pack.Tree}, plain)
	if err != nil {
		panic(err)
	}
	return ref
}

// Blob stores a body that is not what its plaintext would be coded as.
func (f Forger) Blob(kind seal.Kind, plain []byte, codec byte, length int, body []byte) seal.Ref {
	ref := f.run.s.a.keys.Ref(nil, kind, plain)
	sealed, err := seal.AppendBlob(nil, f.run.s.a.opt.Rand, ref, codec, length, body)
	if err != nil {
		panic(err)
	}
	if err := f.run.w.copy(ref.ID(), pack.Class{Kind: pack.Tree}, sealed); err != nil {
		panic(err)
	}
	return ref
}

// Build makes a map.
func (f Forger) Build(entries ...tree.Entry) tree.Root {
	m := f.run.trees(roots{})[0]
	b := tree.NewBuilder(m)
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			panic(err)
		}
	}
	root, err := b.Finish()
	if err != nil {
		panic(err)
	}
	return root
}

// ForgeTree commits a snapshot with a permanent map that is forged.
func (a *Archive) ForgeTree(ctx context.Context, forge func(Forger) tree.Root) error {
	s, err := a.begin(ctx)
	if err != nil {
		return err
	}
	r, err := s.newRun(ctx, SourceInfo{Kind: "forged"}, BackupOptions{})
	if err != nil {
		return err
	}
	defer r.close()
	rs := roots{Permanent: forge(Forger{r})}
	if err := r.w.flush(); err != nil {
		return err
	}
	return r.commit(rs, false)
}

// Blobs are the sealed blobs of a pack.
func (a *Archive) Blobs(data []byte) (map[seal.ID][]byte, error) {
	t, err := pack.ReadTable(a.keys, int64(len(data)), func(off int64, n int) ([]byte, error) { return data[off : off+int64(n)], nil })
	blobs := map[seal.ID][]byte{}
	for _, b := range t.Blobs {
		blobs[b.ID] = data[b.Off : b.Off+b.Len]
	}
	return blobs, err
}
