package signal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signal/signaltest"
)

// FuzzFrame reads any bytes as a frame: facts, JSON and what may be seen once.
func FuzzFrame(f *testing.F) {
	for _, frame := range signaltest.Everything(f).Frames {
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var facts, again signal.Facts
		if err := facts.Read(frame); err != nil {
			if !errors.Is(err, signal.ErrFormat) {
				t.Fatalf("Read = %v, want ErrFormat", err)
			}
			return
		}
		free := signal.WithoutOnce(frame)
		if err := again.Read(free); err != nil || again.Once {
			t.Fatalf("without what may be seen once: %v, %+v", err, again)
		}
		it := signal.NewLedger(signal.NewNamer(nil)).Item(&facts, frame)
		if len(it.Key) < 3 || len(it.Key) > 200 {
			t.Fatalf("key %q", it.Key)
		}
		line, _, err := signal.AppendJSON(nil, frame)
		if err == nil && !json.Valid(line) {
			t.Fatalf("no JSON: %s", line)
		}
	})
}

// FuzzLine reads any bytes as a line of an export.
func FuzzLine(f *testing.F) {
	for line := range strings.Lines(string(read(f, "testdata/everything.jsonl"))) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var facts, again signal.Facts
		if err := facts.ReadJSON(line); err != nil {
			if !errors.Is(err, signal.ErrFormat) {
				t.Fatalf("ReadJSON = %v, want ErrFormat", err)
			}
			return
		}
		signal.NewLedger(signal.NewNamer(nil)).Item(&facts, line)
		for _, out := range [][]byte{signal.OnceFreeJSON(line), takeout(line)} {
			if out == nil {
				continue
			}
			if err := again.ReadJSON(out); err != nil || again.Once {
				t.Fatalf("%s: %v, %+v", out, err, again)
			}
		}
	})
}

func takeout(line []byte) []byte {
	if out, keep := signal.TakeoutJSON(line); keep {
		return out
	}
	return nil
}

// FuzzMain reads any bytes as a main file, and as what a main file holds.
func FuzzMain(f *testing.F) {
	_, main := sampleKeys(f)
	f.Add(main)
	f.Add(packed(f, []byte{2, 1, 1, 1, 1}))
	f.Add(append(packed(f, []byte{2, 1, 1, 1, 1}), make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, sealed := sealMain(t, b)
		for _, main := range [][]byte{b, sealed} {
			for _, err := range []error{k.VerifyMain(bytes.NewReader(main), int64(len(main)), false), drain(k, main)} {
				if err != nil && !errors.Is(err, signal.ErrCorrupt) && !errors.Is(err, signal.ErrFormat) && !errors.Is(err, signal.ErrKey) {
					t.Fatalf("%v: none of the package's errors", err)
				}
			}
		}
	})
}

func drain(k *signal.Keys, main []byte) error {
	_, err := stream(k, main)
	return err
}

// FuzzMetadata reads any bytes as metadata, as an Origin and as an entry of the list.
func FuzzMetadata(f *testing.F) {
	f.Add(read(f, snapshots[0]+"metadata"))
	f.Add(signal.Origin{Name: "a", Metadata: []byte("b"), Info: []byte("c")}.Append(nil))
	k := key(f, strings.Repeat("m", 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := signal.OpenMetadata(k, b)
		_, err2 := signal.ParseOrigin(b)
		_, err3 := signal.ParseFilesEntry(b)
		_, err4 := signal.ReadInfo(b)
		for _, err := range []error{err, err2, err3, err4} {
			if err != nil && !errors.Is(err, signal.ErrFormat) {
				t.Fatalf("%v, want ErrFormat", err)
			}
		}
	})
}
