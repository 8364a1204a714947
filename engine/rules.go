package engine

import (
	"bytes"
	"time"
)

// Rules decide, purely, which items enter an archive. The zero value keeps all
// but what never may: view-once content and what expires within a day.
type Rules struct {
	TextOnly  bool      // no media, but the rest of a long text
	MediaDays int       // no media older than this many days but long texts; 0: any age
	Since     time.Time // nothing older
	Exclude   [][]byte  // not these groups
	Include   [][]byte  // only these groups, when there are any (items without a group stay)
}

// keepsAtLeast is the life that an item must have left to be archived at all. It
// is Signal's own rule for its backups.
const keepsAtLeast = 24 * time.Hour

// The reasons that reports count by.
const (
	becauseViewOnce = "view-once"
	becauseExpiring = "expiring"
	becauseText     = "text-only"
	becauseOld      = "media-age"
	becauseSince    = "since"
	becauseGroup    = "group"
	becauseUnnamed  = "unneeded" // media of which every namer was left out
)

// exclude returns why an item stays out of the archive, or "".
func (r Rules) exclude(it *Item, now time.Time) string {
	switch {
	case it.ViewOnce:
		return becauseViewOnce
	case !it.Expires.IsZero() && it.Expires.Sub(now) < keepsAtLeast:
		return becauseExpiring
	case it.Expires.IsZero() && it.Timer > 0 && it.Timer < keepsAtLeast:
		return becauseExpiring
	case len(it.Group) > 0 && !r.keepsGroup(it.Group):
		return becauseGroup
	case it.Kind == Media && r.TextOnly && !it.Text:
		return becauseText
	case it.Kind == Media && r.MediaDays > 0 && !it.Text && it.Time.Before(now.AddDate(0, 0, -r.MediaDays)):
		return becauseOld
	case it.Kind != Other && !r.Since.IsZero() && it.Time.Before(r.Since):
		return becauseSince
	}
	return ""
}

func (r Rules) keepsGroup(group []byte) bool {
	for _, g := range r.Exclude {
		if bytes.Equal(g, group) {
			return false
		}
	}
	for _, g := range r.Include {
		if bytes.Equal(g, group) {
			return true
		}
	}
	return len(r.Include) == 0
}
