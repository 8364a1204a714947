package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// A chart is a plot of groups of bars, or of lines over the groups.
type chart struct {
	title, unit string
	groups      []string // along the bottom
	series      []series
	lines       bool
	log         bool // a logarithmic axis, for values that differ by orders
}

// A series is one tool's values, one for each group; NaN: none.
type series struct {
	name   string
	values []float64
}

const (
	chartWidth, chartHeight = 760, 360
	left, right, top, below = 70, 130, 40, 40
)

var colours = []string{"#0b6e4f", "#8d99ae", "#d1495b", "#edae49", "#30638e", "#7b2d8b"}

// svg writes the chart as a picture that stands alone.
func (c chart) svg(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`, chartWidth, chartHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/><text x="%d" y="22" font-size="15">%s</text>`, left, html.EscapeString(c.title))
	low, high := c.bounds()
	for _, v := range c.ticks(low, high) {
		y := c.y(v, low, high)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`, left, chartWidth-right, y, y)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, left-6, y+4, number(v))
	}
	fmt.Fprintf(&b, `<text x="12" y="%d" transform="rotate(-90 12 %d)" text-anchor="middle">%s</text>`, chartHeight/2, chartHeight/2, html.EscapeString(c.unit))
	for i, g := range c.groups {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`, c.x(i), chartHeight-below+18, html.EscapeString(g))
	}
	for i, s := range c.series {
		colour := colours[i%len(colours)]
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d">%s</text>`,
			chartWidth-right+14, top+20*i, colour, chartWidth-right+32, top+20*i+11, html.EscapeString(s.name))
		if c.lines {
			c.line(&b, s, colour, low, high)
		} else {
			c.bars(&b, i, s, colour, low, high)
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func (c chart) line(b *strings.Builder, s series, colour string, low, high float64) {
	var points []string
	for i, v := range s.values {
		if !math.IsNaN(v) {
			points = append(points, fmt.Sprintf("%.1f,%.1f", c.x(i), c.y(v, low, high)))
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(points, " "), colour)
}

func (c chart) bars(b *strings.Builder, i int, s series, colour string, low, high float64) {
	width := 0.8 * float64(chartWidth-left-right) / float64(len(c.groups)*len(c.series))
	for g, v := range s.values {
		if math.IsNaN(v) || v < low {
			continue
		}
		x := c.x(g) + (float64(i)-float64(len(c.series))/2)*width
		y := c.y(v, low, high)
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s %s: %s</title></rect>`,
			x, y, width*0.92, chartHeight-below-y, colour, html.EscapeString(s.name), html.EscapeString(c.groups[g]), number(v))
	}
}

// x is the middle of a group.
func (c chart) x(group int) float64 {
	return left + (float64(group)+0.5)*float64(chartWidth-left-right)/float64(len(c.groups))
}

func (c chart) y(v, low, high float64) float64 {
	share := (v - low) / (high - low)
	if c.log && low > 0 {
		share = math.Log(v/low) / math.Log(high/low)
	}
	return chartHeight - below - share*(chartHeight-below-top)
}

// bounds returns the axis's ends: zero, or a power of ten below all, and above all.
func (c chart) bounds() (low, high float64) {
	low = math.Inf(1)
	for _, s := range c.series {
		for _, v := range s.values {
			if !math.IsNaN(v) && (v > 0 || !c.log) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if !c.log || high == 0 {
		return 0, max(high*1.05, 1e-9)
	}
	low = math.Pow(10, math.Floor(math.Log10(low)))
	return low, max(high*1.2, low*10)
}

// ticks returns where the axis has a line.
func (c chart) ticks(low, high float64) (ticks []float64) {
	if c.log && low > 0 {
		for v := low; v <= high; v *= 10 {
			ticks = append(ticks, v)
		}
		return ticks
	}
	step := math.Pow(10, math.Floor(math.Log10(high/2)))
	for high/step > 6 {
		step *= 2
	}
	for v := 0.0; v <= high; v += step {
		ticks = append(ticks, v)
	}
	return ticks
}

func number(v float64) string { return fmt.Sprintf("%.4g", v) }
