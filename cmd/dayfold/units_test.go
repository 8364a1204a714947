package main

import (
	"testing"
	"time"
)

func TestSizesAndRates(t *testing.T) {
	for text, want := range map[string]int64{"128M": 128 << 20, "1.5GiB": 3 << 29, "64k": 64 << 10, "4096": 4096, "10b": 10, "2 MiB": 2 << 20, "0": 0} {
		if got, err := parseSize(text, 1); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "M", "-1", "lots", "NaN", "1e30P", "12X", "1 2"} {
		if got, err := parseSize(text, 1); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	var r rate
	for text, want := range map[string]rate{"500": 500 << 10, "2M": 2 << 20, "2M/s": 2 << 20, "100B": 100, "0": 0} {
		if err := r.Set(text); err != nil || r != want {
			t.Errorf("rate %q is %d, %v; want %d", text, r, err, want)
		}
	}
	if err := r.Set("0.0001"); err == nil {
		t.Errorf("a rate below a byte a second is %d: no limit", r)
	}
}

func TestSpansAndDates(t *testing.T) {
	var s span
	for text, want := range map[string]time.Duration{"1y": 365 * day, "6m2d": 182 * day, "12h": 12 * time.Hour, "2w": 14 * day} {
		if err := s.Set(text); err != nil || time.Duration(s) != want {
			t.Errorf("%q is %v, %v; want %v", text, time.Duration(s), err, want)
		}
	}
	for _, text := range []string{"", "d", "12", "1d2", "-1d", "99999999999d", "1s"} {
		if err := s.Set(text); err == nil {
			t.Errorf("%q is %v", text, time.Duration(s))
		}
	}
	var d date
	for text, want := range map[string]time.Time{
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.Local),
		"2026-01-31 18:30":     time.Date(2026, 1, 31, 18, 30, 0, 0, time.Local),
		"2026-01-31T18:30:00Z": time.Date(2026, 1, 31, 18, 30, 0, 0, time.UTC),
	} {
		if err := d.Set(text); err != nil || !d.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, d.Time, err, want)
		}
	}
	if err := d.Set("31.1.2026"); err == nil {
		t.Errorf("31.1.2026 is %v", d.Time)
	}
}

func TestWordsForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.50 KiB", 10 << 20: "10 MiB", 1023 << 10: "1.00 MiB", 123456789: "118 MiB"} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for name, want := range map[string]string{"a/b c": "a/b c", "ü€": "ü€", "a\x1b[2J": `"a\x1b[2J"`, "a\nb": `"a\nb"`, "\xff": `"\xff"`, "a\u202eb": `"a\u202eb"`} {
		if got := visible(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}

func TestSubsets(t *testing.T) {
	for text, want := range map[string][2]int{"2/30": {2, 30}, "1/1": {1, 1}, "100%": {1, 1}} {
		if part, of, err := parseSubset(text); err != nil || [2]int{part, of} != want {
			t.Errorf("%q is %d of %d, %v; want %v", text, part, of, err, want)
		}
	}
	if part, of, err := parseSubset("5%"); err != nil || of != 20 || part < 1 || part > 20 {
		t.Errorf("5%% is %d of %d, %v", part, of, err)
	}
	for _, text := range []string{"0/3", "4/3", "x", "5", "-5%", "0%", "101%", "1/2/3", ""} {
		if part, of, err := parseSubset(text); err == nil {
			t.Errorf("%q is %d of %d", text, part, of)
		}
	}
}

// A password in a URL, which no store takes, is still not repeated.
func TestPlacesAreShownWithoutPasswords(t *testing.T) {
	for repo, want := range map[string]string{
		"webdav:https://me:secret@host/a?token=secret": "webdav:https://me:xxxxx@host/a",
		"s3:https://host/bucket/prefix":                "s3:https://host/bucket/prefix",
		"webdav:https://me:se%ret@host/":               "webdav:https://…",
		"/mnt/disk":                                    "/mnt/disk",
		"sftp:me@host:/a":                              "sftp:me@host:/a",
	} {
		if got := shownURL(repo); got != want {
			t.Errorf("%s is shown as %s, want %s", repo, got, want)
		}
	}
	for repo, want := range map[string]string{"a/b": "file", "./x:y": "file", "file:x:y": "file", "s3:https://h/b": "s3", "mem:": "mem"} {
		if s, _, err := parseURL(repo); err != nil || s.name != want {
			t.Errorf("%s is of kind %q, %v; want %s", repo, s.name, err, want)
		}
	}
}
