package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/export"
	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signallocal"
)

// verify compares a restored history of Signal's with the original, item by item:
// each that came back must be equal, and each that is missing must be one that never
// enters an archive, or that only such ones show. With p.group it looks at messages
// alone, and they must be those of that conversation.
func verify(ctx context.Context, p place, got string) error {
	want, err := readItems(ctx, p, p.source)
	if err != nil {
		return err
	}
	have, err := readItems(ctx, p, got)
	if err != nil {
		return err
	}
	if p.group != "" {
		for key, h := range have {
			if h.kind == engine.Message && h.group != p.group {
				return fmt.Errorf("%s is of another conversation: %w", key, errDiffers)
			}
		}
		other := func(_ string, v seen) bool { return v.kind != engine.Message || v.group != p.group }
		maps.DeleteFunc(want, other)
		maps.DeleteFunc(have, other)
	}
	missing := 0
	for key, w := range want {
		h, ok := have[key]
		switch {
		case ok && h.sum != w.sum:
			return fmt.Errorf("%s: %w", key, errDiffers)
		case !ok && !w.mayGo:
			return fmt.Errorf("%s is missing: %w", key, errDiffers)
		case !ok:
			missing++
		}
	}
	if len(have) != len(want)-missing {
		return fmt.Errorf("%d items, want %d: %w", len(have), len(want)-missing, errDiffers)
	}
	return nil
}

// seen is an item as a comparison remembers it.
type seen struct {
	sum   [32]byte
	mayGo bool // view-once, on a timer, or media
	kind  engine.Kind
	group string
}

// openSource opens a history of Signal's in the place's format.
func openSource(p place, dir string) (engine.Source, io.Closer, error) {
	if p.kind == export.Kind {
		s, err := export.Open(dir)
		return s, s, err
	}
	text, err := os.ReadFile(p.key)
	if err != nil {
		return nil, nil, err
	}
	key, err := signal.ParseKey(string(text))
	if err != nil {
		return nil, nil, err
	}
	s, err := signallocal.Open(dir, key, signallocal.Options{})
	return s, s, err
}

func readItems(ctx context.Context, p place, dir string) (map[string]seen, error) {
	s, c, err := openSource(p, dir)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	items := map[string]seen{}
	needed := map[string]bool{}
	for it, err := range s.Items(ctx) {
		if err != nil {
			return nil, err
		}
		v := seen{kind: it.Kind, group: string(it.Group), mayGo: it.ViewOnce || !it.Expires.IsZero() || it.Timer > 0}
		for _, n := range it.Needs {
			needed[string(n)] = needed[string(n)] || !v.mayGo
		}
		if v.sum, err = sumOf(ctx, it); err != nil {
			return nil, err
		}
		items[string(it.Key)] = v
	}
	for key, lasts := range needed {
		if v, ok := items[key]; ok && !lasts {
			v.mayGo = true
			items[key] = v
		}
	}
	return items, nil
}

func sumOf(ctx context.Context, it engine.Item) (sum [32]byte, err error) {
	if it.Open == nil {
		return sha256.Sum256(it.Inline), nil
	}
	r, err := it.Open(ctx)
	if err != nil {
		return sum, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// verifyItem compares the one item that came back with the original.
func verifyItem(ctx context.Context, p place) error {
	got, err := os.ReadFile(p.out)
	if err != nil {
		return err
	}
	want, err := readItems(ctx, p, p.source)
	if err != nil {
		return err
	}
	if w, ok := want[p.item]; !ok || w.sum != sha256.Sum256(got) {
		return fmt.Errorf("%s: %w", p.item, errDiffers)
	}
	return nil
}

// chooseItem asks Dayfold what its newest snapshot holds, and sets the item that a
// step wants: a media of some size, the message in the middle, or its conversation.
func (p *place) chooseItem(ctx context.Context, st step, env []string) error {
	cmd := exec.CommandContext(ctx, p.tool, "--json", "ls", "latest")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	type line struct {
		Key, Kind, Group string
		Size             int64
	}
	var fit []line
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l line
		if err := d.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		if st == File && l.Kind == "media" && l.Size > 100_000 || st != File && l.Kind == "message" && l.Group != "" {
			fit = append(fit, l)
		}
	}
	if len(fit) == 0 {
		return io.ErrUnexpectedEOF
	}
	p.item = fit[len(fit)/2].Key
	if st == Chat {
		p.group = fit[len(fit)/2].Group
	}
	return nil
}
