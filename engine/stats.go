package engine

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
)

// Stats measures an archive: what lies in the store by class, and what the newest
// snapshot of each source holds by kind and group.
func (a *Archive) Stats(ctx context.Context) (Stats, error) {
	st, err := a.stats(ctx)
	if err != nil {
		return st, fmt.Errorf("stats: %w", err)
	}
	return st, nil
}

func (a *Archive) stats(ctx context.Context) (Stats, error) {
	st := Stats{ByKind: map[string]int64{}, ItemsByKind: map[string]int64{}, ByGroup: map[string]int64{}}
	for info, err := range a.store.List(ctx, "") {
		if err != nil {
			return st, err
		}
		st.StoreBytes += info.Size
	}
	s, err := a.begin(ctx)
	if err != nil {
		return st, err
	}
	if _, err := s.catalog(ctx); err != nil {
		return st, err
	}
	tables, _, err := s.tables(ctx)
	if err != nil {
		return st, err
	}
	for _, t := range tables {
		st.Packs++
		for _, b := range t.Blobs {
			switch t.Class.Kind {
			case pack.Tree:
				st.TreeBytes += int64(b.Len)
			case pack.Permanent:
				st.DataBytes += int64(b.Len)
			default:
				st.ExpiringBytes += int64(b.Len)
			}
		}
	}
	newest := map[[16]byte]head{}
	for _, h := range s.heads {
		if !h.Partial {
			st.Snapshots++
			newest[h.Label] = h
		}
	}
	for _, h := range newest {
		if err := s.measure(ctx, h, &st); err != nil {
			return st, err
		}
	}
	if sealed := st.TreeBytes + st.DataBytes + st.ExpiringBytes; sealed > 0 {
		st.Deduplication = float64(st.ItemBytes) / float64(sealed)
	}
	if n := len(s.heads); n > 1 { // less than a day tells nothing of a day
		if days := float64(s.heads[n-1].Time-s.heads[0].Time) / dayMillis; days >= 1 {
			st.Growth = float64(st.StoreBytes) / days
		}
	}
	return st, nil
}

// measure adds up the items of one snapshot.
func (s *session) measure(ctx context.Context, h head, st *Stats) error {
	v, err := s.view(ctx, h)
	if err != nil {
		return err
	}
	permanent, expiring := s.a.maps(v.r, v.body.Roots)
	for i, m := range []tree.Map{permanent, expiring} {
		for e, err := range m.Range(nil, nil) {
			if err != nil {
				return err
			}
			if !isItem(e.Key, i == 1) {
				continue
			}
			kind := Kind(e.Kind).String()
			st.UniqueItems++
			st.ItemBytes += int64(e.Size)
			st.ItemsByKind[kind]++
			st.ByKind[kind] += int64(e.Size)
			if len(e.Group) > 0 {
				st.ByGroup[printable(e.Group)] += int64(e.Size)
			}
		}
	}
	return nil
}

// printable is a group as the command shows and takes it.
func printable(group []byte) string {
	for _, c := range group {
		if c <= ' ' || c > '~' {
			return hex.EncodeToString(group)
		}
	}
	return string(group)
}
