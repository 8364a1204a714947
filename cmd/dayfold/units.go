package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units are the units of sizes, each 1024 of the one before.
const units = "KMGTP"

// parseSize reads "128M", "1.5GiB", "4096": a number and a binary unit. without is
// the factor of a number that has none.
func parseSize(text string, without float64) (int64, error) {
	s := strings.TrimSpace(text)
	s = strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(s), "B"), "I")
	factor := without
	if strings.HasSuffix(strings.ToUpper(strings.TrimSpace(text)), "B") {
		factor = 1
	}
	if n := len(s); n > 0 {
		if i := strings.IndexByte(units, s[n-1]); i >= 0 {
			s, factor = s[:n-1], math.Pow(1024, float64(i+1))
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || v < 0 || math.IsNaN(v) || v*factor >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is no size like 128M", text)
	}
	return int64(v * factor), nil
}

// A size is a flag in bytes.
type size int64

// Set reads a number with a unit, or bytes.
func (s *size) Set(text string) error {
	v, err := parseSize(text, 1)
	*s = size(v)
	return err
}

// String is the size as it may be given.
func (s *size) String() string {
	return strings.ReplaceAll(strings.TrimSuffix(bytesOf(int64(*s)), "iB"), " ", "")
}

// Type is the word in the help.
func (*size) Type() string { return "SIZE" }

// A rate is a flag in bytes per second; 0: no limit.
type rate int64

// Set reads a number with a unit; without one it is KiB, as in restic and rclone.
func (r *rate) Set(text string) error {
	v, err := parseSize(strings.TrimSuffix(text, "/s"), 1024)
	if err == nil && v == 0 && text != "0" {
		err = errors.New("less than a byte a second")
	}
	*r = rate(v)
	return err
}

// String is the rate as it may be given.
func (r *rate) String() string {
	if *r == 0 {
		return ""
	}
	return bytesOf(int64(*r)) + "/s"
}

// Type is the word in the help.
func (*rate) Type() string { return "RATE" }

// A date is a flag that names a moment; a day alone is its first moment here.
type date struct{ time.Time }

var dateForms = []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", "2006-01-02T15:04:05"}

// Set reads a day, a day and a time, or RFC 3339.
func (d *date) Set(text string) (err error) {
	if d.Time, err = time.Parse(time.RFC3339, text); err == nil {
		return nil
	}
	for _, form := range dateForms {
		if d.Time, err = time.ParseInLocation(form, text, time.Local); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%q is no date like 2026-01-31 or 2026-01-31T18:00:00Z", text)
}

// String is the date as it may be given.
func (d *date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.RFC3339)
}

// Type is the word in the help.
func (*date) Type() string { return "DATE" }

// A span is a flag for a length of time: years, months, days, hours, as in "1y6m2d12h".
type span time.Duration

const day = 24 * time.Hour

var spanUnits = map[byte]time.Duration{'y': 365 * day, 'm': 30 * day, 'w': 7 * day, 'd': day, 'h': time.Hour}

// Set reads numbers with a unit each.
func (s *span) Set(text string) error {
	total, number := time.Duration(0), -1
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' && number < 1e5 {
			number = max(number, 0)*10 + int(c-'0')
			continue
		}
		unit, ok := spanUnits[text[i]]
		if !ok || number < 0 {
			return fmt.Errorf("%q is no span like 1y6m2d12h", text)
		}
		total, number = total+time.Duration(number)*unit, -1
	}
	if number >= 0 || total <= 0 {
		return fmt.Errorf("%q is no span like 1y6m2d12h", text)
	}
	*s = span(total)
	return nil
}

// String is the span as it may be given.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return fmt.Sprintf("%dh", time.Duration(*s)/time.Hour)
}

// Type is the word in the help.
func (*span) Type() string { return "SPAN" }

// bytesOf is a number of bytes for people.
func bytesOf(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1024, 0
	for ; v >= 999.5 && unit < len(units)-1; unit++ {
		v /= 1024
	}
	digits := 2 - int(math.Log10(v))
	if v == math.Trunc(v) {
		digits = 0
	}
	return fmt.Sprintf("%.*f %ciB", max(digits, 0), v, units[unit])
}

// count is a number for people: 1,234,567.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is a count with its noun.
func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// lasting is a duration for people.
func lasting(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d min", d/time.Minute, d%time.Minute/time.Second)
	case d < 100*time.Hour:
		return fmt.Sprintf("%d:%02d h", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/day)
}
