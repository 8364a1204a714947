package signal

// Recipient is somebody or something that can be written to. Exactly one of the
// fields after ID is set.
type Recipient struct {
	ID           uint64 // valid within one backup
	Contact      *Contact
	Group        *Group
	List         *List
	Self         bool
	ReleaseNotes bool
	CallLink     []byte // the root key of a call link
}

// Contact is a person.
type Contact struct {
	ACI, PNI              []byte // 16 bytes each, or none
	E164                  uint64
	Username              string
	ProfileKey            []byte
	GivenName, FamilyName string // of the profile
	Note                  string
}

// Group is a group of people.
type Group struct {
	MasterKey []byte // 32 bytes
	Title     string
	Members   [][]byte // ACIs
}

// List is a distribution list of stories.
type List struct {
	ID   []byte // 16 bytes
	Name string
}

// Append appends the Recipient message.
func (r Recipient) Append(dst []byte) []byte {
	dst = appendUint(dst, 1, r.ID)
	switch {
	case r.Contact != nil:
		return appendMessage(dst, 2, r.Contact.Append(nil))
	case r.Group != nil:
		return appendMessage(dst, 3, r.Group.Append(nil))
	case r.List != nil:
		return appendMessage(dst, 4, r.List.Append(nil))
	case r.Self:
		return appendMessage(dst, 5, nil)
	case r.ReleaseNotes:
		return appendMessage(dst, 6, nil)
	case r.CallLink != nil:
		return appendMessage(dst, 7, appendBytes(nil, 1, r.CallLink))
	}
	return dst
}

// Append appends the Contact message.
func (c Contact) Append(dst []byte) []byte {
	dst = appendBytes(dst, 1, c.ACI)
	dst = appendBytes(dst, 2, c.PNI)
	dst = appendText(dst, 3, c.Username)
	dst = appendUint(dst, 4, c.E164)
	dst = appendMessage(dst, 7, nil)
	dst = appendBytes(dst, 9, c.ProfileKey)
	dst = appendText(dst, 11, c.GivenName)
	dst = appendText(dst, 12, c.FamilyName)
	return appendText(dst, 17, c.Note)
}

// Append appends the Group message.
func (g Group) Append(dst []byte) []byte {
	dst = appendBytes(dst, 1, g.MasterKey)
	dst = appendBool(dst, 2, true)
	var snapshot []byte
	if g.Title != "" {
		snapshot = appendMessage(snapshot, 2, appendText(nil, 1, g.Title))
	}
	for _, aci := range g.Members {
		member := appendUint(appendBytes(nil, 1, aci), 2, 1)
		snapshot = appendMessage(snapshot, 7, member)
	}
	return appendMessage(dst, 5, snapshot)
}

// Append appends the DistributionListItem message.
func (l List) Append(dst []byte) []byte {
	dst = appendBytes(dst, 1, l.ID)
	return appendMessage(dst, 3, appendUint(appendText(nil, 1, l.Name), 3, 3))
}
