// Package signaldesktop reads the profile of Signal Desktop, also while the app runs,
// and never writes to it:
//
//	config.json                 the database's key, in hex or sealed by the system's keyring
//	sql/db.sqlite, -wal         SQLCipher (package sqlcipher)
//	attachments.noindex/ab/…    media, sealed like those of a local backup (version 2), or plain (version 1)
//	stickers.noindex, avatars.noindex
//
// Open first copies the database and its log, sealed as they are, into a private folder
// that goes with Close: what it reads is one moment of the history. The app moves pages
// from the log into the database and then begins the log anew; a copy counts only if the
// log was not begun anew meanwhile, because then the log still has every page that was
// moved (copyDatabase).
//
// Rows are read by the names of their columns, and what a generation of the schema keeps
// in the row's JSON another keeps in columns, and the newest in a table of attachments.
// An item has its rows as they stand, column for column, without NULLs and without
// columns that SQLite computes (appendRow). Two things are taken out: what may be seen once, and a
// conversation's copy of its last message, which would outlive that message.
//
//	a/account       who the owner is
//	r/PERSON        who a conversation is with: the columns that say so
//	c/GROUP         the conversation's row
//	m/…             a message's row, and those of its attachments
//	s/PACK          a pack of stickers and its stickers
//	f/ n/ h/ u/     folders of chats, profiles, calls, and rows of other tables
//	p/WEEK/NAME     media, named as in a local backup
//
// Keys, sessions and jobs of the app are not history and stay out (kept lists what stays
// in). History is the way out: the same history as frames of a local backup, which
// packages export and signallocal write.
package signaldesktop

import (
	"errors"
	"fmt"

	"github.com/dayfold/dayfold/engine/source/signal"
)

var (
	// ErrKeyring: the system's keyring does not give out the key of the database.
	ErrKeyring = errors.New("the keyring does not give out Signal Desktop's key")
	// ErrBusy: the app wrote so much while its database was copied that no copy was whole.
	ErrBusy = errors.New("the database is written to by Signal Desktop all the time")
	// ErrSchema: the database is of a generation that is not known here.
	ErrSchema = fmt.Errorf("a generation of Signal Desktop's database that is not known here: %w", signal.ErrFormat)
)
