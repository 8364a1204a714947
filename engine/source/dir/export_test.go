package dir

import "time"

// What the tests in dir_test need of the inside.
var CheckKey = checkKey

// Meta is the codec of Item.Meta, flattened.
func AppendMeta(kind byte, perm uint32, t time.Time) []byte {
	return appendMeta(nil, meta{kind, perm, t})
}

// ParseMeta is the way back.
func ParseMeta(b []byte) (kind byte, perm uint32, t time.Time, err error) {
	m, err := parseMeta(b)
	return m.kind, m.perm, m.time, err
}

// Folding returns opt for a target that takes twins for one name.
func Folding(opt WriteOptions) WriteOptions {
	opt.folds = true
	return opt
}
