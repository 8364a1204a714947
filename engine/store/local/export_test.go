package local

// Trace lets f be told of what a store does to its folder.
func Trace(s *Store, f func(op, name, to string)) { s.trace = f }
