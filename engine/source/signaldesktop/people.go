package signaldesktop

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A person is a row of conversations as far as it says who the conversation is with.
type person struct {
	id        string // of the conversation
	group     bool
	service   string // service id
	e164      string
	groupID   string
	masterKey []byte
	avatars   []attachment
}

// personOf reads a row of conversations.
func personOf(r *row) person {
	var j struct {
		UUID, ServiceID, E164, GroupID string
		MasterKey                      string
		Avatar, ProfileAvatar          *attachment
	}
	if c := r.get("json"); c != nil {
		_ = unmarshal(c.text, &j) // what it does not say is not there
	}
	first := func(texts ...string) string {
		for _, t := range texts {
			if t != "" {
				return t
			}
		}
		return ""
	}
	p := person{id: r.text("id"), group: r.text("type") == "group",
		service: first(r.text("serviceId", "uuid"), j.ServiceID, j.UUID),
		e164:    first(r.text("e164"), j.E164), groupID: first(r.text("groupId"), j.GroupID)}
	p.masterKey, _ = base64.StdEncoding.DecodeString(first(r.text("masterKey"), j.MasterKey))
	for _, a := range []*attachment{j.ProfileAvatar, j.Avatar} {
		if a != nil && a.Path != "" {
			p.avatars = append(p.avatars, *a)
		}
	}
	return p
}

// identity is what names it in every profile.
func (p *person) identity() []byte {
	switch {
	case p.group && len(p.masterKey) > 0:
		return append([]byte("3"), p.masterKey...)
	case p.group:
		return []byte("3" + p.groupID)
	}
	aci, pni := serviceID(p.service)
	id := signal.ContactIdentity(aci, pni, strings.TrimPrefix(p.e164, "+"))
	if len(id) == 0 {
		return []byte("?" + p.id)
	}
	return append([]byte("c"), id...)
}

// serviceID takes apart a service id: an ACI, or a PNI with a prefix.
func serviceID(text string) (aci, pni []byte) {
	rest, isPNI := strings.CutPrefix(text, "PNI:")
	b, err := hex.DecodeString(strings.ReplaceAll(rest, "-", ""))
	if err != nil || len(b) != 16 {
		return nil, nil
	}
	if isPNI {
		return nil, b
	}
	return b, nil
}

// whoColumns are the columns of the row that stands for a person.
var whoColumns = []string{"id", "type", "serviceId", "uuid", "e164", "groupId", "name", "profileName", "profileFamilyName", "profileFullName", "members"}

// who is the row that says who a conversation is with, and nothing of what was written.
// What its generation has in the JSON becomes a column.
func who(r *row, p *person) *row {
	w := &row{table: "people"}
	for _, c := range r.columns {
		for _, name := range whoColumns {
			if c.name == name {
				w.columns = append(w.columns, c)
			}
		}
	}
	add := func(name, value string, known ...string) {
		if value != "" && w.text(known...) == "" {
			w.columns = append(w.columns, column{name: name, kind: colText, text: []byte(value)})
		}
	}
	add("serviceId", p.service, "serviceId", "uuid")
	add("e164", p.e164, "e164")
	add("groupId", p.groupID, "groupId")
	add("masterKey", base64.StdEncoding.EncodeToString(p.masterKey))
	return w
}

// owner is who the profile belongs to, from the table items: {"value":"<service id>.<device>"}.
func owner(r *row) (service string) {
	var j struct{ Value string }
	if c := r.get("json"); c != nil && json.Unmarshal(c.text, &j) == nil {
		service, _, _ = strings.Cut(j.Value, ".")
	}
	return service
}
