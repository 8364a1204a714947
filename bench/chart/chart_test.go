package chart_test

import (
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dayfold/dayfold/bench/chart"
)

var charts = map[string]chart.Chart{
	"groups": {Title: "<&>", Unit: "s", Names: []string{"a", "b"}, Series: []chart.Series{{Name: "x<", Y: []float64{1, math.NaN()}}, {Name: "y", Y: []float64{0, 250}}}},
	"log":    {Title: "t", Unit: "s", Log: true, Names: []string{"a", "b"}, Series: []chart.Series{{Name: "x", Y: []float64{0.02, 0}}, {Name: "y", Y: []float64{17, 250}}}},
	"lines":  {Title: "t", Unit: "MB", X: "day", Series: []chart.Series{{Name: "x", X: []float64{1, 2}, Y: []float64{0.02, math.NaN()}}}},
	"growth": {Title: "t", Unit: "s", X: "items", Log: true, Series: []chart.Series{{Name: "x", X: []float64{1e5, 1e7}, Y: []float64{0.02, 3}}}},
	"one":    {Title: "t", Unit: "s", X: "items", Log: true, Series: []chart.Series{{Name: "x", X: []float64{1e5}, Y: []float64{1}}}},
}

func TestSaveDrawsBothFormats(t *testing.T) {
	dir := t.TempDir()
	for name, c := range charts {
		if err := c.Save(dir, name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wellFormed(t, filepath.Join(dir, name+".svg"))
		f, err := os.Open(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seen := map[color.Color]bool{}
		for x := range img.Bounds().Dx() {
			seen[img.At(x, img.Bounds().Dy()/2)] = true
		}
		if len(seen) < 2 {
			t.Errorf("%s: a picture of nothing", name)
		}
	}
}

func wellFormed(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(data); strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
		t.Errorf("%s: a place that is no number", path)
	}
	for d := xml.NewDecoder(strings.NewReader(string(data))); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

func TestNothingIsNotDrawn(t *testing.T) {
	dir := t.TempDir()
	c := chart.Chart{Title: "t", Log: true, Names: []string{"a"}, Series: []chart.Series{{Name: "x", Y: []float64{0}}, {Name: "y", Y: []float64{math.NaN()}}}}
	if err := c.Save(dir, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "x.svg")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want no file", err)
	}
	if err := charts["log"].Save(filepath.Join(dir, "missing"), "x"); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
