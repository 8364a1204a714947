// Package signal holds what the readers and writers of Signal's own formats share:
// the keys of a local backup, its encrypted archive and media, its frames, and
// their JSON form in the plaintext export. It knows the bytes and touches no file.
//
// A local backup is a folder (the names are Signal's):
//
//	SignalBackups/
//	   files/ab/ab12…                         media, each under a key of its own
//	   signal-backup-2025-06-16-15-06-40/
//	      metadata                            which backup this is, 36 bytes
//	      main                                IV 16 │ AES-CBC(gzip(frames) ‖ zeros) │ HMAC 32
//	      files                               names of the media that main shows, in clear
//
// Everything is opened by one secret, the 64-character key (Key):
//
//	64 characters ─► BackupKey ─┬─► metadata key ─► BackupID (from metadata)
//	                            ├─► main: HMAC key, AES key (with BackupID)
//	                            └─► names of items (Namer)
//	media: AES key, HMAC key = the locator's localKey, found in main
//
// A frame is a protobuf message: one account, recipient, chat, message, and so on.
// Frames are kept as they came, so fields that this package does not know survive;
// it reads from them only who, when, until when, and which media.
package signal

import (
	"errors"
	"fmt"
)

// What callers branch on.
var (
	// ErrKey: the 64-character key does not open this backup.
	ErrKey = errors.New("wrong key for this Signal backup")
	// ErrCorrupt: the bytes are not those that Signal wrote.
	ErrCorrupt = errors.New("damaged Signal backup")
	// ErrFormat: this is not the format, or a version of it that is not known here.
	ErrFormat = errors.New("not a Signal backup that can be read")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrCorrupt)...)
}

func malformed(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, ErrFormat)...)
}
