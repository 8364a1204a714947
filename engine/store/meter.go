package store

import (
	"context"
	"iter"
)

// A Meter is a store that counts what is asked of it.
type Meter struct {
	store Store
	counter
}

// NewMeter counts what is asked of s through it.
func NewMeter(s Store) *Meter { return &Meter{store: s} }

// Stats says what was asked so far. Bytes are counted when they have arrived.
func (m *Meter) Stats() Stats { return m.stats() }

// Capabilities are those of the store within.
func (m *Meter) Capabilities() Capabilities { return Declared(m.store) }

// Traits are those of the store within.
func (m *Meter) Traits(ctx context.Context) (Traits, error) { return Ask(ctx, m.store) }

// Put creates an object.
func (m *Meter) Put(ctx context.Context, name string, data []byte) error {
	m.puts.Add(1)
	err := m.store.Put(ctx, name, data)
	if err == nil {
		m.up.Add(int64(len(data)))
	}
	return err
}

// Get reads a part of an object.
func (m *Meter) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	m.gets.Add(1)
	data, err := m.store.Get(ctx, name, off, n)
	m.down.Add(int64(len(data)))
	return data, err
}

// GetInto reads a part of an object into buf.
func (m *Meter) GetInto(ctx context.Context, name string, off int64, buf []byte) error {
	m.gets.Add(1)
	err := GetInto(ctx, m.store, name, off, buf)
	if err == nil {
		m.down.Add(int64(len(buf)))
	}
	return err
}

// List yields objects by name. A loop counts as one call.
func (m *Meter) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		m.lists.Add(1)
		m.store.List(ctx, prefix)(yield)
	}
}

// Delete removes an object.
func (m *Meter) Delete(ctx context.Context, name string) error {
	m.deletes.Add(1)
	return m.store.Delete(ctx, name)
}
