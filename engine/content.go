package engine

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"io/fs"
	"slices"

	"github.com/dayfold/dayfold/chunk"
	"github.com/dayfold/dayfold/engine/tree"
	"github.com/dayfold/dayfold/pack"
	"github.com/dayfold/dayfold/pack/seal"
)

// contents stores the contents of items, one at a time. Each worker has its own.
type contents struct {
	r      *run
	ctx    context.Context
	sealer sealer
	in     *bufio.Reader
	media  *chunk.Cutter
	text   *chunk.Cutter
	before []former // what the parent has, and a checkpoint after it
}

// former are the items of a snapshot that is there, for who asks for many.
type former struct{ permanent, expiring *tree.Finder }

func (r *run) newContents(ctx context.Context) *contents {
	c := &contents{r: r, ctx: ctx, in: bufio.NewReaderSize(nil, chunk.HeadSize)}
	for _, rs := range []roots{r.before, r.begun} {
		permanent, expiring := r.s.a.maps(r.r, rs)
		k := former{permanent: permanent.Finder()}
		if rs.Expiring != (tree.Root{}) {
			k.expiring = expiring.Finder()
		}
		c.before = append(c.before, k)
	}
	return c
}

// store returns the entry of an item with its content in the archive. What the parent
// has under an equal stamp is not opened. An item that cannot be read is a *Problem.
func (c *contents) store(it *Item) (tree.Entry, error) {
	e := entryOf(it)
	if known, err := c.known(&e); err != nil || known {
		return e, err
	}
	c.r.counts.mu.Lock()
	c.r.counts.opened++
	c.r.counts.mu.Unlock()
	rc, err := it.Open(c.ctx)
	if err != nil {
		return e, c.problem(it, err)
	}
	err = c.read(&e, rc)
	if err2 := rc.Close(); err == nil && err2 != nil {
		err = &Problem{Key: it.Key, Err: err2}
	}
	if err != nil {
		c.r.loose.Store(true) // chunks of it may be stored
	}
	return e, err
}

// problem makes an error of the source concern one item; the end of the run stays what
// it is.
func (c *contents) problem(it *Item, err error) error {
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	return &Problem{Key: it.Key, Err: err}
}

// known looks for content that the archive has under the item's stamp, and takes it
// into e if packs that outlive the item hold all of it.
func (c *contents) known(e *tree.Entry) (bool, error) {
	if len(e.Stamp) == 0 {
		return false, nil
	}
	old, ok, err := c.previous(e)
	if err != nil || !ok {
		return false, err
	}
	if old.Content.Ref == (seal.Ref{}) {
		if len(old.Inline) != int(old.Size) {
			return false, nil
		}
		e.Inline, e.Size = old.Inline, old.Size
		return true, nil
	}
	held, err := c.r.holds(old.Content, e)
	if held {
		e.Content, e.Size = old.Content, old.Size
	}
	return held, err
}

// read stores what rc yields as the content of e.
func (c *contents) read(e *tree.Entry, rc io.Reader) error {
	c.in.Reset(rc)
	head, err := c.in.Peek(chunk.HeadSize)
	if err != nil && err != io.EOF {
		return c.problem(&Item{Key: e.Key[1:]}, err)
	}
	src := &source{r: c.in}
	class, scope := c.r.class(e), c.r.scope(e)
	kind, bounds := seal.Text, chunk.Text
	if Kind(e.Kind) != Message {
		kind, bounds = seal.Media, chunk.Content(head)
	}
	cutter := &c.media
	if bounds == chunk.Text {
		cutter = &c.text
	}
	stream := tree.NewStreamWriter(lists{c.r, c.r.s.a.config.class(lifeOf(e), c.r.today(), true)}, c.r.s.a.poly)
	n := int64(0)
	for plain, err := range c.cutter(cutter, bounds).Split(src) {
		if err != nil {
			return c.problem(&Item{Key: e.Key[1:]}, err)
		}
		if n == 0 && len(plain) <= maxInline && Kind(e.Kind) != Media && src.ended && src.n == len(plain) {
			e.Inline = append([]byte(nil), plain...)
			n = int64(len(plain))
			break
		}
		ref, err := c.r.w.saveNow(&c.sealer, kind, class, scope, plain)
		if err != nil {
			return err
		}
		if err := stream.Add(ref, len(plain)); err != nil {
			return err
		}
		n += int64(len(plain))
	}
	c.r.counts.mu.Lock()
	c.r.counts.read += n
	c.r.counts.mu.Unlock()
	e.Size = uint64(n)
	if n == 0 || e.Inline != nil {
		return nil
	}
	e.Content, err = stream.Finish()
	return err
}

// lists is where the lists of one content lie: in packs that live as long as it does.
type lists struct {
	r     *run
	class pack.Class
}

// Load returns a list.
func (l lists) Load(kind seal.Kind, ref seal.Ref) ([]byte, error) { return l.r.r.Load(kind, ref) }

// Save stores a list.
func (l lists) Save(kind seal.Kind, plain []byte) (seal.Ref, error) {
	return l.r.w.save(kind, l.class, plain)
}

func (c *contents) cutter(have **chunk.Cutter, b chunk.Bounds) *chunk.Cutter {
	if *have == nil {
		*have = chunk.NewCutter(c.r.s.a.poly, b)
	}
	return *have
}

// A source is a reader that knows how much it has given, and whether that was all. The
// cutter reads ahead of the chunk that it yields.
type source struct {
	r     io.Reader
	n     int
	ended bool
}

// Read reads, and counts.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += n
	if err == io.EOF {
		s.ended = true
	}
	return n, err
}

