package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
	"github.com/zeebo/blake3"
)

// catalog brings the local index in step with the store: the tables of all packs that
// are there and not in the index yet, from segments where they have them, else from
// the packs' own directories. A segment or directory that does not open is left out
// and returned as a problem: what it would have named is then uploaded again.
func (s *session) catalog(ctx context.Context) ([]*Problem, error) {
	missing := map[pack.Name]bool{}
	s.mu.Lock()
	listed := maps.Clone(s.listed)
	s.mu.Unlock()
	for n := range listed {
		if !s.a.index.HasPack(n) {
			missing[n] = true
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	problems, err := s.fromSegments(ctx, missing, listed)
	if err != nil {
		return nil, err
	}
	for _, n := range slices.SortedFunc(maps.Keys(missing), compareNames) {
		t, err := s.a.readTable(ctx, n, listed[n])
		switch {
		case err == nil:
			err = s.a.note(pack.Packed{Name: n, Size: uint32(listed[n]), Table: t})
		case errors.Is(err, fs.ErrNotExist): // collected since we listed
			err = nil
		case errors.Is(err, seal.ErrCorrupt), errors.Is(err, seal.ErrWrongKey), errors.Is(err, seal.ErrVersion):
			problems = append(problems, &Problem{Key: []byte(n.Path()), Err: err})
			err = nil
		}
		if err != nil {
			return problems, err
		}
	}
	return problems, nil
}

// fromSegments adds to the index what segments tell of missing packs.
func (s *session) fromSegments(ctx context.Context, missing map[pack.Name]bool, listed map[pack.Name]int64) (problems []*Problem, err error) {
	for info, err := range s.a.store.List(ctx, segmentPrefix) {
		if err != nil {
			return problems, err
		}
		if len(missing) == 0 {
			return problems, nil
		}
		packs, err := s.a.readSegment(ctx, info.Name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			if ctx.Err() != nil {
				return problems, ctx.Err()
			}
			problems = append(problems, &Problem{Key: []byte(info.Name), Err: err})
			continue
		}
		for _, p := range packs {
			if missing[p.Name] && int64(p.Size) == listed[p.Name] {
				if err := s.a.note(p); err != nil {
					return problems, err
				}
				delete(missing, p.Name)
			}
		}
	}
	return problems, nil
}

// readTable reads the directory of a pack.
func (a *Archive) readTable(ctx context.Context, n pack.Name, size int64) (pack.Table, error) {
	t, err := pack.ReadTable(a.keys, size, func(off int64, length int) ([]byte, error) {
		data, err := a.store.Get(ctx, n.Path(), off, length)
		return data, short(err)
	})
	if err != nil {
		return t, fmt.Errorf("%s: %w", n.Path(), err)
	}
	return t, nil
}

// Segments are named by the hash of their bytes, like packs.
func segmentName(data []byte) string { return fmt.Sprintf("%s%x", segmentPrefix, blake3.Sum256(data)) }

func (a *Archive) readSegment(ctx context.Context, name string) ([]pack.Packed, error) {
	data, err := a.store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	plain, err := a.keys.OpenObject(seal.RoleSegment, "", data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	packs, err := pack.DecodeSegment(plain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return packs, nil
}

// putSegment writes the tables of new packs for other devices to read at once.
func (a *Archive) putSegment(ctx context.Context, packs []pack.Packed) (name string, size int64, err error) {
	data, err := a.keys.SealObject(a.opt.Rand, seal.RoleSegment, "", pack.EncodeSegment(packs), pack.ObjectSize)
	if err != nil {
		return "", 0, err
	}
	name = segmentName(data)
	if err := a.store.Put(ctx, name, data); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", 0, err
	}
	return name, int64(len(data)), nil
}

// RebuildIndex throws the local index of this archive away and reads it anew.
func (a *Archive) RebuildIndex(ctx context.Context) error {
	if err := a.index.Reset(); err != nil {
		return fmt.Errorf("rebuild index: %w", err)
	}
	s, err := a.begin(ctx)
	if err == nil {
		_, err = s.catalog(ctx)
	}
	if err != nil {
		return fmt.Errorf("rebuild index: %w", err)
	}
	return nil
}

// note takes a pack into the index. A disk that is too full for that costs time only.
func (a *Archive) note(p pack.Packed) error {
	if err := a.index.Add(p); !errors.Is(err, index.ErrNoSpace) {
		return err
	}
	return nil
}
