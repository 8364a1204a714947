package index

// Sound tells whether the database in dir is what its ledger says.
func Sound(dir string) bool {
	f := &folder{dir: dir}
	return f.check() == nil
}

// SetMinFree changes what must be free on the disk.
func (db *DB) SetMinFree(n int64) { db.kv.(*disk).folder.opt.MinFree = n }

// ParseLedger tells whether data is a ledger, and encodes it again.
func ParseLedger(data []byte) (again []byte, ok bool) {
	l, ok := parse(data)
	return l.encode(), ok
}
