package webdav

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dayfold/dayfold/engine/store"
)

const (
	maxListing = 32 << 20       // of one collection's listing, in bytes
	staleAfter = 24 * time.Hour // when an unfinished file's writer is dead
)

// List asks for each collection, for some of them at once: no server has to list more
// than one at a time, and many refuse to.
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
		children, err := s.children(ctx, dir)
		if err == nil {
			_, err = s.walk(ctx, dir, prefix, children, yield)
		}
		if err != nil {
			yield(store.Info{}, store.Fail(ctx, "list", prefix, err))
		}
	}
}

// walk yields what children of dir are and hold, and reports whether to go on.
func (s *Store) walk(ctx context.Context, dir, prefix string, children []entry, yield func(store.Info, error) bool) (bool, error) {
	var below []string
	for _, c := range children {
		if name := path.Join(dir, c.name); c.collection && store.ValidName(name) && overlap(c.sortName(name), prefix) {
			below = append(below, name)
		}
	}
	next, stop := s.ahead(ctx, below)
	defer stop()
	for _, c := range children {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		name := path.Join(dir, c.name)
		switch {
		case strings.HasPrefix(c.name, tempPrefix):
			if !c.collection && c.age > staleAfter {
				s.remove(ctx, name) // it is no matter if it cannot
			}
		case !store.ValidName(name) || !overlap(c.sortName(name), prefix):
		case c.collection:
			inner, err := next()
			if err != nil {
				return false, err
			}
			if more, err := s.walk(ctx, name, prefix, inner, yield); err != nil || !more {
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

// overlap reports whether a file, or something in a collection, of that name may begin
// with prefix.
func overlap(name, prefix string) bool {
	return strings.HasPrefix(name, prefix) || strings.HasSuffix(name, "/") && strings.HasPrefix(prefix, name)
}

// atOnce is how many collections are asked for at a time.
const atOnce = 8

// ahead asks for collections before they are needed. next returns the entries of one after
// the other; stop ends what is under way.
func (s *Store) ahead(ctx context.Context, names []string) (next func() ([]entry, error), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	type answer struct {
		entries []entry
		err     error
	}
	var waiting []chan answer
	var asking sync.WaitGroup
	next = func() ([]entry, error) {
		for ; len(waiting) < atOnce && len(names) > 0; names = names[1:] {
			name, reply := names[0], make(chan answer, 1)
			waiting = append(waiting, reply)
			asking.Go(func() {
				entries, err := s.children(ctx, name)
				reply <- answer{entries, err}
			})
		}
		a := <-waiting[0]
		waiting = waiting[1:]
		return a.entries, a.err
	}
	return next, func() { cancel(); asking.Wait() }
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
	if dir != "." {
		s.mu.Lock()
		s.known[dir] = true // no need to make it
		s.mu.Unlock()
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
