package main

import (
	"testing"
	"time"
)

// TestRotationReadsEveryPartInTime runs the rotating check every so often: behind each run
// every part was read within 30 days, or in this one.
func TestRotationReadsEveryPartInTime(t *testing.T) {
	for _, every := range []time.Duration{time.Hour, 24 * time.Hour, 24*time.Hour + 20*time.Minute, 36 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour} {
		start := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
		r, read := rotation{Time: start}, make([]time.Time, rotationDays)
		for now := start; now.Before(start.AddDate(1, 0, 0)); now = now.Add(every) {
			n := r.parts(now)
			for i := range n {
				read[(r.Next+i)%rotationDays] = now
			}
			r = rotation{(r.Next + n) % rotationDays, now}
			if now.Sub(start) < 2*rotationDays*24*time.Hour+every {
				continue
			}
			for part, at := range read {
				if limit := rotationDays*24*time.Hour + rotationDays*30*time.Minute; now.Sub(at) > limit {
					t.Fatalf("every %v: part %d was read %v ago", every, part, now.Sub(at))
				}
			}
		}
	}
}