// previous returns the entry that the parent, or a checkpoint after it, has for the
// same content: under the same key, or under another with the same stamp.
func (c *contents) previous(e *tree.Entry) (tree.Entry, bool, error) {
	for _, k := range c.before {
		old, ok, err := k.lookup(e)
		if err != nil {
			return old, false, err
		}
		if ok && string(old.Stamp) == string(e.Stamp) {
			return old, true, nil
		}
	}
	if c.r.feed {
		return tree.Entry{}, false, nil // a table of stamps would read all of the parent
	}
	return c.r.move(e)
}

// lookup finds the entry with e's key: where e would lie, for ever, or waiting.
func (k former) lookup(e *tree.Entry) (tree.Entry, bool, error) {
	old, ok, err := k.permanent.Lookup(e.Key)
	if ok || err != nil || k.expiring == nil {
		return old, ok, err
	}
	for _, day := range []uint32{lifeOf(e).day, waiting} {
		if old, ok, err := k.expiring.Lookup(dated(day, e.Key)); ok || err != nil {
			return old, ok, err
		}
	}
	return tree.Entry{}, false, nil
}

// move finds content by its stamp alone: an added key with a stamp that the parent
// knows is a move, not a new reading.
func (r *run) move(e *tree.Entry) (tree.Entry, bool, error) {
	r.movedOnce.Do(func() { r.moved, r.movedErr = r.stamps() })
	if r.movedErr != nil {
		return tree.Entry{}, false, r.movedErr
	}
	old, ok := r.moved[r.stampHash(e)]
	return tree.Entry{Size: old.size, Content: old.content}, ok, nil
}

// A stamped is a content that has a stamp.
type stamped struct {
	size    uint64
	content tree.Stream
}

// stampHash is what content moves by: its stamp, within its scope.
func (r *run) stampHash(e *tree.Entry) [16]byte {
	return keyHash(append(binary.AppendUvarint(nil, uint64(len(r.scope(e)))), slices.Concat(r.scope(e), e.Stamp)...))
}

// maxStamps bounds the table of stamps, in entries of some 80 bytes; beyond it moves are
// read again.
const maxStamps = 100_000

// stamps maps the hash of each stamp in the parent to its content.
func (r *run) stamps() (map[[16]byte]stamped, error) {
	table := map[[16]byte]stamped{}
	permanent, expiring := r.s.a.maps(r.r, r.before)
	for _, m := range []tree.Map{permanent, expiring} {
		for e, err := range tree.External(m) {
			if err != nil {
				return nil, err
			}
			if len(e.Stamp) > 0 && e.Content != (tree.Stream{}) {
				table[r.stampHash(&e)] = stamped{e.Size, e.Content}
			}
			if len(table) == maxStamps {
				return table, nil
			}
		}
	}
	return table, nil
}

// holds reports whether packs that outlive e hold every blob of a content, and takes
// them into the snapshot's list if so.
func (r *run) holds(s tree.Stream, e *tree.Entry) (bool, error) {
	l := lifeOf(e)
	content, lists := r.class(e), r.s.a.config.class(l, r.today(), true)
	all, claimed := true, false
	err := tree.Visit(r.r, s, func(ref seal.Ref, depth int) error {
		class := content
		if depth > 0 {
			class = lists
		}
		if all = all && r.w.has(ref.ID(), class, true); !all {
			return tree.ErrSkip
		}
		claimed = true
		return nil
	})
	if claimed && !all {
		r.loose.Store(true)
	}
	return all, err
}

// content opens the content of an entry for reading.
func (r *reader) content(ctx context.Context, e *tree.Entry, scope []byte) io.ReadCloser {
	return &contentReader{r: r, ctx: ctx, e: e, scope: scope}
}

// A contentReader gives a long content back, a chunk at a time.
type contentReader struct {
	r     *reader
	ctx   context.Context
	e     *tree.Entry
	scope []byte
	next  func() (tree.ChunkRef, error, bool)
	stop  func()
	rest  []byte
	buf   *[]byte // where chunks are opened; nil before the first and after Close
	n     uint64
	done  bool
}

func (c *contentReader) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// WriteTo writes chunk by chunk, without a copy between.
func (c *contentReader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if len(c.rest) > 0 {
			n, err := w.Write(c.rest)
			total += int64(n)
			if err != nil {
				return total, err
			}
			c.rest = nil
		}
		if err := c.fill(); err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
	}
}

// fill opens the next chunk.
func (c *contentReader) fill() error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if c.done {
		return fs.ErrClosed
	}
	if c.next == nil {
		c.buf = buffers.Get().(*[]byte)
		c.next, c.stop = pull2(tree.Chunks(c.r, c.e.Content))
	}
	ref, err, ok := c.next()
	if err != nil {
		return err
	}
	if !ok {
		if c.n != c.e.Size {
			return corrupt("content of %d bytes, not %d", c.n, c.e.Size)
		}
		return io.EOF
	}
	kind := seal.Media
	if Kind(c.e.Kind) == Message {
		kind = seal.Text
	}
	if c.rest, err = c.r.openIn(c.buf, kind, c.scope, ref.Ref); err != nil {
		return err
	}
	if uint64(len(c.rest)) != ref.Bytes && ref.Bytes != 0 {
		return corrupt("a chunk of %d bytes, not %d", len(c.rest), ref.Bytes)
	}
	c.n += uint64(len(c.rest))
	return nil
}

// Close ends the reading.
func (c *contentReader) Close() error {
	if c.buf != nil {
		buffers.Put(c.buf)
	}
	c.buf, c.rest, c.done = nil, nil, true
	if c.stop != nil {
		c.stop()
	}
	return nil
}
