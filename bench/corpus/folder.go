package corpus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// writeFolder rewrites the files of those conversations in which something differs
// from the day that lies there, and adds and removes media.
func writeFolder(ctx context.Context, d *Day, root string) error {
	var files []file
	keep := map[string]bool{}
	of := map[int64]int{}
	for m := range d.Media() {
		at := d.c.basics(m.Seq).at
		path := fmt.Sprintf("%s/%s-%d.%s", at.Format("2006-01"), at.Format("20060102-150405.000"), of[m.Seq], m.Ext())
		of[m.Seq]++
		keep[path] = true
		files = append(files, file{"media/" + path, at, d.c.contentOf(m)})
	}
	if err := errors.Join(keepOnly(filepath.Join(root, "media"), keep), writeFiles(ctx, root, files)); err != nil {
		return err
	}
	chats := filepath.Join(root, "chats")
	if err := os.MkdirAll(chats, 0o755); err != nil {
		return err
	}
	dirty, err := d.dirty(chats)
	if err != nil {
		return err
	}
	return d.writeChats(ctx, chats, dirty)
}

// dirty says which conversations differ from what lies in the folder. Its files
// have the time of the day on which they were written.
func (d *Day) dirty(chats string) ([]bool, error) {
	dirty := make([]bool, len(d.c.people.chats))
	names, err := os.ReadDir(chats)
	if err != nil {
		return nil, err
	}
	before := &Day{d.c, -1}
	for _, n := range names {
		if info, err := n.Info(); err == nil {
			before.n = max(before.n, int(info.ModTime().Sub(d.c.scale.Begin)/day))
		}
	}
	if len(names) == 0 {
		for i := range dirty {
			dirty[i] = true
		}
		return dirty, nil
	}
	for seq := d.c.oldest; seq < int64(d.n)*d.c.perDay; seq++ {
		b := d.c.basics(seq)
		then := seq < int64(before.n)*d.c.perDay && before.has(seq, &b)
		now := d.has(seq, &b)
		switch {
		case then != now, now && before.state(seq, &b) != d.state(seq, &b):
			dirty[b.chat] = true
		}
	}
	return dirty, nil
}

// state counts what can change about a message that stays.
func (d *Day) state(seq int64, b *basics) int {
	n := 0
	for _, day := range d.c.edited[seq] {
		if day <= d.n {
			n += 4
		}
	}
	if b.waits > 0 && b.at.Add(b.waits).After(d.Time()) {
		n += 2
	}
	if d.Time().Sub(b.at).Hours() < 1 {
		n++
	}
	return n
}

// pending is how many bytes of lines are held before they are written, for one
// conversation and for all.
const (
	pendingOne = 64 << 10
	pendingAll = 64 << 20
)

// writeChats goes over the messages once and writes the lines of each conversation
// that is dirty. A conversation without messages has an empty file.
func (d *Day) writeChats(ctx context.Context, chats string, dirty []bool) error {
	lines, sum := make([][]byte, len(dirty)), 0
	for i := range dirty {
		if dirty[i] {
			if err := os.WriteFile(d.chat(chats, i)+".tmp", nil, 0o644); err != nil {
				return err
			}
		}
	}
	for m := range d.Messages() {
		i := int(m.Chat.ID) - 1
		if !dirty[i] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		before := len(lines[i])
		lines[i] = appendLine(lines[i], m)
		sum += len(lines[i]) - before
		if len(lines[i]) < pendingOne && sum < pendingAll {
			continue
		}
		sum -= len(lines[i])
		if err := d.flush(chats, i, lines); err != nil {
			return err
		}
	}
	for i := range dirty {
		if !dirty[i] {
			continue
		}
		path := d.chat(chats, i)
		if err := errors.Join(d.flush(chats, i, lines), os.Chtimes(path+".tmp", d.Time(), d.Time()), os.Rename(path+".tmp", path)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Day) chat(chats string, i int) string {
	return filepath.Join(chats, fmt.Sprintf("%04d.jsonl", i+1))
}

func (d *Day) flush(chats string, i int, lines [][]byte) error {
	f, err := os.OpenFile(d.chat(chats, i)+".tmp", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(lines[i])
	lines[i] = lines[i][:0]
	return errors.Join(err, f.Close())
}

// appendLine appends a message as a line of JSON.
func appendLine(dst []byte, m *Message) []byte {
	l := line{append(dst, "{\"id\":"...)}
	l.b = strconv.AppendInt(l.b, m.Seq, 10)
	l.number("from", id(m.Author))
	l.number("sent", ms(m.Sent))
	l.number("received", ms(m.Received))
	if m.Expires > 0 {
		l.number("expires_in", uint64(m.Expires.Milliseconds()))
		l.number("expire_start", ms(m.Started))
	}
	l.flag("unread", !m.Read)
	l.flag("deleted", m.Deleted)
	l.flag("view_once", m.Once)
	if len(m.Text) > 0 {
		l.text("text", m.Text)
	}
	for i, e := range m.Edits {
		l.number(fmt.Sprintf("edited_%d", i+1), ms(e.At))
		l.text(fmt.Sprintf("text_%d", i+1), e.Text)
	}
	if m.Quote != nil {
		l.number("quotes", ms(m.Quote.Sent))
		l.text("quoted", m.Quote.Text)
	}
	for i, r := range m.Reactions {
		l.number(fmt.Sprintf("reaction_%d_from", i+1), id(r.Author))
		l.text(fmt.Sprintf("reaction_%d", i+1), []byte(r.Face))
	}
	if len(m.Media) > 0 {
		l.number("media", uint64(len(m.Media)))
	}
	return append(l.b, "}\n"...)
}

// A line is a JSON object that is being written.
type line struct{ b []byte }

func (l *line) name(name string) {
	l.b = append(append(append(l.b, ",\""...), name...), "\":"...)
}

func (l *line) number(name string, n uint64) {
	l.name(name)
	l.b = strconv.AppendUint(l.b, n, 10)
}

func (l *line) flag(name string, set bool) {
	if set {
		l.number(name, 1)
	}
}

func (l *line) text(name string, s []byte) {
	l.name(name)
	q, _ := json.Marshal(string(s)) // a string always marshals
	l.b = append(l.b, q...)
}
