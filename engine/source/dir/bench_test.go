//go:build linux

package dir_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dayfold/dayfold/engine/source/dir"
)

// BenchmarkWrite writes 64 MB in files of 512 KiB that come from memory.
func BenchmarkWrite(b *testing.B) {
	data := make([]byte, 512<<10)
	rand.Read(data)
	h := items(dirItem("d"))
	for i := range 128 {
		h.items = append(h.items, fileItem(fmt.Sprintf("d/%03d", i), string(data)))
	}
	b.SetBytes(int64(128 * len(data)))
	for n := 0; b.Loop(); n++ {
		target := filepath.Join(b.TempDir(), fmt.Sprint(n))
		if _, err := dir.Write(b.Context(), target, h, dir.WriteOptions{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		os.RemoveAll(target)
		b.StartTimer()
	}
}

// BenchmarkItems lists 10,000 files without reading them.
func BenchmarkItems(b *testing.B) {
	root := b.TempDir()
	for i := range 10_000 {
		path := fmt.Sprintf("%s/%02d", root, i/100)
		os.MkdirAll(path, 0o755)
		os.WriteFile(fmt.Sprintf("%s/%d", path, i), nil, 0o644)
	}
	s, err := dir.Open(root, dir.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range s.Items(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
