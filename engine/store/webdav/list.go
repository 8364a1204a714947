package webdav

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

const (
	maxListing = 32 << 20       // of one collection's listing, in bytes
	staleAfter = 24 * time.Hour // when an unfinished file's writer is dead
)

// List asks for one collection after the other.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := store.Check(ctx, "list", prefix); err != nil {
			yield(store.Info{}, err)
			return
		}
		dir := "."
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			dir = prefix[:i]
		}
		if _, err := s.walk(ctx, dir, prefix, yield); err != nil {
			yield(store.Info{}, store.Fail(ctx, "list", prefix, err))
		}
	}
}

// walk yields what lies in dir, and reports whether to go on.
func (s *Store) walk(ctx context.Context, dir, prefix string, yield func(store.Info, error) bool) (bool, error) {
	children, err := s.children(ctx, dir)
	if err != nil {
		return false, err
	}
	for _, c := range children {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		name := path.Join(dir, c.name)
		full := c.sortName(name)
		switch {
		case strings.HasPrefix(c.name, tempPrefix):
			if !c.collection && c.age > staleAfter {
				s.remove(ctx, name) // it is no matter if it cannot
			}
		case !store.ValidName(name) || !strings.HasPrefix(full, prefix) && !(c.collection && strings.HasPrefix(prefix, full)):
		case c.collection:
			if more, err := s.walk(ctx, name, prefix, yield); err != nil || !more {
				return false, err
			}
		case c.size < 0:
			return false, errors.New("the listing does not say how long a file is")
		default:
			if !yield(store.Info{Name: name, Size: c.size}, nil) {
				return false, nil
			}
		}
	}
	return true, nil
}

// An entry is one line of a listing.
type entry struct {
	name       string // "" for the collection itself
	collection bool
	size       int64 // -1 if it is not said
	age        time.Duration
}

// sortName is name such that collections sort as the names within them do.
func (e entry) sortName(name string) string {
	if e.collection {
		return name + "/"
	}
	return name
}

// children are the entries of a collection, in order; none if it is not there, but an
// error if it is the base.
func (s *Store) children(ctx context.Context, dir string) ([]entry, error) {
	at := dir
	if dir != "." {
		at += "/"
	}
	entries, err := s.propfind(ctx, at, "1")
	if errors.Is(err, fs.ErrNotExist) {
		if dir == "." {
			return nil, errors.New("the collection is not there")
		}
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	self := slices.IndexFunc(entries, func(e entry) bool { return e.name == "" })
	if self < 0 {
		return nil, errors.New("the listing is of something else")
	}
	if !entries[self].collection {
		return nil, nil
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool {
		return !strings.HasPrefix(e.name, tempPrefix) && !store.ValidName(e.name)
	})
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.sortName(a.name), b.sortName(b.name)) })
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name {
			return nil, errors.New("the listing names a file twice")
		}
	}
	return entries, nil
}

// stat asks for one name; fs.ErrNotExist if nothing is there.
func (s *Store) stat(ctx context.Context, name string) (entry, error) {
	entries, err := s.propfind(ctx, name, "0")
	if err != nil {
		return entry{size: -1}, err
	}
	if len(entries) != 1 || entries[0].name != "" || entries[0].size < 0 && !entries[0].collection {
		return entry{size: -1}, errors.New("the listing is of something else")
	}
	return entries[0], nil
}

