package signallocal

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dayfold/dayfold/engine/source/signal"
)

const nameLayout = "signal-backup-2006-01-02-15-04-05"

// Look describes the backup in dir without its key: what lies in the folder, and what
// the lists of its snapshots, which nobody signs, say that should. The time is that in
// the snapshot's name, which Android gives in UTC and Desktop in its own zone.
func Look(dir string) (signal.Description, error) {
	d, err := look(dir)
	if err != nil {
		err = fmt.Errorf("signal backup: %w", err)
	}
	return d, err
}

func look(dir string) (signal.Description, error) {
	root, err := openRoot(dir)
	if err != nil {
		return signal.Description{}, err
	}
	s := &Source{root: root, report: new(report)}
	defer s.Close()
	if err := s.choose(Options{}); err != nil {
		return signal.Description{}, err
	}
	s.compareLists()
	d := s.Description()
	if d.Made, err = time.Parse(nameLayout, s.name); err != nil {
		d.Made = time.Time{} // digits, but no date
	}
	metadata, err := s.readSmall(s.name + "/metadata")
	if err != nil {
		return d, err
	}
	version, err := signal.MetadataVersion(metadata)
	d.Version = strconv.FormatUint(version, 10)
	return d, err
}

// compareLists notes how the lists of all snapshots agree with the folder of media.
func (s *Source) compareLists() {
	listed := map[signal.MediaName]bool{} // and whether this snapshot lists it
	for _, name := range s.others {
		s.list(name, func(n signal.MediaName) { listed[n] = false })
	}
	s.report.ListDamaged = s.list(s.name, func(n signal.MediaName) { listed[n] = true }) != nil
	s.folder(func(n signal.MediaName, size int64) {
		switch _, ok := listed[n]; {
		case !signal.IsSealedSize(size):
			s.report.Altered.Add(n.String())
		case !ok:
			s.report.Superfluous.Add(n.String())
		}
		delete(listed, n)
	})
	for n, mine := range listed {
		if mine {
			s.report.Missing.Add(n.String())
		}
	}
}

// Description says what the backup is, and, when Items has ended, what is in it and how
// main, the list and the folder of media agree.
func (s *Source) Description() signal.Description {
	r := s.Report()
	d := signal.Description{Snapshot: r.Snapshot, Snapshots: 1 + len(s.others), Files: r.Files, Bytes: r.Bytes}
	if s.first.Version != 0 {
		d.Version, d.App = strconv.FormatUint(s.first.Version, 10), s.first.CurrentApp
		d.Made = time.UnixMilli(int64(min(s.first.TimeMs, 1<<62))).UTC()
	}
	d.CountFrames(r.Frames)
	if r.Media > 0 {
		d.Count("media", r.Media)
	}
	d.Find(signal.FoundMissing, r.Missing)
	d.Find(signal.FoundAltered, r.Altered)
	d.Find(signal.FoundUnreadable, signal.Names{Count: r.Unreadable})
	d.Find(signal.FoundUnlisted, r.Unlisted)
	d.Find(signal.FoundUnshown, r.Unshown)
	d.Find(signal.FoundSuperfluous, r.Superfluous)
	d.Find(signal.FoundUnfinished, signal.Names{Count: int64(len(r.Unfinished)), Names: r.Unfinished})
	if r.ListDamaged {
		d.Find(signal.FoundListDamaged, signal.Names{Count: 1, Names: []string{r.Snapshot + "/files"}})
	}
	return d
}
