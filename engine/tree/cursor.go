package tree

// A cursor stands before a node of one level, or at the end of the level. It
// reads the inner nodes above, and the node itself only when told to.
type cursor struct {
	r     *reader
	level int
	path  []step // from the top down to the parent of the node; at the end: the top alone
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
	c.path = []step{{node: top}}
	if c.level >= top.level {
		c.path[0].i = len(top.kids)
	}
	return c.descend(func(*node) int { return 0 })
}

// valid says that there is a node.
func (c *cursor) valid() bool {
	top := &c.path[0]
	return top.i >= 0 && top.i < len(top.node.kids)
}

func (c *cursor) child() child {
	s := &c.path[len(c.path)-1]
	return s.node.kids[s.i]
}

// key returns the last key of the node.
func (c *cursor) key() []byte { return c.child().key }

// low returns the last key before the node, nil when it is the first.
func (c *cursor) low() []byte {
	for i := len(c.path) - 1; i >= 0; i-- {
		if s := &c.path[i]; s.i > 0 {
			return s.node.kids[s.i-1].key
		}
	}
	return nil
}

// open loads the node.
func (c *cursor) open() (*node, error) { return c.r.node(c.level, c.child(), c.low()) }

// openOnce loads a leaf that is valid until the next openOnce.
func (c *cursor) openOnce() (*node, error) {
	return c.r.load(0, c.child(), c.low(), &c.r.leaves)
}

// seek goes on to the first node whose last key is not below key, or with past:
// above it. It never goes back.
func (c *cursor) seek(key []byte, past bool) error {
	if err := c.start(); err != nil || !c.valid() {
		return err
	}
	in := func(n *node, from int) int { return n.searchFrom(from, key, past) }
	for {
		s := &c.path[len(c.path)-1]
		if s.i = in(s.node, s.i); s.i < len(s.node.kids) {
			return c.descend(func(n *node) int { return in(n, 0) })
		}
		if len(c.path) == 1 {
			return nil
		}
		c.path = c.path[:len(c.path)-1]
	}
}

// next goes on to the next node.
func (c *cursor) next() error { return c.move(+1, func(*node) int { return 0 }) }

// prev goes back to the node before, from the end to the last.
func (c *cursor) prev() error { return c.move(-1, func(n *node) int { return len(n.kids) - 1 }) }

func (c *cursor) move(by int, enter func(*node) int) error {
	for {
		s := &c.path[len(c.path)-1]
		if s.i += by; len(c.path) == 1 || s.i >= 0 && s.i < len(s.node.kids) {
			return c.descend(enter)
		}
		c.path = c.path[:len(c.path)-1]
	}
}

// descend completes the path down to the level.
func (c *cursor) descend(enter func(*node) int) error {
	for c.valid() {
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
	return nil
}

// end goes on to the end of the level.
func (c *cursor) end() {
	c.path = c.path[:1]
	c.path[0].i = len(c.path[0].node.kids)
}
