package store

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Mem keeps objects in memory. Its zero value is an empty store. It keeps the whole
// contract, but for outliving the process.
type Mem struct {
	// Fault, if set before first use, is called around every call with its method and
	// name (for List the prefix): with "put", "get", "list" or "delete" before anything
	// is done, and an error then fails the call with no effect; and with "put done",
	// "get done", "list done" or "delete done" after it took effect, and an error then
	// is an acknowledgement that was lost. It may call the Mem.
	Fault func(op, name string) error

	mu      sync.Mutex
	objects map[string][]byte
	counter
}

// Stats says what was asked of the store so far.
func (m *Mem) Stats() Stats { return m.stats() }

// ResetStats begins to count afresh, and returns what was counted.
func (m *Mem) ResetStats() Stats {
	s := m.stats()
	m.puts.Add(-s.Puts)
	m.gets.Add(-s.Gets)
	m.lists.Add(-s.Lists)
	m.deletes.Add(-s.Deletes)
	m.up.Add(-s.Uploaded)
	m.down.Add(-s.Downloaded)
	return s
}

// Clone is a second store with the same objects: what a power cut at this moment would
// leave. It has neither the fault hook nor the counts.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Mem{objects: maps.Clone(m.objects)}
}

// Traits are that nothing stays, by this machine's clock.
func (m *Mem) Traits(context.Context) (Traits, error) {
	return Traits{Versions: No, Locks: No, Trash: No, Clock: now()}, nil
}

// Corrupt replaces an object's bytes by what change makes of a copy of them, as a
// decaying or hostile place would; nil deletes it. It reports whether there was one.
func (m *Mem) Corrupt(name string, change func([]byte) []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[name]
	if !ok {
		return false
	}
	if data = change(slices.Clone(data)); data == nil {
		delete(m.objects, name)
	} else {
		m.objects[name] = data
	}
	return true
}

func (m *Mem) begin(ctx context.Context, op, name string) error {
	if err := Check(ctx, op, name); err != nil || m.Fault == nil {
		return err
	}
	return Fail(ctx, op, name, m.Fault(op, name))
}

func (m *Mem) end(ctx context.Context, op, name string) error {
	if m.Fault == nil {
		return nil
	}
	return Fail(ctx, op, name, m.Fault(op+" done", name))
}

// Put creates an object.
func (m *Mem) Put(ctx context.Context, name string, data []byte) error {
	m.puts.Add(1)
	if err := m.begin(ctx, "put", name); err != nil {
		return err
	}
	m.mu.Lock()
	_, taken := m.objects[name]
	if !taken {
		if m.objects == nil {
			m.objects = make(map[string][]byte)
		}
		m.objects[name] = slices.Clone(data)
		m.up.Add(int64(len(data)))
	}
	m.mu.Unlock()
	if taken {
		return &fs.PathError{Op: "put", Path: name, Err: fs.ErrExist}
	}
	return m.end(ctx, "put", name)
}

// Get reads a part of an object.
func (m *Mem) Get(ctx context.Context, name string, off int64, n int) ([]byte, error) {
	m.gets.Add(1)
	if err := m.begin(ctx, "get", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	data, ok := m.objects[name]
	m.mu.Unlock()
	switch size := int64(len(data)); {
	case !ok:
		return nil, &fs.PathError{Op: "get", Path: name, Err: fs.ErrNotExist}
	case off < 0:
		return nil, &fs.PathError{Op: "get", Path: name, Err: fs.ErrInvalid}
	case off > size || int64(n) > size-off:
		return nil, &fs.PathError{Op: "get", Path: name, Err: io.ErrUnexpectedEOF}
	case n < 0:
		n = int(size - off)
	}
	if err := m.end(ctx, "get", name); err != nil {
		return nil, err
	}
	m.down.Add(int64(n))
	return append([]byte{}, data[off:off+int64(n)]...), nil
}

// List yields the objects as they were when the loop began.
func (m *Mem) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		m.lists.Add(1)
		if err := m.begin(ctx, "list", prefix); err != nil {
			yield(Info{}, err)
			return
		}
		for _, info := range m.infos(prefix) {
			if err := Check(ctx, "list", prefix); err != nil {
				yield(Info{}, err)
				return
			}
			if !yield(info, nil) {
				return
			}
		}
		if err := m.end(ctx, "list", prefix); err != nil {
			yield(Info{}, err)
		}
	}
}

func (m *Mem) infos(prefix string) []Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	var infos []Info
	for name, data := range m.objects {
		if strings.HasPrefix(name, prefix) {
			infos = append(infos, Info{name, int64(len(data))})
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos
}

// Delete removes an object.
func (m *Mem) Delete(ctx context.Context, name string) error {
	m.deletes.Add(1)
	if err := m.begin(ctx, "delete", name); err != nil {
		return err
	}
	m.mu.Lock()
	delete(m.objects, name)
	m.mu.Unlock()
	return m.end(ctx, "delete", name)
}
