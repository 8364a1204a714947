package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/dayfold/dayfold/engine/store"
	"github.com/dayfold/dayfold/pack/seal"
)

const (
	slotPrefix = "keys/"
	maxSlots   = 64
)

// A Slot is one way to open the archive.
type Slot struct {
	ID   string
	Kind string // "recovery" or "passphrase"
}

// unlock finds the slot that secret opens. No slot at all is ErrNoArchive.
func unlock(ctx context.Context, st store.Store, secret seal.Secret) (*seal.Keys, error) {
	tried, reason := 0, error(nil)
	for info, err := range st.List(ctx, slotPrefix) {
		if err != nil {
			return nil, err
		}
		if tried++; tried > maxSlots {
			return nil, corrupt("more than %d key slots", maxSlots)
		}
		slot, err := st.Get(ctx, info.Name, 0, -1)
		if err != nil {
			return nil, err
		}
		ak, err := seal.OpenSlot(slot, secret)
		if err == nil {
			return seal.Derive(ak, nil), nil
		}
		if reason == nil || errors.Is(reason, seal.ErrWrongKey) {
			reason = fmt.Errorf("%s: %w", info.Name, err)
		}
	}
	if tried == 0 {
		return nil, ErrNoArchive
	}
	return nil, reason
}

func putSlot(ctx context.Context, st store.Store, rand io.Reader, secret seal.Secret, ak seal.ArchiveKey) (string, error) {
	slot, err := seal.NewSlot(rand, secret, ak)
	if err != nil {
		return "", err
	}
	var id [16]byte
	if _, err := io.ReadFull(rand, id[:]); err != nil {
		return "", err
	}
	name := slotPrefix + hex.EncodeToString(id[:])
	return path.Base(name), st.Put(ctx, name, slot)
}

// Slots lists the ways to open the archive.
func (a *Archive) Slots(ctx context.Context) ([]Slot, error) {
	var slots []Slot
	for info, err := range a.store.List(ctx, slotPrefix) {
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		data, err := a.store.Get(ctx, info.Name, 0, -1)
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		kind, err := seal.SlotKind(data)
		if err != nil {
			return nil, fmt.Errorf("list keys: %s: %w", info.Name, err)
		}
		slots = append(slots, Slot{ID: path.Base(info.Name), Kind: kind})
	}
	return slots, nil
}

// AddSlot lets a further secret open the archive. with is one that opens it now: the
// archive key is not kept in memory. It returns the new slot's ID.
func (a *Archive) AddSlot(ctx context.Context, with, secret seal.Secret) (string, error) {
	for info, err := range a.store.List(ctx, slotPrefix) {
		if err != nil {
			return "", fmt.Errorf("add key: %w", err)
		}
		slot, err := a.store.Get(ctx, info.Name, 0, -1)
		if err != nil {
			return "", fmt.Errorf("add key: %w", err)
		}
		if ak, err := seal.OpenSlot(slot, with); err == nil {
			id, err := putSlot(ctx, a.store, a.opt.Rand, secret, ak)
			if err != nil {
				return "", fmt.Errorf("add key: %w", err)
			}
			return id, nil
		}
	}
	return "", fmt.Errorf("add key: %w", seal.ErrWrongKey)
}

// RemoveSlot takes away one way to open the archive. The last one stays: that is
// ErrRefused. Whoever kept a copy of the slot and its secret still opens the archive.
func (a *Archive) RemoveSlot(ctx context.Context, id string) error {
	slots, err := a.Slots(ctx)
	if err != nil {
		return err
	}
	if len(slots) < 2 {
		return fmt.Errorf("remove key: the last one: %w", ErrRefused)
	}
	if err := a.store.Delete(ctx, slotPrefix+id); err != nil {
		return fmt.Errorf("remove key: %w", err)
	}
	return nil
}
