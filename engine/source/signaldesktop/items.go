package signaldesktop

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/dayfold/dayfold/engine"
	"github.com/dayfold/dayfold/engine/source/signal"
)

// Items yields the owner, the people, the conversations, what is none of these, the
// messages in the order in which they came, and the media that they show. A row that
// is not read, and a media that is missing or has the wrong size, is an
// *engine.Problem. Media that may be seen once come without content, as what is left
// out. An error at the end that is no Problem says that the database is damaged.
func (s *Source) Items(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		p := &pass{Source: s, ctx: ctx, ledger: signal.NewLedger(s.names), numbers: map[string]uint64{}, groups: map[string]bool{},
			files: map[signal.MediaName]file{}, yield: yield}
		p.ledger.PerGroup(s.strict)
		s.report.begin()
		for _, step := range []func() error{p.strange, p.people, p.stickers, p.others, p.messages, p.media} {
			if err := step(); err != nil {
				if !errors.Is(err, errLeft) {
					yield(engine.Item{}, fmt.Errorf("signal desktop: %w", err))
				}
				return
			}
		}
	}
}

// errLeft: the caller has left the loop.
var errLeft = errors.New("left")

// A pass is one run over the items.
type pass struct {
	*Source
	ctx     context.Context
	ledger  *signal.Ledger
	self    string            // service id of the owner
	numbers map[string]uint64 // of people, by conversation, service id and phone number
	groups  map[string]bool   // conversations that are groups
	files   map[signal.MediaName]file
	facts   signal.Facts
	yield   func(engine.Item, error) bool
}

// numberOfSelf is the owner's; the others follow.
const numberOfSelf = 1

// give yields an item, or the problem with one.
func (p *pass) give(it engine.Item, err error) error {
	if !p.yield(it, err) {
		return errLeft
	}
	return p.ctx.Err()
}

// item yields the item for the facts in p.facts.
func (p *pass) item(content []byte) error {
	it := p.ledger.Item(&p.facts, content)
	it.Meta = nil // the order is that of time, then key
	signal.SetContent(&it, content)
	return p.give(it, nil)
}

// strange reports tables that may hold what nobody here looks for.
func (p *pass) strange() error {
	for _, name := range p.tables.strange() {
		err := &engine.Problem{Key: []byte("table " + name), Err: fmt.Errorf("schema %d has a table that hangs on messages: %w", p.version, ErrSchema)}
		if err := p.give(engine.Item{}, err); err != nil {
			return err
		}
	}
	return nil
}

// people yields the owner, and for each conversation whom it is with and its row.
func (p *pass) people() error {
	var content []byte
	for r, err := range p.tables.rows(p.db, "items", "WHERE id IN ('uuid_id', 'number_id') ORDER BY id") {
		if err != nil {
			return err
		}
		if r.text("id") == "uuid_id" {
			p.self = owner(r)
		}
		content = appendRow(content, r)
	}
	p.facts = signal.Facts{Kind: signal.FrameAccount}
	if err := p.item(content); err != nil {
		return err
	}
	for r, err := range p.tables.rows(p.db, "conversations", "ORDER BY id") {
		if err != nil {
			return err
		}
		if err := p.conversation(r); err != nil {
			return err
		}
	}
	if p.numbers[p.self] == 0 || p.self == "" { // no row of the owner's own
		p.numbers[p.self] = numberOfSelf
		p.introduce(numberOfSelf, []byte("5"))
	}
	return nil
}

func (p *pass) conversation(r *row) error {
	who1 := personOf(r)
	identity, number := who1.identity(), uint64(len(p.numbers)+numberOfSelf+1)
	if who1.service != "" && who1.service == p.self {
		identity, number = []byte("5"), numberOfSelf
	}
	p.groups[who1.id] = who1.group
	for _, name := range []string{who1.id, who1.service, who1.e164} {
		if name != "" {
			p.numbers[name] = number
		}
	}
	p.facts = signal.Facts{Kind: signal.FrameRecipient, ID: number, Identity: identity}
	if err := p.item(appendRow(nil, who(r, &who1))); err != nil {
		return err
	}
	p.facts = signal.Facts{Kind: signal.FrameChat, ID: number, RecipientID: number}
	for i := range who1.avatars {
		p.show(&who1.avatars[i], false)
	}
	withoutPreview(r)
	p.report.count("conversation")
	return p.item(appendRow(nil, r))
}

// introduce makes a number known that has no item.
func (p *pass) introduce(number uint64, identity []byte) {
	p.ledger.Item(&signal.Facts{Kind: signal.FrameRecipient, ID: number, Identity: identity}, nil)
}

// number returns that of a person, who may have no row.
func (p *pass) number(name string) uint64 {
	n, ok := p.numbers[name]
	if !ok {
		n = uint64(len(p.numbers) + numberOfSelf + 1)
		p.numbers[name] = n
		some := person{service: name, e164: name}
		if aci, pni := serviceID(name); aci != nil || pni != nil {
			some.e164 = ""
		}
		p.introduce(n, some.identity())
	}
	return n
}

