package signal

import (
	"slices"
	"sort"
)

// Written says what a writer wrote and what it left out.
type Written struct {
	Frames, Media int64            // frames or lines, and media files
	Bytes         int64            // of their contents
	Left          map[string]int64 // frames left out, by reason
	Mended        int64            // frames that Signal would have refused as they were
	Unknown       int64            // fields that the target's form has no name for
	Fields        map[string]int64 // those of frames, by name (see UnknownFields)
	Missing       Names            // media that are shown but not in the history
	Altered       Names            // media that are in the history, and cannot be read or are not what is shown
}

// Leave counts one frame that is left out.
func (w *Written) Leave(reason string) { w.LeaveSome(reason, 1) }

// LeaveSome counts n things that are left out.
func (w *Written) LeaveSome(reason string, n int64) {
	if w.Left == nil {
		w.Left = map[string]int64{}
	}
	w.Left[reason] += n
}

// Drop counts a field that is left out of a frame.
func (w *Written) Drop(name string) {
	if w.Fields == nil {
		w.Fields = map[string]int64{}
	}
	if _, ok := w.Fields[name]; ok || len(w.Fields) < maxNames {
		w.Fields[name]++
	}
}

// Names are names of files with their count; of many only the first maxNames.
type Names struct {
	Count int64
	Names []string
}

const maxNames = 1000

// Add adds a name.
func (n *Names) Add(name string) {
	if n.Count++; len(n.Names) < maxNames {
		n.Names = append(n.Names, name)
	}
}

// AddOnce adds a name unless it is one of those that are kept.
func (n *Names) AddOnce(name string) {
	if !slices.Contains(n.Names, name) {
		n.Add(name)
	}
}

// Needed are the media that a file will need, by name, with the key of each one's item.
type Needed map[MediaName]NeededMedia

// NeededMedia is one of them.
type NeededMedia struct {
	Media Media
	Key   string // empty: the item does not say that it needs it
}

// Add adds the media that a frame shows, which the item needs.
func (n Needed) Add(f *Facts, needs [][]byte) {
	for _, s := range f.Media {
		if n[s.Name].Key != "" || s.Once {
			continue
		}
		n[s.Name] = NeededMedia{Media: s.Media}
		name := s.Name.String()
		for _, key := range needs {
			if len(key) >= len(name) && string(key[len(key)-len(name):]) == name {
				n[s.Name] = NeededMedia{s.Media, string(key)}
			}
		}
	}
}

// Sorted returns the names in order.
func (n Needed) Sorted() []MediaName {
	names := make([]MediaName, 0, len(n))
	for name := range n {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return string(names[i][:]) < string(names[j][:]) })
	return names
}
