package signalv1

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A survey is what the first pass over the frames learns: what must be known of the whole
// file before an item of it can be named and judged.
type survey struct {
	*tables
	sections         []string // in the order in which their first frames stand
	messages         map[string]*messages
	people           map[int64]*person
	masters          map[string][]byte // group id to master key
	threads          []thread
	threadOf         map[int64]uint32           // row to index of threads
	polls            map[int64]int64            // row to message
	shown            []shown                    // sorted by message
	odd              map[string]map[uint64]bool // by section: numbers of rows that are not greater than those before them
	highest          map[string]uint64          // by section
	secret           []byte                     // see secrets
	rank             int                        // of secret
	owner            []byte                     // the account's ACI, 16 bytes, if it is known
	version          uint64                     // of the database
	counts           map[string]int64           // of frames, by section
	blobs, blobBytes int64
	end              []byte // the frame that ends the file; nil: there is none

	damaged bool // something could not be read: a message may be missing

	row  int64 // of the last attachment's row
	of   int64 // the message that it belongs to
	last string
}

// columns are where a table's columns of interest stand; -1: it has none.
type columns struct {
	table
	section                                    string // the name in lower case
	kind                                       tableKind
	sent, received, thread, author             int
	timer, started, once, latest               int
	message, poll, isMMS, contentType          int
	aci, pni, e164, groupID, master, recipient int
}

type tableKind byte

const (
	rows       tableKind = iota // of no special meaning
	messageRow                  // message, mms, sms
	recipientRow
	threadRow
	groupRow
	attachmentRow // attachment, part
	resendRow     // what was sent of late, kept for a day to be sent again
)

var tableKinds = map[string]tableKind{
	"message": messageRow, "mms": messageRow, "sms": messageRow, "recipient": recipientRow, "thread": threadRow,
	"groups": groupRow, "attachment": attachmentRow, "part": attachmentRow,
	"msl_payload": resendRow, "msl_recipient": resendRow, "msl_message": resendRow,
}

func newColumns(t *table) *columns {
	section := strings.ToLower(t.name)
	return &columns{table: *t, section: section, kind: tableKinds[section],
		sent: t.column("date_sent", "date"), received: t.column("date_received", "date", "date_sent"),
		thread: t.column("thread_id"), author: t.column("from_recipient_id", "recipient_id", "address"),
		timer: t.column("expires_in"), started: t.column("expire_started"), once: t.column("view_once", "reveal_duration"),
		latest: t.column("latest_revision_id"), message: t.column("message_id", "mid", "mms_id"),
		poll: t.column("poll_id"), isMMS: t.column("is_mms"), contentType: t.column("content_type", "ct"),
		aci: t.column("aci", "uuid"), pni: t.column("pni"),
		e164: t.column("e164", "phone"), groupID: t.column("group_id"), master: t.column("master_key"),
		recipient: t.column("recipient_id", "recipient_ids"),
	}
}

// tables are those that a pass has seen defined. Rows of one table stand together and have
// the same statement, so the last one is remembered.
type tables struct {
	byName map[string]*columns // in lower case
	sql    []byte
	last   *columns // of sql
}

func newTables() *tables { return &tables{byName: map[string]*columns{}} }

// read returns the table of a row; nil: the statement is another one, which may define a
// table. A definition that is not understood, a row of a table that is not known, or with
// too many or too few values, is an error.
func (t *tables) read(f *frame) (*columns, error) {
	if t.last == nil || !bytes.Equal(f.sql, t.sql) {
		if err := t.statement(f.sql); err != nil || t.last == nil {
			return nil, err
		}
	}
	if c := t.last; len(f.params) != len(c.columns) {
		return nil, fmt.Errorf("%d values for %d columns: %w", len(f.params), len(c.columns), errRow)
	}
	return t.last, nil
}

// statement sets last to the table that sql adds a row to; nil: it is another statement.
func (t *tables) statement(sql []byte) error {
	t.last = nil
	if isCreateTable(sql) {
		d, err := parseTable(string(sql))
		if err == nil {
			c := newColumns(d)
			t.byName[c.section] = c
		}
		return err
	}
	name, err := insertInto(sql)
	if err != nil || name == "" {
		return err
	}
	if t.last = t.byName[strings.ToLower(name)]; t.last == nil {
		return errNoTable
	}
	t.sql = append(t.sql[:0], sql...)
	return nil
}

// A person is a recipient: somebody, or a group.
type person struct {
	identity []byte // see identities
	groupID  string
	hash     string // once the names are known
}

// A thread is a conversation.
type thread struct {
	row, recipient int64
	group          []byte // once the names are known
	fleeting       bool   // something in it disappears
}

