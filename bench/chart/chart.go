// Package chart draws plots of measurements, each as an SVG and as a PNG.
package chart

import (
	"errors"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Series is one contender's values. NaN is a value that there is not.
type Series struct {
	Name string
	X, Y []float64 // X is nil where the values belong to groups
}

// A Chart is a plot before it is drawn.
type Chart struct {
	Title string
	Unit  string   // of the values
	X     string   // what X counts
	Names []string // of the groups: values stand over them, X is not used
	// Log draws values, and X where it is used, on logarithmic axes, for what differs by orders;
	// values that are not positive are left out then.
	Log    bool
	Series []Series
}

var colours = []color.Color{
	color.RGBA{0x0b, 0x6e, 0x4f, 0xff}, color.RGBA{0x8d, 0x99, 0xae, 0xff}, color.RGBA{0xd1, 0x49, 0x5b, 0xff},
	color.RGBA{0xed, 0xae, 0x49, 0xff}, color.RGBA{0x30, 0x63, 0x8e, 0xff}, color.RGBA{0x7b, 0x2d, 0x8b, 0xff}, color.RGBA{0x22, 0x22, 0x22, 0xff},
}

const width, height = 8 * vg.Inch, 4 * vg.Inch

// Save draws the chart into dir as name.svg and name.png. A chart without any value
// is not drawn.
func (c Chart) Save(dir, name string) error {
	p, empty, err := c.plot()
	if err != nil || empty {
		return err
	}
	return errors.Join(save(p, filepath.Join(dir, name), "svg"), save(p, filepath.Join(dir, name), "png"))
}

func save(p *plot.Plot, path, format string) error {
	w, err := p.WriterTo(width, height, format)
	if err != nil {
		return err
	}
	f, err := os.Create(path + "." + format)
	if err != nil {
		return err
	}
	_, err = w.WriteTo(f)
	return errors.Join(err, f.Close())
}

func (c Chart) plot() (p *plot.Plot, empty bool, err error) {
	p = plot.New()
	p.Title.Text, p.Y.Label.Text, p.X.Label.Text = c.Title, c.Unit, c.X
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	if len(c.Names) > 0 {
		p.NominalX(c.Names...)
	}
	empty = true
	for i, s := range c.Series {
		points := c.points(i, s)
		if len(points) == 0 {
			continue
		}
		empty = false
		if err := c.add(p, i, s, points); err != nil {
			return nil, false, err
		}
	}
	if c.Log {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(p.Y.Min))), math.Pow(10, math.Ceil(math.Log10(p.Y.Max*1.01)))
		if len(c.Names) == 0 {
			p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		}
	} else {
		p.Y.Min = math.Min(0, p.Y.Min)
		p.Y.Max *= 1.15 // below the legend
	}
	return p, empty, nil
}

// points are the values that can be drawn. Contenders of a group stand side by side.
func (c Chart) points(i int, s Series) (xy plotter.XYs) {
	for k, y := range s.Y {
		if math.IsNaN(y) || c.Log && y <= 0 {
			continue
		}
		x := float64(k) + 0.1*(float64(i)-float64(len(c.Series)-1)/2)
		if len(c.Names) == 0 {
			x = s.X[k]
		}
		xy = append(xy, plotter.XY{X: x, Y: y})
	}
	return xy
}

// add draws a series: a line through its points, over groups the points alone.
func (c Chart) add(p *plot.Plot, i int, s Series, points plotter.XYs) error {
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	colour := colours[i%len(colours)]
	dots.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
	p.Add(dots)
	if len(c.Names) > 0 {
		p.Legend.Add(s.Name, dots)
		return nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = colour, vg.Points(1.5)
	p.Add(line)
	p.Legend.Add(s.Name, line, dots)
	return nil
}
