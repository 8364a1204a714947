package pack

// A Class says how long the blobs of a pack live. A pack holds blobs of one class.
type Class struct {
	Kind ClassKind
	Day  uint32 // of Expiring: the bucket's last day, in days since 1970-01-01; else 0
}

// ClassKind is a Class without its day.
type ClassKind byte

// The kinds of classes. Their numbers are part of the format.
const (
	Tree      ClassKind = 1 + iota // nodes of trees
	Permanent                      // contents that do not expire
	Expiring                       // nodes and contents of one expiry bucket
)

// Outlives tells whether a pack of class c may hold what belongs into class d:
// it is kept at least as long. The zero Class outlives nothing.
func (c Class) Outlives(d Class) bool {
	switch c.Kind {
	case Tree, Permanent:
		return true
	case Expiring:
		return d.Kind == Expiring && c.Day >= d.Day
	}
	return false
}

// valid tells whether c can be coded: there is one form of each class.
func (c Class) valid() bool {
	return c.Kind == Expiring || c.Day == 0 && (c.Kind == Tree || c.Kind == Permanent)
}
