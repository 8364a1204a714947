package index

import (
	"bytes"
	"maps"
	"sync"
)

// memory is a kv that lies in memory.
type memory struct {
	mu      sync.RWMutex
	records map[key]record
}

func newMemory() *memory { return &memory{records: map[key]record{}} }

func (m *memory) get(k key) (record, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.records[k]
	return r, ok
}

func (m *memory) set(entries []entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		m.records[e.key] = e.record
	}
	return nil
}

func (m *memory) remove(keys []key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		delete(m.records, k)
	}
	return nil
}

func (m *memory) drop(prefix []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.records, func(k key, _ record) bool { return bytes.HasPrefix(k[:], prefix) })
	return nil
}

func (m *memory) close() error { return nil }
