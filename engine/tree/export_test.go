package tree

// What the tests of the codecs call of the package's inside.

// DecodeLeaf returns the entries of a leaf.
func DecodeLeaf(plain []byte, day bool) ([]Entry, error) { return new(leafDecoder).decode(plain, day) }

// EncodeLeaf returns the leaf of the entries, wherever it would be cut, with a zero blind.
func EncodeLeaf(m Map, entries []Entry) ([]byte, error) {
	w := newWriter(&m, 0)
	for i := range entries {
		if err := entries[i].check(); err != nil {
			return nil, err
		}
		if _, err := w.entry(&entries[i]); err != nil {
			return nil, err
		}
	}
	_, plain := w.close()
	return plain, nil
}

// Child is a child record.
type Child = child

// NewChild returns a child record.
func NewChild(key []byte, ref [32]byte, count, bytes uint64, external bool) Child {
	return child{key, ref, count, bytes, external}
}

// DecodeInner returns the records of an inner node.
func DecodeInner(plain []byte, level int) ([]Child, error) { return decodeInner(plain, level) }

// EncodeInner returns the inner node of the records, wherever it would be cut,
// and whether they are more than a map may hold.
func EncodeInner(m Map, level int, kids []Child) (plain []byte, err error) {
	w := newWriter(&m, level)
	for i := range kids {
		if _, e := w.kid(&kids[i]); e != nil {
			err = e
		}
	}
	_, plain = w.close()
	return plain, err
}

// Listed is a record of a list.
type Listed = listed

// NewListed returns a record of a list.
func NewListed(ref [32]byte, bytes uint64) Listed { return listed{ref, bytes} }

// DecodeList returns the records of a list.
func DecodeList(plain []byte, level int) ([]Listed, uint64, error) { return decodeList(plain, level) }

// EncodeList returns the list of the records.
func EncodeList(level int, records []Listed) []byte {
	plain := []byte{byte(level)}
	for _, l := range records {
		plain = appendListed(plain, l)
	}
	return plain
}

// AppendPacked appends the packed form of a text.
func AppendPacked(dst, text []byte) []byte { return appendPacked(dst, text) }

// Unpack returns the text of a packed form.
func Unpack(packed []byte, limit int) ([]byte, error) {
	p := parser{rest: packed}
	text := p.packed(nil, limit)
	if p.bad || len(p.rest) > 0 {
		return nil, corrupt("packed text")
	}
	return text, nil
}

// ToDifferences changes the times in a content, ToTimes changes them back.
var ToDifferences, ToTimes = toDifferences, toTimes
