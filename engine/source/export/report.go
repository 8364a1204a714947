package export

import (
	"maps"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// A Report says how main.jsonl and the folder of media agree. It is whole when Items
// has ended; Altered grows while contents are read.
type Report struct {
	Lines      map[signal.FrameKind]int64
	Unreadable int64        // lines that are no JSON of Signal's, or too long
	Media      int64        // that the lines show
	Files      int64        // media files that lie there
	Bytes      int64        // of those
	Missing    signal.Names // shown, but not in the folder
	Altered    signal.Names // not what was shown (size, hash)
	Unshown    signal.Names // in the folder, and nothing shows them: kept all the same
	Foreign    signal.Names // in the folder, but not named like a media: left out
}

// Report returns what is known so far.
func (s *Source) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.report
	for _, n := range []*signal.Names{&r.Missing, &r.Altered, &r.Unshown, &r.Foreign} {
		n.Names = append([]string(nil), n.Names...)
	}
	r.Lines = maps.Clone(r.Lines)
	return r
}

func (s *Source) count(kind signal.FrameKind, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.report.Unreadable++
		return
	}
	s.report.Lines[kind]++
}

// note adds a name to one of the lists.
func (s *Source) note(list *signal.Names, name signal.MediaName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list.AddOnce(name.String())
}

// altered notes and returns that a media is not what was shown.
func (s *Source) altered(key []byte, name signal.MediaName, err error) error {
	s.note(&s.report.Altered, name)
	return &engine.Problem{Key: key, Err: err}
}
