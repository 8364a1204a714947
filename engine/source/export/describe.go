package export

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// Look describes an export. There is no key to it.
func Look(path string) (signal.Description, error) {
	s, err := Open(path)
	if err != nil {
		return signal.Description{}, err
	}
	defer s.Close()
	return s.Description(), nil
}

// Description says what the export is, and, when Items has ended, what is in it and how
// its lines and its media agree.
func (s *Source) Description() signal.Description {
	r := s.Report()
	d := signal.Description{Version: "1", Files: r.Files, Bytes: r.Bytes}
	d.App, d.Made = made(s.first)
	d.CountFrames(r.Lines)
	if r.Media > 0 {
		d.Count("media", r.Media)
	}
	d.Find(signal.FoundMissing, r.Missing)
	d.Find(signal.FoundAltered, r.Altered)
	d.Find(signal.FoundUnreadable, signal.Names{Count: r.Unreadable})
	d.Find(signal.FoundUnshown, r.Unshown)
	d.Find(signal.FoundForeign, r.Foreign)
	return d
}

// made reads from the first line with which version of the app it was made, and when.
func made(first []byte) (app string, at time.Time) {
	var info struct {
		CurrentAppVersion string
		BackupTimeMs      json.RawMessage
	}
	_ = json.Unmarshal(first, &info) // what is of another type stays empty
	text := string(info.BackupTimeMs)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms > 0 {
		at = time.UnixMilli(ms).UTC()
	}
	return info.CurrentAppVersion, at
}
