package signaldesktop

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop/sqlcipher"
)

// attached is the table of attachments, since version 1360 of the schema.
const attached = "message_attachments"

// kept are the tables beside messages, conversations and stickers whose rows are items,
// with the kind of frame they correspond to (0: none) and the columns that name a row.
var kept = []struct {
	table string
	kind  signal.FrameKind
	key   []string
}{
	{"chatFolders", signal.FrameFolder, []string{"id"}},
	{"notificationProfiles", signal.FrameProfile, []string{"id"}},
	{"callsHistory", signal.FrameAdHocCall, []string{"callId", "peerId"}},
	{"callLinks", 0, []string{"roomId"}},
	{"storyDistributions", 0, []string{"id"}},
	{"storyDistributionMembers", 0, []string{"listId", "serviceId"}},
}

// derived are the tables that repeat what messages have; the app makes them anew.
var derived = []string{attached, "mentions", "reactions", "edited_messages", "storyReads", "attachment_downloads",
	"attachment_backup_jobs", "attachments_protected_from_deletion", "messages_fts", "sendLogMessageIds", "sendLogPayloads",
	"sendLogRecipients", "sticker_references", "unread_storage", "groupCallRingCancellations", "syncTasks", "jobs"}

// tables are the columns of each table, those that SQLite computes left out.
type tables map[string][]string

func readTables(c *sqlcipher.Conn) (tables, int64, error) {
	t := tables{}
	err := query(c, `SELECT t.name, x.name FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS x
		WHERE t.schema = 'main' AND t.type = 'table' AND x.hidden = 0`, nil, func(q *sqlite3.Stmt) bool {
		t[q.ColumnText(0)] = append(t[q.ColumnText(0)], q.ColumnText(1))
		return true
	})
	if err != nil {
		return nil, 0, err
	}
	version := int64(0)
	err = query(c, "PRAGMA user_version", nil, func(q *sqlite3.Stmt) bool { version = q.ColumnInt64(0); return true })
	return t, version, err
}

// check says whether what every generation has is there.
func (t tables) check(version int64) error {
	for _, need := range []string{"messages.id", "messages.json", "messages.conversationId", "messages.sent_at", "conversations.id", "conversations.json", "conversations.type"} {
		table, column, _ := strings.Cut(need, ".")
		if !slices.Contains(t[table], column) {
			return fmt.Errorf("schema %d has no %s: %w", version, need, ErrSchema)
		}
	}
	return nil
}

// strange are the tables that hang on messages and that are not known here: what messages
// had may have moved there.
func (t tables) strange() (names []string) {
	for name, columns := range t {
		if name != "messages" && slices.Contains(columns, "messageId") && !slices.Contains(derived, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// rows yields the rows of a table, if it is there, in the given order. A row is valid
// until the next.
func (t tables) rows(c *sqlcipher.Conn, table, tail string, args ...string) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		columns := t[table]
		if len(columns) == 0 {
			return
		}
		quoted := make([]string, len(columns))
		for i, name := range columns {
			quoted[i] = sqlite3.QuoteIdentifier(name)
		}
		r, more := &row{table: table}, true
		err := query(c, "SELECT "+strings.Join(quoted, ",")+" FROM "+sqlite3.QuoteIdentifier(table)+" "+tail, args, func(q *sqlite3.Stmt) bool {
			r.read(q, columns)
			more = yield(r, nil)
			return more
		})
		if err != nil && more {
			yield(nil, err)
		}
	}
}

// query calls fn with each row of a result, until it says false.
func query(c *sqlcipher.Conn, sql string, args []string, fn func(*sqlite3.Stmt) bool) error {
	q, _, err := c.Prepare(sql)
	if err != nil {
		return damage(c.Cause(err))
	}
	defer q.Close()
	for i, arg := range args {
		if err := q.BindText(i+1, arg); err != nil {
			return err
		}
	}
	for q.Step() {
		if !fn(q) {
			return nil
		}
	}
	return damage(c.Cause(q.Err()))
}
