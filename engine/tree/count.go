package tree

// Count returns how many entries have a key with from ≤ key < to (nil: to the end), and
// the sum of their sizes, from the summaries of the nodes above them: O(log n) loads.
func (m Map) Count(from, to []byte) (count, bytes uint64, err error) {
	if m.Root == (Root{}) {
		return 0, 0, nil
	}
	if err := m.Root.check(); err != nil {
		return 0, 0, err
	}
	c := counter{r: newReader(m), from: from, to: to}
	err = c.node(int(m.Root.Level), m.Root.child(), nil)
	return c.count, c.bytes, err
}

type counter struct {
	r            *reader
	from, to     []byte
	count, bytes uint64
}

// node adds what of a subtree is in the range; the subtree's keys lie behind low.
func (c *counter) node(level int, k child, low []byte) error {
	n, err := c.r.node(level, k, low)
	if err != nil {
		return err
	}
	if level == 0 {
		for i := range n.entries {
			if e := &n.entries[i]; c.has(e.Key) {
				c.count++
				c.bytes += e.Size
			}
		}
		return nil
	}
	for i := range n.kids {
		kid := n.kids[i]
		// The subtree holds keys in (low, kid.key].
		switch {
		case low != nil && !c.below(low):
			return nil
		case c.from != nil && string(kid.key) < string(c.from):
		case (c.from == nil || low != nil && string(low) >= string(c.from)) && c.below(kid.key):
			c.count += kid.count
			c.bytes += kid.bytes
		default:
			if err := c.node(level-1, kid, low); err != nil {
				return err
			}
		}
		low = kid.key
	}
	return nil
}

func (c *counter) below(key []byte) bool { return c.to == nil || string(key) < string(c.to) }

func (c *counter) has(key []byte) bool {
	return (c.from == nil || string(key) >= string(c.from)) && c.below(key)
}
