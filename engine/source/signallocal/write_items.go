package signallocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/pack/seal"
)

// day is how long a message must have left to live, in ms.
const day = 24 * 3600 * 1000

// main writes the Info and the frames in the order of the original.
func (w *writer) main(ctx context.Context, f io.Writer, keys *signal.Keys, info []byte) error {
	m, err := keys.NewMainWriter(f, w.rand)
	if err != nil {
		return err
	}
	if err := m.Frame(info); err != nil {
		return err
	}
	var facts signal.Facts
	for it, err := range signal.Ordered(ctx, w.h) {
		if err != nil {
			return err
		}
		frame, err := signal.Content(ctx, &it)
		if err != nil {
			return err
		}
		frame, reason := w.accept(&facts, frame)
		if reason != "" {
			w.done.Leave(reason)
			continue
		}
		if !w.owner {
			return fmt.Errorf("the history does not begin with an account: %w", signal.ErrFormat)
		}
		if err := m.Frame(frame); err != nil {
			return err
		}
		w.done.Frames++
		w.done.Bytes += int64(len(frame))
		w.media.Add(&facts, it.Needs)
	}
	if !w.owner {
		return fmt.Errorf("the history has no account: %w", signal.ErrFormat)
	}
	return m.Close()
}

// accept returns the frame as Signal takes it, or why it would refuse the backup with it.
func (w *writer) accept(f *signal.Facts, frame []byte) ([]byte, string) {
	if err := f.Read(frame); err != nil {
		return nil, leftUnread
	}
	mended, changed := signal.Mended(frame)
	if changed && f.Read(mended) != nil {
		return nil, leftUnread
	}
	reason := w.judge(f, mended)
	if changed && reason == "" {
		w.done.Mended++
	}
	return mended, reason
}

// judge returns why Signal would refuse the backup with this frame, or "". What a frame
// refers to must stand before it.
func (w *writer) judge(f *signal.Facts, frame []byte) string {
	known := true
	err := signal.References(frame, func(id uint64) { known = known && (w.people[id] || f.Kind == signal.FrameRecipient && id == f.ID) })
	switch {
	case err != nil:
		return leftUnread
	case !known:
		return leftReference
	}
	switch f.Kind {
	case signal.FrameAccount:
		if w.owner {
			return leftAccount
		}
		w.owner = true
	case signal.FrameRecipient:
		return enter(w.people, f.ID)
	case signal.FrameChat:
		if !w.people[f.RecipientID] {
			return leftReference
		}
		return enter(w.chats, f.ID)
	case signal.FrameAdHocCall:
		if !w.people[f.RecipientID] {
			return leftReference
		}
	case signal.FrameChatItem:
		if !w.chats[f.ChatID] || !w.people[f.AuthorID] {
			return leftReference
		}
		if w.expiring(f) {
			return leftExpiring
		}
	}
	return ""
}

// enter takes an id, which must be new.
func enter(ids map[uint64]bool, id uint64) string {
	taken := ids[id]
	ids[id] = true
	if taken {
		return leftTwice
	}
	return ""
}

// expiring says whether a message disappears within a day of the backup.
func (w *writer) expiring(f *signal.Facts) bool {
	switch {
	case f.ExpiresIn == 0:
		return false
	case f.ExpireStart == 0:
		return f.ExpiresIn < day
	}
	end := f.ExpireStart + f.ExpiresIn
	return end >= f.ExpiresIn && end < w.made+day // past the end of numbers is far away
}

// files writes the media that main shows, several at a time, and the list of their names.
func (w *writer) files(ctx context.Context, list io.Writer) error {
	names := w.media.Sorted()
	why := make([]error, len(names)) // one is not written
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		var iv [signal.IVSize]byte // drawn in order, whoever comes first
		if _, err := io.ReadFull(w.rand, iv[:]); err != nil {
			return errors.Join(err, g.Wait())
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := w.medium(ctx, name, w.media[name], iv[:])
			if errors.Is(err, errAbsent) || errors.Is(err, errAltered) {
				why[i] = err
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, name := range names {
		switch {
		case errors.Is(why[i], errAbsent):
			w.done.Missing.Add(name.String())
			continue
		case why[i] != nil:
			w.done.Altered.Add(name.String())
			continue
		}
		w.done.Media++
		w.done.Bytes += int64(w.media[name].Media.Size)
		if _, err := list.Write(signal.AppendFilesEntry(nil, name)); err != nil {
			return err
		}
	}
	return nil
}

// Why a media is not written: the history has none, or none that can be read and is what
// the message shows.
var (
	errAbsent  = errors.New("media is not in the history")
	errAltered = errors.New("media is not what is shown")
)

func (w *writer) medium(ctx context.Context, name signal.MediaName, m signal.NeededMedia, iv []byte) error {
	if m.Key == "" {
		return errAbsent
	}
	it, err := w.h.Item(ctx, []byte(m.Key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errAbsent
	case errors.Is(err, seal.ErrCorrupt):
		return errAltered
	case err != nil:
		return err
	}
	path := "files/" + name.Path()
	if _, err := w.root.Lstat(path); err == nil {
		return w.present(path, m.Media)
	}
	tmp := w.tmp + "/" + name.String()
	err = w.file(tmp, func(f io.Writer) error { return w.seal(ctx, f, &it, m.Media, iv) })
	if err == nil {
		err = errors.Join(w.root.MkdirAll(path[:len("files/ab")], 0o700), w.root.Rename(tmp, path))
	}
	if err != nil {
		w.root.Remove(tmp)
	}
	if errors.Is(err, signal.ErrCorrupt) || errors.Is(err, seal.ErrCorrupt) { // the latter in the archive
		return errAltered
	}
	return err
}

func (w *writer) seal(ctx context.Context, f io.Writer, it *engine.Item, m signal.Media, iv []byte) error {
	r, err := signal.Reader(ctx, it)
	if err != nil {
		return err
	}
	defer r.Close()
	return m.SealMedia(f, bytes.NewReader(iv), r)
}

// present checks a media file that lies in the folder already.
func (w *writer) present(path string, m signal.Media) error {
	f, size, err := openRegular(w.root, path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := m.Open(f, size, &w.scratch)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		_ = r.Close() // which only gives memory back
	}
	if err != nil {
		return fmt.Errorf("%s is there already: %w", path, err)
	}
	return nil
}