// shown is a blob and the message that shows it.
type shown struct{ message, row int64 }

func newSurvey() *survey {
	return &survey{tables: newTables(), messages: map[string]*messages{}, people: map[int64]*person{},
		masters: map[string][]byte{}, threadOf: map[int64]uint32{}, polls: map[int64]int64{},
		odd: map[string]map[uint64]bool{}, highest: map[string]uint64{}, row: -1, counts: map[string]int64{}}
}

// survey makes the first pass.
func (s *Source) survey(ctx context.Context) error {
	v := newSurvey()
	err := s.records(ctx, func(r *record) bool {
		if v.damaged = v.damaged || r.err != nil; r.err == nil {
			v.frame(r)
		}
		return true
	})
	if err != nil {
		return err
	}
	v.finish(s)
	s.found = v
	return nil
}

func (v *survey) frame(r *record) {
	switch f := &r.frame; f.kind {
	case fieldStatement:
		if v.statement(f) != nil {
			v.damaged = true // the second pass says why
			return
		}
	case fieldPreference, fieldKeyValue:
		v.setting(f)
	case fieldAttachment:
		if int64(f.row) == v.row {
			v.shown = append(v.shown, shown{v.of, v.row})
			v.row = -1
		}
	case fieldVersion:
		v.version = f.version
	case fieldEnd:
		v.end = bytes.Clone(f.message)
		return
	}
	if r.frame.size >= 0 {
		v.blobs, v.blobBytes = v.blobs+1, v.blobBytes+r.frame.size
	}
	section := v.sectionOf(&r.frame)
	if section != "" {
		v.counts[section]++
	}
	if section != "" && section != v.last {
		v.last = section
		if !slices.Contains(v.sections, section) {
			v.sections = append(v.sections, section)
		}
	}
}

// sectionOf names the part of the file that a frame stands in: all rows of a table are
// one. The blob of a row stands behind it, wherever that is.
func (v *survey) sectionOf(f *frame) string {
	switch f.kind {
	case fieldStatement:
		if v.tables.last != nil {
			return v.tables.last.section
		}
		if name, err := insertInto(f.sql); err == nil && name != "" {
			return strings.ToLower(name)
		}
		return sectionSchema
	case fieldPreference:
		return sectionPreferences
	case fieldKeyValue:
		return sectionKeyValues
	case fieldAvatar:
		return sectionAvatars
	case fieldAttachment, fieldSticker:
		return ""
	}
	return sectionOther
}

func (v *survey) statement(f *frame) error {
	c, err := v.read(f)
	if err != nil || c == nil {
		return err
	}
	v.number(c, f.params)
	switch c.kind {
	case messageRow:
		v.message(c, f.params)
	case recipientRow:
		p := &person{identity: identity(c, f.params), groupID: string(c.text(f.params, c.groupID))}
		v.people[c.integer(f.params, c.id)] = p
	case threadRow:
		v.threads[v.thread(c.integer(f.params, c.id))].recipient = c.integer(f.params, c.recipient)
	case groupRow:
		if m := c.text(f.params, c.master); len(m) > 0 {
			v.masters[string(c.text(f.params, c.groupID))] = bytes.Clone(m)
		}
	case attachmentRow:
		v.row, v.of = c.integer(f.params, c.id), c.integer(f.params, c.message)
	}
	if strings.EqualFold(c.name, "poll") {
		v.polls[c.integer(f.params, c.id)] = c.integer(f.params, c.message)
	}
	return nil
}

// number notes a row whose number is not greater than all before it.
func (v *survey) number(c *columns, p []param) {
	section, n := c.section, uint64(c.integer(p, c.id))
	highest, ok := v.highest[section]
	if c.id < 0 || p[c.id].kind != 2 || p[c.id].n < 0 {
		return
	}
	if ok && n <= highest {
		if v.odd[section] == nil {
			v.odd[section] = map[uint64]bool{}
		}
		v.odd[section][n] = false
		return
	}
	v.highest[section] = n
}

var (
	errNoTable = fmt.Errorf("a row of a table that is not defined, or not in a way that is understood: %w", signal.ErrFormat)
	errRow     = fmt.Errorf("a row that does not fit its table: %w", signal.ErrFormat)
)

// thread returns the index of a conversation.
func (v *survey) thread(row int64) uint32 {
	i, ok := v.threadOf[row]
	if !ok {
		i = uint32(len(v.threads))
		v.threads = append(v.threads, thread{row: row})
		v.threadOf[row] = i
	}
	return i
}

