package signallocal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// Items yields the frames in the order of the file, and then the media that they show.
// A newer snapshot that lacks a part, a frame that is no protobuf, and a media that is
// missing or has the wrong size, is an *engine.Problem. Media that may be seen once come without content, as what is left
// out. An error at the end that is no Problem says that main changed meanwhile.
func (s *Source) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		ledger := signal.NewLedger(s.keys.Namer())
		ledger.PerGroup(s.strict)
		s.report.begin()
		more := true
		for _, name := range s.newer {
			if more = yield(engine.Item{}, &engine.Problem{Key: []byte(name), Err: errPartial}); !more {
				return
			}
		}
		err := s.main(func(r io.Reader, size int64) (err error) {
			more, err = s.frames(ctx, ledger, s.keys.Frames(r, size), yield)
			return err
		})
		if err == nil && more {
			err = s.media(ctx, ledger, yield)
		}
		if err != nil && more {
			yield(engine.Item{}, fmt.Errorf("signal backup: %w", err))
		}
	}
}

// errPartial: the newest backup is not the one that is read.
var errPartial = fmt.Errorf("this newer snapshot lacks a part, an older one is read: %w", signal.ErrFormat)

// frames yields an item for each frame. more is false when the caller has left the loop.
func (s *Source) frames(ctx context.Context, ledger *signal.Ledger, frames iter.Seq2[[]byte, error],
	yield func(engine.Item, error) bool) (more bool, err error) {
	var facts signal.Facts
	n := 0
	for frame, err := range frames {
		if err == nil && n%64 == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return true, err
		}
		if n++; n == 1 || len(frame) == 0 {
			continue // the Info; a frame that says nothing
		}
		it, err := item(ledger, &facts, frame)
		if err != nil {
			err = &engine.Problem{Key: fmt.Appendf(nil, "frame %d", n), Err: err}
		}
		if s.report.frame(facts.Kind, err); !yield(it, err) {
			return false, nil
		}
	}
	return true, nil
}

func item(ledger *signal.Ledger, facts *signal.Facts, frame []byte) (engine.Item, error) {
	if err := facts.Read(frame); err != nil {
		return engine.Item{}, err
	}
	if facts.Once {
		frame = signal.WithoutOnce(frame)
	}
	it := ledger.Item(facts, frame)
	signal.SetContent(&it, frame)
	return it, nil
}

// media yields an item for each media, folder by folder, and compares what main shows
// with what the folder has and with what the list says.
func (s *Source) media(ctx context.Context, ledger *signal.Ledger, yield func(engine.Item, error) bool) error {
	shown := slices.SortedFunc(ledger.Media(), func(a, b *signal.Medium) int {
		return cmp.Or(bytes.Compare(a.Name[:], b.Name[:]), strings.Compare(a.Group, b.Group))
	})
	names := s.compare(shown)
	for i, m := range shown {
		if err := ctx.Err(); err != nil {
			return err
		}
		it, err := s.medium(m, names[i])
		if !yield(it, err) {
			return nil
		}
	}
	return nil
}

// medium returns the item of a media whose file has the given size; -1: there is none.
func (s *Source) medium(m *signal.Medium, size int64) (engine.Item, error) {
	it := engine.Item{Key: []byte(m.Key), Group: []byte(m.Group), Kind: engine.Media, Stamp: m.Name[:], Time: m.Time,
		ViewOnce: m.Once, Text: m.Text, Size: int64(m.Media.Size), Meta: []byte(m.Ext)}
	if m.Once {
		return it, nil
	}
	if size != signal.SealedSize(it.Size) {
		return engine.Item{}, s.lost(m, size)
	}
	it.Open = func(ctx context.Context) (io.ReadCloser, error) {
		r, err := s.openMedium(m)
		if err != nil {
			return nil, s.altered(m, err)
		}
		return r, nil
	}
	return it, nil
}

// openMedium returns the checked plaintext of a media.
func (s *Source) openMedium(m *signal.Medium) (io.ReadCloser, error) {
	f, size, err := openRegular(s.root, "files/"+m.Name.Path())
	if err != nil {
		return nil, err
	}
	r, err := m.Media.Open(f, size, &s.scratch)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &content{r, f, s, m}, nil
}

// A content is the plaintext of a media file.
type content struct {
	io.ReadCloser
	f *os.File
	s *Source
	m *signal.Medium
}

// Close ends the use of the file.
func (c *content) Close() error {
	_ = c.ReadCloser.Close() // which only gives memory back
	return c.f.Close()
}

// Read reports damage that shows only at the end as the media's.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = c.s.altered(c.m, err)
	}
	return n, err
}
