package corpus

import "time"

// people are those who chat, and where.
type people struct {
	chats  []Chat
	person []Person
	draw   []uint16 // one of these at random is a conversation, by how lively it is
}

// A Person is somebody to chat with. ID 1 is the owner of the history.
type Person struct {
	ID     uint64
	Name   string
	ACI    []byte // 16 bytes
	Number uint64 // a telephone number
}

// A Chat is a conversation, with one Person or as a group.
type Chat struct {
	ID        uint64
	Recipient uint64 // the person's ID, or the group's own
	Group     bool
	MasterKey []byte // of a group, 32 bytes
	Title     string
	Members   []int         // indices of people
	Timer     time.Duration // of disappearing messages; 0: none
}

// timers are those of the conversations that have one.
var timers = []time.Duration{4 * 7 * day, 7 * day, 2 * 7 * day, 8 * 7 * day}

func newPeople(c *Corpus) *people {
	p := &people{draw: make([]uint16, 1<<16)}
	n := min(c.scale.Conversations, 1<<16)
	zipf(p.draw, n, 1.3)
	for i := range n + 3 {
		r := c.rand("person", uint64(i))
		p.person = append(p.person, Person{
			ID: uint64(i + 2), Name: string(c.words.write(nil, &r, 2)), ACI: c.bytes("aci", uint64(i), 16),
			Number: 49_150_000_0000 + uint64(i)*7919,
		})
	}
	for i := range n {
		r := c.rand("chat", uint64(i))
		chat := Chat{ID: uint64(i + 1), Recipient: p.person[i].ID, Members: []int{i}}
		if i%4 == 1 {
			chat.Group, chat.MasterKey = true, c.bytes("group", uint64(i), 32)
			chat.Recipient = uint64(len(p.person) + 2 + i)
			chat.Title = string(c.words.write(nil, &r, 3))
			for k := range min(int64(len(p.person)), 3+r.below(10)) {
				chat.Members = append(chat.Members, (i+1+7*int(k))%len(p.person))
			}
		}
		if (i+1)%12 == 3 {
			chat.Timer = timers[i/12%len(timers)]
		}
		p.chats = append(p.chats, chat)
	}
	return p
}
