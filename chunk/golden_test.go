package chunk_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/dayfold/dayfold/chunk"
)

var update = flag.Bool("update", false, "write testdata anew")

// cuts are the published bounds at work. The polynomial is derived from the
// stream of ChaCha8 with a zero seed, the data from that with a first byte of 1;
// records have 200, 30, 411, 1 and 77 bytes, again and again.
type cuts struct {
	Bounds     []chunk.Bounds `json:"media_text_leaf_inner"`
	Polynomial string         `json:"polynomial"`
	Media      []int          `json:"media_of_32_MiB"`
	Text       []int          `json:"text_of_512_KiB"`
	Leaf       []int          `json:"leaf_records_in_64_KiB"`
	Inner      []int          `json:"inner_records_in_64_KiB"`
}

func TestGoldenCuts(t *testing.T) {
	p, err := chunk.DerivePolynomial(rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	data := random(1, 32<<20)
	sizes := func(b chunk.Bounds, n int) (sizes []int) {
		for _, c := range split(t, chunk.NewCutter(p, b), bytes.NewReader(data[:n])) {
			sizes = append(sizes, len(c))
		}
		return sizes
	}
	recs := records(data[:64<<10], 200, 30, 411, 1, 77)
	js, err := json.Marshal(cuts{
		Bounds:     []chunk.Bounds{chunk.Media, chunk.Text, chunk.Leaf, chunk.Inner},
		Polynomial: p.String(),
		Media:      sizes(chunk.Media, 32<<20),
		Text:       sizes(chunk.Text, 512<<10),
		Leaf:       runs(chunk.NewRecords(p, chunk.Leaf), recs),
		Inner:      runs(chunk.NewRecords(p, chunk.Inner), recs),
	})
	if err != nil {
		t.Fatal(err)
	}
	js = append(bytes.ReplaceAll(js, []byte(`,"`), []byte(",\n\"")), '\n')
	const file = "testdata/cuts.json"
	if *update {
		if err := os.WriteFile(file, js, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(js, want) {
		t.Errorf("the cuts have changed, and with them what deduplicates: got\n%s\nwant\n%s", js, want)
	}
}
