package webdav

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

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
