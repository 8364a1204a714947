package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every stage has its benchmark beside the code.
func TestBenchmarksAreThere(t *testing.T) {
	for _, s := range stages {
		files, err := filepath.Glob(filepath.Join("../..", s.pkg, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		top, _, _ := strings.Cut(s.bench, "/")
		found := false
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(text, []byte("func Benchmark"+top+"(b *testing.B)"))
		}
		if !found {
			t.Errorf("%s has no Benchmark%s", s.pkg, top)
		}
	}
}

// measured is what go test would print if every stage did 100 MB/s or 100,000 a second.
func measured(t *testing.T) rates {
	r := rates{}
	for _, s := range stages {
		line := fmt.Sprintf("Benchmark%s \t 100\t 10000 ns/op\t 100.00 MB/s\t 0 B/op\t 7 allocs/op\n", s.bench)
		if err := r.read(s.pkg, []byte("goos: linux\n"+line+"PASS\n")); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestCeiling(t *testing.T) {
	var w whole
	if err := w.take([]byte(`{"bytes":500000000,"bytes_read":300000000,"packs":100000}`)); err != nil {
		t.Fatal(err)
	}
	w.main, w.wall, w.cpu = 100e6, 40, 60
	var out bytes.Buffer
	if err := w.print(&out, measured(t), 2); err != nil {
		t.Fatal(err)
	}
	// Six stages of 3 s, five of 2 s, three of 1 s, 100,600 lookups and 100,000 packs.
	for _, want := range []string{"ceiling: 33.01 s of processor, 16.50 s on 2", "whole:   60.00 s of processor, 40.00 s, 12 MB/s", "1.82 times the processor time of its stages, and 2.42 times the ceiling"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestABusyMachineIsSaid(t *testing.T) {
	for cpu, busy := range map[float64]bool{0.5: true, 100: false} {
		var out bytes.Buffer
		w := whole{amount: amount{media: 1e8}, wall: 1, cpu: cpu}
		if err := w.print(&out, measured(t), 2); err != nil || strings.Contains(out.String(), "busy") != busy {
			t.Errorf("%v s of processor: got %v\n%s", cpu, err, out.String())
		}
	}
}

func TestAMissingBenchmarkIsSaid(t *testing.T) {
	r := measured(t)
	delete(r, stages[1].pkg+" "+stages[1].bench)
	if err := (whole{}).print(new(bytes.Buffer), r, 2); err == nil || !strings.Contains(err.Error(), stages[1].bench) {
		t.Errorf("got %v, want %s named", err, stages[1].bench)
	}
}

// A first run at the smallest scale gives what print needs.
func TestFirstRun(t *testing.T) {
	t.Chdir("../..")
	w, err := firstRun(t.Context(), t.TempDir(), 0.0002)
	if err != nil {
		t.Fatal(err)
	}
	if w.media < 100_000 || w.frames < 20_000 || w.main < 10_000 || w.main > w.frames || w.packs < 1 || w.wall <= 0 || w.cpu <= 0 {
		t.Errorf("got %+v", w)
	}
}
