package storetest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/dayfold/dayfold/engine/store"
)

// A Fault is one way in which a server, or what lies before it, goes wrong: it answers r
// instead of next.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// A Proxy stands before a server and answers some requests wrongly.
type Proxy struct {
	Next http.Handler
	// Choose says how to answer a request; nil is rightly. It is called by one request
	// at a time.
	Choose func(r *http.Request) Fault

	mu       sync.Mutex
	requests int
}

// ServeHTTP answers a request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests++
	fault := p.Choose(r)
	p.mu.Unlock()
	if fault == nil {
		p.Next.ServeHTTP(w, r)
	} else {
		fault(w, r, p.Next)
	}
}

// Requests is how many requests came since the last call of it.
func (p *Proxy) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.requests
	p.requests = 0
	return n
}

// Storm chooses a fault for one request in ten, always the same ones for a seed, but
// for requests that spare accepts.
func Storm(seed uint64, spare func(r *http.Request) bool, faults ...Fault) func(r *http.Request) Fault {
	random := rand.New(rand.NewPCG(seed, 0))
	return func(r *http.Request) Fault {
		if random.IntN(10) > 0 || spare(r) {
			return nil
		}
		return faults[random.IntN(len(faults))]
	}
}

// Status answers with a status and nothing done. header is a list of "Name: value".
func Status(code int, header ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		if r.Method != http.MethodHead && code >= 400 {
			fmt.Fprintf(w, "<html>%d</html>", code)
		}
	}
}

// Reset breaks the connection, and nothing is done.
func Reset(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// Lost does what it is asked, and breaks the connection instead of saying so.
func Lost(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// Cut breaks the connection in the middle of the answer.
func Cut(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	body := rec.Body.Bytes()
	if r.Method != http.MethodHead {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	w.WriteHeader(rec.Code)
	w.Write(body[:len(body)/2])
	if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	panic(http.ErrAbortHandler)
}

// CutRequest reads so many KiB of what is sent, and breaks the connection.
func CutRequest(kib int) Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		io.CopyN(io.Discard, r.Body, int64(kib)<<10)
		panic(http.ErrAbortHandler)
	}
}

// CutAnswer does what it is asked, and breaks the connection after so many KiB of the answer.
func CutAnswer(kib int) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		body := rec.Body.Bytes()
		if r.Method != http.MethodHead {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		}
		w.WriteHeader(rec.Code)
		w.Write(body[:min(kib<<10, len(body))])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// Resets breaks the connection after each KiB of an object, once, on its way to the server
// and on its way back. open opens a store with retries, before which faults are chosen.
func Resets(t *testing.T, open func(t *testing.T, choose func(*http.Request) Fault) store.Store) {
	const kib = 24
	var fault Fault
	method := ""
	s := open(t, func(r *http.Request) (f Fault) {
		if r.Method == method {
			f, fault = fault, nil
		}
		return f
	})
	data := Bytes(kib<<10, 1)
	for n := range kib + 1 {
		for way, name := range []string{"sent", "answered", "read"} {
			name = fmt.Sprintf("packs/%02x/%s", n, name)
			method, fault = http.MethodPut, []Fault{CutRequest(n), CutAnswer(0), nil}[way]
			put(t, s, name, data)
			if way == 2 {
				method, fault = http.MethodGet, CutAnswer(n)
			}
			want(t, s, name, data)
			if fault != nil {
				t.Errorf("%s: the connection was not broken", name)
			}
		}
	}
	if got := list(t, s, ""); len(got) != 3*(kib+1) {
		t.Errorf("%d objects, want each once", len(got))
	}
}

// Page answers with a page for people, as one who wants them to log in does.
func Page(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in<br></body></html>")
}

// Endless answers with text over and over, until the other side has had enough.
func Endless(code int, head, text string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.WriteHeader(code)
		_, err := fmt.Fprint(w, head)
		block := []byte(strings.Repeat(text, 1+(64<<10)/len(text)))
		for err == nil {
			_, err = w.Write(block)
		}
	}
}

// Text answers with a status and a text.
func Text(code int, text string, header ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, text)
	}
}

// Whole answers a request for a part with the whole.
func Whole(w http.ResponseWriter, r *http.Request, next http.Handler) {
	r.Header.Del("Range")
	next.ServeHTTP(w, r)
}

// Shifted answers a request for a part with another part.
func Shifted(w http.ResponseWriter, r *http.Request, next http.Handler) {
	var from, to int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); n == 2 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from+1, to+1))
	}
	next.ServeHTTP(w, r)
}
