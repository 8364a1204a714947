package tree

// A cursor stands before a node of one level, or at the end of the level. It
// reads the inner nodes above as late as it can, and the node itself only when
// told to.
type cursor struct {
	r     *reader
	level int
	// path leads from above the root down to the parent of the node, or ends
	// before: then the node is the first below. At the end of the level it is
	// the top alone.
	path []step
}

type step struct {
	node *node
	i    int // which child the path goes through
}

// newCursor returns a cursor that start or seek must place before anything else.
func newCursor(r *reader, level int) *cursor { return &cursor{r: r, level: level} }

// start places a new cursor before the first node of its level, and does nothing
// with others. Above the root there is no node.
func (c *cursor) start() error {
	if c.path != nil {
		return nil
	}
	top, err := c.r.top()
	if err != nil {
		return err
	}
	c.path = append(make([]step, 0, top.level), step{node: top})
	if c.level >= top.level {
		c.end()
	}
	return nil
}

// valid says that there is a node.
func (c *cursor) valid() bool { return c.path[0].i < len(c.path[0].node.kids) }

// low returns the last key before the node, nil when it is the first. It says
// where the cursor is.
func (c *cursor) low() []byte { return low(c.path) }

func low(path []step) []byte {
	for i := len(path) - 1; i >= 0; i-- {
		if s := &path[i]; s.i > 0 {
			return s.node.kids[s.i-1].key
		}
	}
	return nil
}

// child returns the node's record.
func (c *cursor) child() (child, error) {
	err := c.descend(first)
	s := &c.path[len(c.path)-1]
	if err != nil {
		return child{}, err
	}
	return s.node.kids[s.i], nil
}

// open loads the node.
func (c *cursor) open() (*node, error) {
	kid, err := c.child()
	if err != nil {
		return nil, err
	}
	return c.r.node(c.level, kid, c.low())
}

// openOnce loads a leaf that is valid until the next openOnce.
func (c *cursor) openOnce() (*node, error) {
	kid, err := c.child()
	if err != nil {
		return nil, err
	}
	return c.r.load(0, kid, c.low(), &c.r.leaves)
}

// seek goes on to the first node whose last key is not below key, or with past:
// above it. It never goes back.
func (c *cursor) seek(key []byte, past bool) error {
	if err := c.start(); err != nil || !c.valid() {
		return err
	}
	for {
		s := &c.path[len(c.path)-1]
		if s.i = s.node.searchFrom(s.i, key, past); s.i < len(s.node.kids) {
			return c.descend(func(n *node) int { return n.searchFrom(0, key, past) })
		}
		if len(c.path) == 1 {
			return nil
		}
		c.path = c.path[:len(c.path)-1]
	}
}

// next goes on to the next node.
func (c *cursor) next() {
	for c.valid() {
		s := &c.path[len(c.path)-1]
		if s.i++; s.i < len(s.node.kids) {
			return
		}
		if len(c.path) > 1 {
			c.path = c.path[:len(c.path)-1]
		}
	}
}

// prev goes back to the node before, from the end to the last. There must be one.
func (c *cursor) prev() error {
	for len(c.path) > 1 && c.path[len(c.path)-1].i == 0 {
		c.path = c.path[:len(c.path)-1]
	}
	c.path[len(c.path)-1].i--
	return c.descend(last)
}

// end goes on to the end of the level.
func (c *cursor) end() {
	c.path = c.path[:1]
	c.path[0].i = len(c.path[0].node.kids)
}

// descend completes the path down to the level.
func (c *cursor) descend(enter func(*node) int) error {
	for {
		s := c.path[len(c.path)-1]
		if s.node.level == c.level+1 {
			return nil
		}
		n, err := c.r.node(s.node.level-1, s.node.kids[s.i], c.low())
		if err != nil {
			return err
		}
		c.path = append(c.path, step{node: n, i: enter(n)})
	}
}

func first(*node) int  { return 0 }
func last(n *node) int { return len(n.kids) - 1 }