const question = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>`

// propfind asks for the entries of name, in no order.
func (s *Store) propfind(ctx context.Context, name, depth string) ([]entry, error) {
	header := http.Header{"Depth": {depth}, "Content-Type": {"application/xml"}}
	resp, done, err := s.open(ctx, "PROPFIND", name, header, []byte(question))
	if err != nil {
		return nil, err
	}
	defer done()
	if resp.StatusCode != http.StatusMultiStatus {
		if to, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 && to.String() == s.url(name)+"/" {
			return s.propfind(ctx, name+"/", depth) // a collection, asked for without its slash
		} else if resp.StatusCode/100 == 2 {
			return nil, errors.New("the answer is not a listing")
		}
		return nil, refusal(resp)
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		date = time.Time{} // then nothing is old
	}
	self, err := url.Parse(s.url(name))
	if err != nil {
		return nil, err
	}
	body := &capped{r: resp.Body, left: maxListing}
	entries, err := parse(body, self.Path, date)
	if err != nil && (body.broke || isSyntaxEOF(err)) {
		return nil, &store.Temporary{Err: errors.New("the answer was cut short")}
	}
	return entries, err
}

// A capped reader fails after so many bytes, and remembers whether r failed.
type capped struct {
	r     io.Reader
	left  int
	broke bool
}

// Read reads on.
func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errors.New("the listing is too long")
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	c.broke = c.broke || err != nil && err != io.EOF
	return n, err
}

func isSyntaxEOF(err error) bool {
	var syntax *xml.SyntaxError
	return errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF")
}

// response is what is read of one DAV:response.
type response struct {
	Href     string `xml:"DAV: href"`
	Propstat []struct {
		Status string `xml:"DAV: status"`
		Prop   struct {
			Collection *struct{} `xml:"DAV: resourcetype>collection"`
			Length     string    `xml:"DAV: getcontentlength"`
			Modified   string    `xml:"DAV: getlastmodified"`
		} `xml:"DAV: prop"`
	} `xml:"DAV: propstat"`
}

// parse reads a DAV:multistatus about what lies at the path self, at the server's time
// date. It is strict: UTF-8, no document type, nothing after the end.
func parse(r io.Reader, self string, date time.Time) ([]entry, error) {
	d := xml.NewDecoder(r)
	var entries []entry
	inside := false
	for {
		token, err := d.Token()
		if err == io.EOF && !inside {
			return nil, errors.New("the answer is not a listing")
		} else if err != nil {
			return nil, fmt.Errorf("read listing: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("read listing: it has a document type")
		case xml.EndElement:
			return entries, nil
		case xml.StartElement:
			if !inside {
				if t.Name != (xml.Name{Space: "DAV:", Local: "multistatus"}) {
					return nil, errors.New("the answer is not a listing")
				}
				inside = true
				continue
			}
			if t.Name != (xml.Name{Space: "DAV:", Local: "response"}) {
				if err := d.Skip(); err != nil {
					return nil, fmt.Errorf("read listing: %w", err)
				}
				continue
			}
			var resp response
			if err := d.DecodeElement(&resp, &t); err != nil {
				return nil, fmt.Errorf("read listing: %w", err)
			}
			if e, ok := resp.entry(self, date); ok {
				entries = append(entries, e)
			}
		}
	}
}

// entry is what a response says; not ok if it is of nothing at self or directly below.
func (r response) entry(self string, date time.Time) (e entry, ok bool) {
	u, err := url.Parse(strings.TrimSpace(r.Href))
	if err != nil {
		return e, false
	}
	self = strings.TrimSuffix(self, "/")
	at := strings.TrimSuffix(u.Path, "/")
	if at != self {
		below, ok := strings.CutPrefix(at, self+"/")
		if !ok || below == "" || strings.Contains(below, "/") {
			return e, false
		}
		e.name = below
	}
	e.size = -1
	found := false
	for _, p := range r.Propstat {
		if fields := strings.Fields(p.Status); len(fields) < 2 || fields[1] != "200" {
			continue
		}
		found = true
		e.collection = e.collection || p.Prop.Collection != nil
		if size, err := strconv.ParseInt(strings.TrimSpace(p.Prop.Length), 10, 64); err == nil && size >= 0 {
			e.size = size
		}
		if at, err := http.ParseTime(strings.TrimSpace(p.Prop.Modified)); err == nil && !date.IsZero() {
			e.age = date.Sub(at)
		}
	}
	return e, found
}
