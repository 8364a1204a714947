package seal

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// redacting is embedded by what must never be printed. It answers every
// printer of fmt, encoding/json, encoding/xml and log/slog.
type redacting struct{}

// hide keeps a secret in a closure. In an unexported field of the caller's
// struct fmt calls no methods, and under some verbs follows pointers; of a
// function it can only print the address. Besides, == does not compile.
func hide[T any](secret T) func() T { return func() T { return secret } }

// String hides the secret.
func (redacting) String() string { return redacted }

// GoString hides the secret.
func (redacting) GoString() string { return redacted }

// Format hides the secret under every verb.
func (redacting) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText hides the secret.
func (redacting) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the secret.
func (redacting) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue hides the secret.
func (redacting) LogValue() slog.Value { return slog.StringValue(redacted) }

// String hides the ref.
func (Ref) String() string { return redacted }

// GoString hides the ref.
func (Ref) GoString() string { return redacted }

// Format hides the ref under every verb.
func (Ref) Format(f fmt.State, _ rune) { redact(f) }

// MarshalText hides the ref.
func (Ref) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the ref.
func (Ref) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue hides the ref.
func (Ref) LogValue() slog.Value { return slog.StringValue(redacted) }

// redact ignores the error, as fmt does: the State keeps it.
func redact(f fmt.State) { _, _ = io.WriteString(f, redacted) }
