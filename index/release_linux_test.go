package index_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/index"
	"github.com/dayfold/dayfold/pack"
)

// mappedTables returns how many bytes of tables in dir are in this process's memory.
func mappedTables(t testing.TB, dir string) (bytes int64) {
	t.Helper()
	inside := false
	for line := range strings.Lines(string(read(t, "/proc/self/smaps"))) {
		var kb int64
		if fields := strings.Fields(line); len(fields) >= 5 && !strings.HasSuffix(fields[0], ":") {
			inside = strings.HasPrefix(fields[len(fields)-1], dir+"/") && strings.HasSuffix(line, ".sst\n")
		} else if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kb); n == 1 && inside {
			bytes += kb << 10
		}
	}
	return bytes
}

// Reading all of a database keeps no more of it in memory than was asked for.
// This is what fails when a version of Badger lets release do nothing.
func TestMappedIsBounded(t *testing.T) {
	var packs []pack.Packed
	for i := range uint32(60) {
		packs = append(packs, packed(i, permanent, 1000))
	}
	dir := closed(t, packs...)
	size := int64(0)
	for _, f := range files(t, dir) {
		if info, err := os.Stat(filepath.Join(dir, f)); err == nil && filepath.Ext(f) == ".sst" {
			size += info.Size()
		}
	}
	for mapped, most := range map[int64]int64{1 << 20: size * 3 / 4, 1 << 30: size + 1<<20} {
		db, err := index.Open(dir, index.Options{MinFree: 1, Mapped: mapped})
		if err != nil {
			t.Fatal(err)
		}
		a := archive(t, db, 1)
		for i := 0; i < 1000; i += 3 {
			for _, p := range packs {
				if got, ok := a.Lookup(p.Table.Blobs[i].ID, permanent, all); !ok || got != place(p, i) {
					t.Fatalf("got %+v, %v", got, ok)
				}
			}
		}
		got := mappedTables(t, dir) // at the end: compaction maps too, for a while
		if got > most || mapped > size && got < size/2 {
			t.Errorf("Mapped %d: %d of %d bytes are mapped, want at most %d", mapped, got, size, most)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
