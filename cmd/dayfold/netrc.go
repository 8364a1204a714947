package main

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// A login is what a place wants to see.
type login struct {
	User   string `json:"user"`
	Secret string `json:"secret"`
}

// fromNetrc is what the netrc file, where curl and others look too, has for a host, and for
// a user if one is given: $NETRC, else ~/.netrc.
func fromNetrc(host, user string) (l login, found bool, err error) {
	name := os.Getenv("NETRC")
	asked := name != ""
	if home, err := os.UserHomeDir(); !asked && err == nil {
		name = filepath.Join(home, ".netrc")
		if runtime.GOOS == "windows" {
			name = filepath.Join(home, "_netrc")
		}
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && !asked || name == "" {
		return login{}, false, nil
	} else if err != nil {
		return login{}, false, misused("netrc file: %v", err)
	}
	l, found = lookNetrc(text, host, user)
	return l, found, nil
}

// lookNetrc finds the first entry that fits; the one named "default" fits all hosts that
// those before it do not.
func lookNetrc(text []byte, host, user string) (login, bool) {
	var entry login
	fits := false
	done := func() bool { return fits && entry.Secret != "" && (user == "" || entry.User == user) }
	words := netrcWords(text)
	for i := 0; i < len(words); i++ {
		value := ""
		if i+1 < len(words) {
			value = words[i+1]
		}
		switch words[i] {
		case "machine", "default":
			if done() {
				return entry, true
			}
			all := words[i] == "default"
			fits, entry = all || strings.EqualFold(value, host), login{}
			if all {
				continue // which has no value
			}
		case "login":
			entry.User = value
		case "password":
			entry.Secret = value
		case "account":
		default:
			continue
		}
		i++
	}
	return entry, done()
}

// netrcWords are the words of a netrc file, without comments and macros. A word may stand
// in quotes, with backslashes before what would mean something.
func netrcWords(text []byte) (words []string) {
	macro := false
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if macro = macro && line != ""; macro || strings.HasPrefix(line, "#") {
			continue
		}
		for line != "" {
			var word string
			word, line = netrcWord(line)
			if word == "macdef" {
				macro = true
				break
			}
			words = append(words, word)
		}
	}
	return slices.Clip(words)
}

func netrcWord(line string) (word, rest string) {
	if line[0] != '"' {
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			return line[:i], strings.TrimLeft(line[i:], " \t")
		}
		return line, ""
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return b.String(), strings.TrimLeft(line[i+1:], " \t")
		case c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}