// stickers yields the packs, each with its stickers.
func (p *pass) stickers() error {
	for r, err := range p.tables.rows(p.db, "sticker_packs", "ORDER BY id") {
		if err != nil {
			return err
		}
		p.facts = signal.Facts{Kind: signal.FrameStickerPack, Identity: []byte(r.text("id"))}
		content := appendRow(nil, r)
		for sticker, err := range p.tables.rows(p.db, "stickers", "WHERE packId = ? ORDER BY id, isCoverOnly", r.text("id")) {
			if err != nil {
				return err
			}
			_, a := attachmentOf(sticker)
			p.showIn("stickers.noindex", &a, false)
			content = appendRow(content, sticker)
		}
		p.report.count("sticker pack")
		if err := p.item(content); err != nil {
			return err
		}
	}
	return nil
}

// others yields the rows of the other tables that are kept.
func (p *pass) others() error {
	for _, k := range kept {
		if len(p.tables[k.table]) == 0 {
			continue
		}
		for r, err := range p.tables.rows(p.db, k.table, "") {
			if err != nil {
				return err
			}
			name := []byte(k.table)
			for _, key := range k.key {
				name = append(append(name, 0), r.text(key)...)
			}
			p.facts = signal.Facts{Kind: k.kind, Identity: name}
			if k.kind == signal.FrameAdHocCall {
				p.facts.RecipientID, p.facts.Sent = p.number(r.text("peerId")), uint64(max(0, r.int("timestamp")))
				p.facts.ID = maphash.String(callSeed, r.text("callId"))
			}
			if err := p.other(r, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// other yields a row under the name that its table and its key make.
func (p *pass) other(r *row, name []byte) error {
	p.report.count(r.table)
	it := p.ledger.Item(&p.facts, name)
	it.Meta = nil
	signal.SetContent(&it, appendRow(nil, r))
	return p.give(it, nil)
}

// messages yields the messages by rowid, which is the order in which they came.
func (p *pass) messages() error {
	some, err := p.withAttachments()
	if err != nil {
		return err
	}
	n := 0
	for r, err := range p.tables.rows(p.db, "messages", "ORDER BY rowid") {
		if err != nil {
			return err
		}
		n++
		m := message{row: r}
		if _, ok := some[maphash.String(attachedSeed, r.text("id"))]; ok {
			if m.attached, err = p.attached(r.text("id")); err != nil {
				return err
			}
		}
		if err := p.message(&m, n); err != nil {
			return err
		}
	}
	return nil
}

var attachedSeed, callSeed = maphash.MakeSeed(), maphash.MakeSeed()

// withAttachments are the hashes of the ids of messages that the table of attachments names.
func (p *pass) withAttachments() (map[uint64]struct{}, error) {
	some := map[uint64]struct{}{}
	if len(p.tables[attached]) == 0 {
		return some, nil
	}
	return some, query(p.db, "SELECT DISTINCT messageId FROM "+attached, nil, func(q *sqlite3.Stmt) bool {
		some[maphash.Bytes(attachedSeed, q.ColumnRawText(0))] = struct{}{}
		return true
	})
}

// attached returns the rows of a message's attachments, with memory of their own.
func (p *pass) attached(id string) (rows []row, err error) {
	for r, err := range p.tables.rows(p.db, attached, "WHERE messageId = ? ORDER BY editHistoryIndex, attachmentType, orderInMessage", id) {
		if err != nil {
			return nil, err
		}
		own, err := parseRows(appendRow(nil, r))
		if err != nil {
			return nil, err
		}
		rows = append(rows, own...)
	}
	return rows, nil
}

const storyLife = 24 * time.Hour

// message yields the item of a message.
func (p *pass) message(m *message, n int) error {
	if err := m.parse(); err != nil {
		p.report.unread()
		return p.give(engine.Item{}, &engine.Problem{Key: fmt.Appendf(nil, "message %d", n), Err: err})
	}
	p.report.count("message")
	b := &m.body
	p.facts = signal.Facts{Kind: signal.FrameChatItem, ChatID: p.number(m.conversation()), AuthorID: numberOfSelf, Sent: m.oldest(), Received: m.received(),
		ExpiresIn: uint64(max(0, b.ExpireTimer)) * 1000, ExpireStart: uint64(max(0, b.ExpirationStartTimestamp)), Update: m.update()}
	if _, ok := p.groups[m.conversation()]; !ok {
		p.ledger.Item(&signal.Facts{Kind: signal.FrameChat, ID: p.facts.ChatID, RecipientID: p.facts.ChatID}, nil)
		p.groups[m.conversation()] = false
	}
	switch {
	case m.outgoing():
	case m.author() != "":
		p.facts.AuthorID = p.number(m.author())
	default:
		p.facts.AuthorID = p.facts.ChatID
	}
	if m.story(p.groups[m.conversation()]) {
		p.facts.ExpireStart, p.facts.ExpiresIn = p.facts.Sent, uint64(storyLife.Milliseconds())
	}
	m.each(func(_ place, a *attachment, once bool) { p.show(a, once) })
	m.withoutOnce()
	return p.item(m.content())
}

// show notes that the item at hand shows a file of the attachments.
func (p *pass) show(a *attachment, once bool) { p.showIn(mediaDir, a, once) }

func (p *pass) showIn(dir string, a *attachment, once bool) {
	if a.Path == "" {
		p.report.absent()
		return // never downloaded, or gone
	}
	m, exact := a.media(&p.secret)
	f := file{path: dir + "/" + strings.ReplaceAll(a.Path, `\`, "/"), media: m, sealed: a.sealed(), exact: exact}
	name := m.Name()
	if _, ok := p.files[name]; !ok {
		p.files[name] = f
	}
	p.facts.Show(m, a.ContentType, a.FileName, once)
}
