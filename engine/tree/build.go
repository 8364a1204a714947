package tree

// A Builder builds a map from the bottom up, with one open node for each level.
// The root is the one that edits of any other map to the same entries lead to.
type Builder struct {
	e   *edit
	err error
}

// NewBuilder returns a builder of a map with the settings of m. m.Root is not read.
func NewBuilder(m Map) *Builder {
	m.Root = Root{}
	return &Builder{e: newEdit(m)}
}

// Add adds an entry, which may be changed afterwards. It is ErrOrder unless the
// key is above the one before, ErrEntry outside the limits, or an error of
// Nodes.Save. The first error sticks.
func (b *Builder) Add(e Entry) error {
	if b.err == nil {
		b.err = b.e.put(&e)
	}
	return b.err
}

// Finish completes the map and returns its root. The builder is then of no use.
func (b *Builder) Finish() (Root, error) {
	if b.err != nil {
		return Root{}, b.err
	}
	return b.e.finish()
}
