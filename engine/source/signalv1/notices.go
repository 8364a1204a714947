package signalv1

// What the column type of a message says: its low bits whether it came in, went out, or
// says that something happened; higher ones add to that.
const (
	baseType      = 0x1f
	outbox        = 21
	sendingFailed = 24
	lastOutgoing  = 26
	pushMessage   = 0x200000
	specialTypes  = 0xf00000000
)

// notices are what may have happened, told by the bits in mask: the number that a local
// backup has for it, or else a word for it that Left may repeat.
var notices = []struct {
	mask, bits int64
	number     uint64
	word       string
}{
	{specialTypes, 0x200000000, 0, "gift"}, {specialTypes, 0x300000000, 0, "payment"}, {specialTypes, 0x900000000, 0, "payment"},
	{specialTypes, 0x400000000, 11, ""}, {specialTypes, 0x800000000, 10, ""}, {specialTypes, 0x500000000, 13, ""},
	{specialTypes, 0x600000000, 16, ""}, {specialTypes, 0xa00000000, 14, ""}, {specialTypes, 0xb00000000, 15, ""},
	{0x40000, 0x40000, 0, "timer"}, {0x10000, 0x10000, 0, "group"}, {0x20000, 0x20000, 0, "group"},
	{0x4000, 0x4000, 3, ""}, {0x2000, 0x2000, 4, ""}, {0x200, 0x200, 2, ""}, {0x400000, 0x400000, 7, ""}, {0x10000000, 0x10000000, 8, ""},
	{baseType, 1, 0, "call"}, {baseType, 2, 0, "call"}, {baseType, 3, 0, "call"}, {baseType, 8, 0, "call"}, {baseType, 10, 0, "call"},
	{baseType, 11, 0, "call"}, {baseType, 12, 0, "call"}, {baseType, 4, 1, ""}, {baseType, 5, 12, ""}, {baseType, 7, 0, "profile"},
	{baseType, 9, 0, "group"}, {baseType, 13, 9, ""}, {baseType, 14, 5, ""}, {baseType, 15, 6, ""}, {baseType, 16, 0, "merged chats"},
	{baseType, 17, 0, "SMS export"}, {baseType, 18, 0, "merged chats"}, {baseType, 27, 0, "draft"},
}

// updateOf returns the number of what has happened, or the word for it; neither: somebody
// wrote the message.
func updateOf(kind int64) (number uint64, word string) {
	for _, n := range notices {
		if kind&n.mask == n.bits {
			return n.number, n.word
		}
	}
	return 0, ""
}
