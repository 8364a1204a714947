package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/dayfold/dayfold/engine"
)

// progress is the line on a terminal that says what a long command is doing: what,
// how much, the share done, the rate, the time left. With --json and -v it is status
// lines on stdout instead.
type progress struct {
	c       *cli
	started time.Time // of the stage
	stage   string
	drawn   time.Time
	shown   bool
}

const (
	redraw = 150 * time.Millisecond
	status = time.Second // between status lines
)

// reporter is what the engine tells; nil when nobody listens.
func (p *progress) reporter() func(engine.Progress) {
	switch {
	case p.c.json && p.c.verbose:
		return p.status
	case !p.c.json && !p.c.quiet && term.IsTerminal(int(os.Stderr.Fd())):
		return p.draw
	}
	return nil
}

// due says whether it is time for the next line, and keeps the time of the stage.
func (p *progress) due(now engine.Progress, every time.Duration) bool {
	t := time.Now()
	if now.Stage != p.stage || p.started.IsZero() {
		p.stage, p.started, p.drawn = now.Stage, t, time.Time{}
	}
	if t.Sub(p.drawn) < every {
		return false
	}
	p.drawn = t
	return true
}

func (p *progress) status(now engine.Progress) {
	if !p.due(now, status) {
		return
	}
	share, _ := done(now)
	_ = p.c.emit(struct {
		Type       string  `json:"message_type"`
		Stage      string  `json:"stage"`
		Items      int64   `json:"items"`
		Bytes      int64   `json:"bytes"`
		TotalItems int64   `json:"total_items,omitempty"`
		TotalBytes int64   `json:"total_bytes,omitempty"`
		Uploaded   int64   `json:"bytes_uploaded"`
		Share      float64 `json:"percent_done"`
		Seconds    float64 `json:"seconds_elapsed"`
	}{"status", now.Stage, now.Items, now.Bytes, now.TotalItems, now.TotalBytes, now.Uploaded, 100 * share, seconds(time.Since(p.started))})
}

// done is the share of the work that is done, if the whole is known.
func done(now engine.Progress) (share float64, known bool) {
	switch {
	case now.TotalBytes > 0:
		share = float64(now.Bytes) / float64(now.TotalBytes)
	case now.TotalItems > 0:
		share = float64(now.Items) / float64(now.TotalItems)
	default:
		return 0, false
	}
	return min(share, 1), true
}

func (p *progress) draw(now engine.Progress) {
	if !p.due(now, redraw) {
		return
	}
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	line := []rune(p.line(now))
	if len(line) >= width {
		line = line[:width-1]
	}
	fmt.Fprintf(p.c.err, "\r\x1b[K%s", string(line))
	p.shown = true
}

func (p *progress) line(now engine.Progress) string {
	elapsed := time.Since(p.started)
	parts := []string{visible(now.Stage)}
	share, known := done(now)
	if known {
		parts = append(parts, fmt.Sprintf("%3.0f %%", 100*share))
	}
	if now.Items > 0 {
		parts = append(parts, plural(now.Items, "item"))
	}
	if now.Bytes > 0 {
		parts = append(parts, bytesOf(now.Bytes))
		if elapsed > time.Second {
			parts = append(parts, bytesOf(int64(float64(now.Bytes)/elapsed.Seconds()))+"/s")
		}
	}
	if now.Uploaded > 0 {
		parts = append(parts, bytesOf(now.Uploaded)+" stored")
	}
	if known && share > 0.01 && elapsed > 2*time.Second {
		left := time.Duration(float64(elapsed) * (1 - share) / share)
		parts = append(parts, lasting(left.Round(time.Second))+" left")
	}
	return strings.Join(parts, "  ")
}

// clear takes the line away before something else is written.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.c.err, "\r\x1b[K")
		p.shown = false
	}
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}
