package store

import "sync/atomic"

// Stats says how often a store was called, failed calls too, and how many bytes of
// objects went each way.
type Stats struct {
	Puts, Gets, Lists, Deletes int64
	Uploaded, Downloaded       int64
}

// Requests is the number of calls of every kind.
func (s Stats) Requests() int64 { return s.Puts + s.Gets + s.Lists + s.Deletes }

// A counter is Stats that many goroutines add to.
type counter struct {
	puts, gets, lists, deletes, up, down atomic.Int64
}

func (c *counter) stats() Stats {
	return Stats{Puts: c.puts.Load(), Gets: c.gets.Load(), Lists: c.lists.Load(), Deletes: c.deletes.Load(),
		Uploaded: c.up.Load(), Downloaded: c.down.Load()}
}
