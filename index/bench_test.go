package index_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

const perPack = 1000

func BenchmarkLookup(b *testing.B) {
	for _, dir := range []string{"", filepath.Join(b.TempDir(), "index")} {
		a := archive(b, open(b, dir), 1)
		var packs []pack.Packed
		for i := range uint32(100) {
			packs = append(packs, packed(i, permanent, perPack))
		}
		add(b, a, packs...)
		absent := packed(200, permanent, perPack)
		where := map[bool]string{true: "memory", false: "disk"}[dir == ""]
		b.Run("hit/"+where, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := a.Lookup(packs[i%100].Table.Blobs[i/100%perPack].ID, permanent, all); !ok {
					b.Fatal("absent")
				}
			}
		})
		b.Run("miss/"+where, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.Lookup(absent.Table.Blobs[i%perPack].ID, permanent, all)
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	a := archive(b, open(b, filepath.Join(b.TempDir(), "index")), 1)
	b.ReportAllocs()
	for i := uint32(0); b.Loop(); i++ {
		add(b, a, packed(i%200, permanent, perPack))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*perPack), "µs/blob")
}

// BenchmarkMillion adds and finds a million blobs, and tells what it cost in
// memory: go test -run ^$ -bench Million -benchtime 1x. The peaks are those of
// the whole process under a memory limit of 64 MiB.
func BenchmarkMillion(b *testing.B) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(64 << 20))
	for range b.N {
		dir := filepath.Join(b.TempDir(), "index")
		db := open(b, dir)
		a := archive(b, db, 1)
		resetPeak()
		for i := range uint32(1000) {
			add(b, a, packed(i, permanent, perPack))
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(peak(b), "MiB-adding")
		resetPeak()
		db = open(b, dir)
		a = archive(b, db, 1)
		for i := range uint32(1000) {
			for _, bl := range packed(i, permanent, perPack).Table.Blobs {
				if _, ok := a.Lookup(bl.ID, permanent, func(pack.Name) bool { return true }); !ok {
					b.Fatal("absent")
				}
				if i%10 == 0 {
					a.Lookup(seal.ID{1, byte(i)}, permanent, all)
				}
			}
		}
		b.ReportMetric(peak(b), "MiB-finding")
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// resetPeak makes the peak that Linux keeps begin anew.
func resetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
}

// peak returns the most memory that the process had, in MiB; 0 where nobody knows.
func peak(b *testing.B) float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	return 0
}
