package signalv1

import (
	"math"
	"sort"
)

// messages are what the survey remembers of each message of a table: 24 bytes.
type messages struct {
	chunks   [][]message
	n        int
	unsorted bool
	states   []state
	plain    map[uint32]uint32 // conversation to the state of its messages without a life of their own
}

// A message is one row of a table of messages.
type message struct {
	sent, received int64 // ms
	id             uint32
	state          uint32 // index of states
}

// A state is in which conversation messages lie and how long they live.
type state struct {
	thread         uint32 // index of the survey's threads
	once           bool
	timer, started int64  // ms
	latest         uint32 // row of the newest version of an edited message, which decides; 0: this one
}

const perChunk = 4096

func (m *messages) at(i int) *message { return &m.chunks[i/perChunk][i%perChunk] }

// add takes a message in.
func (m *messages) add(e message, s state) {
	if s == (state{thread: s.thread}) {
		if m.plain == nil {
			m.plain = map[uint32]uint32{}
		}
		i, ok := m.plain[s.thread]
		if !ok {
			i = m.newState(s)
			m.plain[s.thread] = i
		}
		e.state = i
	} else {
		e.state = m.newState(s)
	}
	if m.n%perChunk == 0 {
		m.chunks = append(m.chunks, make([]message, 0, perChunk))
	}
	last := &m.chunks[len(m.chunks)-1]
	*last = append(*last, e)
	m.unsorted = m.unsorted || m.n > 0 && m.at(m.n-1).id > e.id
	m.n++
}

func (m *messages) newState(s state) uint32 {
	m.states = append(m.states, s)
	return uint32(len(m.states) - 1)
}

// sort makes find work.
func (m *messages) sort() {
	if m.unsorted {
		sort.Stable(m)
		m.unsorted = false
	}
}

// Len, Less and Swap are sort.Interface's.
func (m *messages) Len() int { return m.n }

// Less compares two rows' numbers.
func (m *messages) Less(i, j int) bool { return m.at(i).id < m.at(j).id }

// Swap swaps two rows.
func (m *messages) Swap(i, j int) {
	a, b := m.at(i), m.at(j)
	*a, *b = *b, *a
}

// find returns the message of that row, or nil.
func (m *messages) find(id int64) *message {
	if m == nil || id < 0 || id > math.MaxUint32 {
		return nil
	}
	i := sort.Search(m.n, func(i int) bool { return int64(m.at(i).id) >= id })
	if i == m.n || int64(m.at(i).id) != id {
		return nil
	}
	return m.at(i)
}

// life returns the state that decides how long a message lives.
func (m *messages) life(e *message) state {
	s := m.states[e.state]
	if s.latest != 0 {
		if newest := m.find(int64(s.latest)); newest != nil {
			l := m.states[newest.state]
			s.timer, s.started, s.once = l.timer, l.started, s.once || l.once
		}
	}
	return s
}
