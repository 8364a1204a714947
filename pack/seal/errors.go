package seal

import "errors"

// What a caller may branch on. No error carries key material, plaintext or names.
var (
	// ErrCorrupt is wrapped by every error that damage or forgery can cause.
	ErrCorrupt = errors.New("corrupt")
	// ErrVersion means that a newer version of the program wrote this.
	ErrVersion = errors.New("newer format version")
	// ErrWrongKey means that bytes of sound shape were sealed under another key.
	ErrWrongKey = errors.New("wrong key")
	// ErrKeyFormat means that a text is not a recovery key, or that a secret is empty.
	ErrKeyFormat = errors.New("malformed key")
)
