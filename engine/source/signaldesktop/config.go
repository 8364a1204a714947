package signaldesktop

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/dayfold/dayfold/engine/source/signal"
	"github.com/dayfold/dayfold/engine/source/signaldesktop/sqlcipher"
)

const maxConfig = 1 << 20 // bytes of config.json

// A config is what config.json says of the key.
type config struct {
	Key          string // 64 hex digits, as older versions have it
	EncryptedKey string // hex of what Electron's safeStorage has sealed
}

// key returns the database's key.
func key(profile *os.Root, opt Options) (sqlcipher.Key, error) {
	if opt.Key != "" {
		return ParseKey(opt.Key)
	}
	f, err := profile.Open("config.json")
	if err != nil {
		return sqlcipher.Key{}, err
	}
	defer f.Close()
	var c config
	if err := json.NewDecoder(io.LimitReader(f, maxConfig)).Decode(&c); err != nil {
		return sqlcipher.Key{}, fmt.Errorf("config.json: not JSON: %w", signal.ErrFormat)
	}
	if c.EncryptedKey == "" && c.Key == "" {
		return sqlcipher.Key{}, fmt.Errorf("config.json: no key in it: %w", signal.ErrFormat)
	}
	if c.EncryptedKey == "" {
		return ParseKey(c.Key)
	}
	sealed, err := hex.DecodeString(c.EncryptedKey)
	if err != nil {
		return sqlcipher.Key{}, fmt.Errorf("config.json: the sealed key is not hex: %w", signal.ErrFormat)
	}
	keyring := opt.Keyring
	if keyring == nil {
		keyring = secretOfKeyring
	}
	text, err := unseal(sealed, keyring)
	if err != nil {
		return sqlcipher.Key{}, err
	}
	return ParseKey(text)
}

// ParseKey reads a database's key, 64 hex digits. The error, signal.ErrKey, does not show it.
func ParseKey(text string) (k sqlcipher.Key, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("%d characters, want 64 hex digits: %w", len(text), signal.ErrKey)
	}
	return sqlcipher.Key(b), nil
}

// unseal opens what Electron's safeStorage has sealed on Linux: v10 or v11 │ AES-128-CBC
// under PBKDF2-HMAC-SHA1 of a secret in one round. The secret of v10 is a word that
// Chromium made public; that of v11 lies in the keyring.
func unseal(sealed []byte, keyring func() ([]byte, error)) (string, error) {
	if runtime.GOOS != "linux" {
		return "", fmt.Errorf("reading it is built for Linux only: %w", ErrKeyring)
	}
	if len(sealed) < 3 {
		return "", fmt.Errorf("config.json: sealed key of %d bytes: %w", len(sealed), signal.ErrFormat)
	}
	secret := []byte("peanuts")
	switch string(sealed[:3]) {
	case "v10":
	case "v11":
		var err error
		if secret, err = keyring(); err != nil {
			return "", err
		}
	default:
		return "", fmt.Errorf("config.json: a key sealed in a way that is not known here: %w", signal.ErrFormat)
	}
	key, err := pbkdf2.Key(sha1.New, string(secret), []byte("saltysalt"), 1, 16)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	b := append([]byte(nil), sealed[3:]...)
	if len(b) == 0 || len(b)%aes.BlockSize != 0 {
		return "", fmt.Errorf("config.json: sealed key of %d bytes: %w", len(sealed), signal.ErrFormat)
	}
	cipher.NewCBCDecrypter(block, []byte("                ")).CryptBlocks(b, b)
	n := int(b[len(b)-1])
	if n == 0 || n > aes.BlockSize {
		return "", fmt.Errorf("the keyring's secret does not open it: %w", signal.ErrKey)
	}
	return string(b[:len(b)-n]), nil
}

// has says whether a regular file is there.
func has(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Mode().IsRegular()
}

// notThere is an error for a file that is missing, which is no damage.
func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