func (v *survey) message(c *columns, p []param) {
	id := c.integer(p, c.id)
	if id < 0 || id > math.MaxUint32 {
		return
	}
	name := spaceOf(c.name)
	if v.messages[name] == nil {
		v.messages[name] = new(messages)
	}
	s := state{thread: v.thread(c.integer(p, c.thread)), once: c.integer(p, c.once) > 0}
	if s.timer = max(0, c.integer(p, c.timer)); s.timer > 0 {
		s.started = max(0, c.integer(p, c.started))
	}
	if latest := c.integer(p, c.latest); latest > 0 && latest != id && latest <= math.MaxUint32 {
		s.latest = uint32(latest)
	}
	if s.once || s.timer > 0 {
		v.threads[s.thread].fleeting = true
	}
	e := message{sent: max(0, c.integer(p, c.sent)), received: max(0, c.integer(p, c.received)), id: uint32(id)}
	v.messages[name].add(e, s)
}

// spaceOf is which table's row numbers name a message: sms, as it once was, or any other.
func spaceOf(name string) string {
	if strings.EqualFold(name, "sms") {
		return "sms"
	}
	return "message"
}

// owner returns the message that a row of another table belongs to. known is false if
// the row names a message that the file does not have.
func (v *survey) ownerOf(c *columns, p []param) (m *messages, e *message, known bool) {
	id, at := int64(0), c.message
	switch {
	case c.kind == messageRow || c.kind == threadRow:
		return nil, nil, true
	case at >= 0:
		id = c.integer(p, at)
	case c.poll >= 0:
		if id = v.polls[c.integer(p, c.poll)]; id == 0 {
			return nil, nil, false
		}
	default:
		return nil, nil, true
	}
	if id <= 0 { // a wallpaper, what waits to be sent
		return nil, nil, true
	}
	space := "message"
	if c.isMMS >= 0 && c.integer(p, c.isMMS) == 0 {
		space = "sms"
	}
	m = v.messages[space]
	e = m.find(id)
	return m, e, e != nil
}

// identity is what names somebody in every backup. A group has its number of letters,
// until its master key is known.
func identity(c *columns, p []param) []byte {
	if g := c.text(p, c.groupID); len(g) > 0 {
		return append([]byte("g"), g...)
	}
	aci, pni := uuid(c.text(p, c.aci)), uuid(c.text(p, c.pni))
	id := signal.ContactIdentity(aci, pni, string(c.text(p, c.e164)))
	if len(id) == 1 { // nobody's number
		id = fmt.Appendf(id, "#%d", c.integer(p, c.id))
	}
	return append([]byte("c"), id...)
}

// uuid returns the bytes of a UUID; what is none stays as it is.
func uuid(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("PNI:"))
	digits := bytes.ReplaceAll(text, []byte("-"), nil)
	b := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(b, digits); err != nil || len(b) != 16 {
		return bytes.Clone(text)
	}
	return b
}

// secrets are what the names of items may be keyed with, best last. All but the first stay
// the same whatever passphrase a file has, and strangers do not know them; contacts know
// the public key, which only stands in where a file has no private one.
var secrets = []string{"passphrase", "pref_identity_public_v3", "account.aci_identity_public_key",
	"pref_identity_private_v3", "account.aci_identity_private_key"}

func (v *survey) setting(f *frame) {
	if i := slices.Index(secrets, string(f.key)); i > v.rank && len(f.value) > 0 {
		v.rank, v.secret = i, bytes.Clone(f.value)
	}
	if string(f.key) == "account.aci" {
		v.owner = uuid(f.value)
	}
}

// finish makes what was found usable.
func (v *survey) finish(s *Source) {
	for _, m := range v.messages {
		m.sort()
	}
	slices.SortFunc(v.shown, func(a, b shown) int {
		return cmp.Or(cmp.Compare(a.message, b.message), cmp.Compare(a.row, b.row))
	})
	secret := v.secret
	if v.rank == 0 {
		secret = []byte(s.passphrase.digits)
	}
	s.names = signal.NewNamer(nameKey(secret))
	for _, p := range v.people {
		if m := v.masters[p.groupID]; p.groupID != "" && m != nil {
			p.identity = append([]byte("3"), m...)
		}
		p.hash = s.names.Hash("recipient", p.identity)
	}
	for i := range v.threads {
		t := &v.threads[i]
		if p := v.people[t.recipient]; p != nil {
			t.group = []byte(p.hash)
		} else {
			t.group = []byte(s.names.Hash("thread", fmt.Append(nil, t.row)))
		}
	}
}

// integer and text return a row's value; a column that there is not is 0 or empty.
func (c *columns) integer(p []param, at int) int64 {
	if at < 0 || at >= len(p) {
		return 0
	}
	return p[at].integer()
}

func (c *columns) text(p []param, at int) []byte {
	if at < 0 || at >= len(p) {
		return nil
	}
	return p[at].bytes
}
