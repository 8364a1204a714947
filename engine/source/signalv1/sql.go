package signalv1

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// errSQL: a statement that is not of the kind that Signal writes.
var errSQL = fmt.Errorf("SQL that is not understood: %w", signal.ErrFormat)

// A table is what a CREATE TABLE says: the names of the columns, in the order in which
// rows have their values.
type table struct {
	name    string
	columns []string
	byName  map[string]int // columns, by name in lower case
	id      int            // the column that is the row's number; -1: none
}

// column returns the index of the first of the names, in lower case, that the table has,
// or -1.
func (t *table) column(names ...string) int {
	for _, name := range names {
		if i, ok := t.byName[name]; ok {
			return i
		}
	}
	return -1
}

// A lexer takes SQL apart into words, quoted names, and single characters.
type lexer struct {
	rest string
	tok  string // "" at the end
	name bool   // tok may be a name
}

const spaces = " \t\r\n"

func (l *lexer) next() {
	l.space()
	l.tok, l.name = "", false
	if l.rest == "" {
		return
	}
	if end, ok := closing[l.rest[0]]; ok {
		l.name = end != '\''
		l.tok, l.rest = quoted(l.rest[1:], end)
		return
	}
	n := 0
	for n < len(l.rest) && isWord(l.rest[n]) {
		n++
	}
	l.name = n > 0
	l.take(max(n, 1))
}

// space passes over blanks and comments.
func (l *lexer) space() {
	for {
		l.rest = strings.TrimLeft(l.rest, spaces)
		end := ""
		switch {
		case strings.HasPrefix(l.rest, "--"):
			end = "\n"
		case strings.HasPrefix(l.rest, "/*"):
			end = "*/"
		default:
			return
		}
		_, l.rest, _ = strings.Cut(l.rest[2:], end)
	}
}

func (l *lexer) take(n int) { l.tok, l.rest = l.rest[:n], l.rest[n:] }

// closing are the quotes of names and texts, and how they end.
var closing = map[byte]byte{'"': '"', '`': '`', '[': ']', '\'': '\''}

// quoted returns what stands before the end of a quotation, and what follows it; an end
// that is doubled is part of it. Without an end there is nothing.
func quoted(s string, end byte) (text, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != end:
			b.WriteByte(s[i])
		case end != ']' && i+1 < len(s) && s[i+1] == end:
			b.WriteByte(end)
			i++
		default:
			return b.String(), s[i+1:]
		}
	}
	return "", ""
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// word says whether the token is this word, in any case.
func (l *lexer) word(w string) bool { return strings.EqualFold(l.tok, w) }

// words passes over these words, if all of them follow.
func (l *lexer) words(all ...string) bool {
	before := *l
	for _, w := range all {
		if !l.word(w) {
			*l = before
			return false
		}
		l.next()
	}
	return true
}

// isCreateTable says whether sql makes a table whose rows a file may have.
func isCreateTable(sql []byte) bool {
	l := lexer{rest: string(sql[:min(len(sql), 64)])}
	l.next()
	return l.words("create") && l.word("table")
}

// parseTable reads a CREATE TABLE.
func parseTable(sql string) (*table, error) {
	l := lexer{rest: sql}
	l.next()
	if !l.words("create", "table") {
		return nil, errSQL
	}
	l.words("if", "not", "exists")
	t := &table{name: l.tok, id: -1}
	if !l.name || l.tok == "" {
		return nil, errSQL
	}
	if l.next(); l.tok != "(" {
		return nil, errSQL
	}
	for l.next(); ; l.next() {
		if err := t.definition(&l); err != nil {
			return nil, err
		}
		if l.tok == ")" {
			return t, t.check()
		}
	}
}

// constraints are the words that a definition begins with which is no column.
var constraints = []string{"constraint", "primary", "unique", "check", "foreign"}

// definition reads one column or constraint, up to the comma or bracket behind it.
func (t *table) definition(l *lexer) error {
	isColumn := l.name && l.tok != ""
	for _, w := range constraints {
		// A quoted name of this kind, or one without what follows the word, is nobody's.
		isColumn = isColumn && !l.word(w)
	}
	var words []string
	if isColumn {
		t.columns = append(t.columns, l.tok)
	} else if l.tok == "," || l.tok == ")" {
		return errSQL
	}
	for depth := 0; ; l.next() {
		switch l.tok {
		case "":
			return errSQL
		case "(":
			depth++
		case ")", ",":
			if depth > 0 {
				if l.tok == ")" {
					depth--
				}
				continue
			}
			if isColumn && strings.Contains(strings.ToLower(strings.Join(words, " ")), " integer primary key") {
				t.id = len(t.columns) - 1
			}
			return nil
		default:
			words = append(words, l.tok)
		}
	}
}

// check refuses a table without columns, and one that has a name twice. A column named
// _id is the row's number whatever its type.
func (t *table) check() error {
	t.byName = map[string]int{}
	for i, c := range t.columns {
		c = strings.ToLower(c)
		if _, twice := t.byName[c]; twice {
			return errSQL
		}
		t.byName[c] = i
	}
	if len(t.columns) == 0 {
		return errSQL
	}
	if t.id < 0 {
		t.id = t.column("_id")
	}
	return nil
}

// insertInto returns the name of the table that sql adds a row to, with a value for each
// column; "": it is another statement.
func insertInto(sql []byte) (string, error) {
	rest, ok := bytes.CutPrefix(sql, []byte("INSERT INTO "))
	if !ok {
		return "", nil
	}
	l := lexer{rest: string(rest[:min(len(rest), 256)])}
	l.next()
	name := l.tok
	if isName := l.name && name != ""; !isName {
		return "", errSQL
	}
	if l.next(); !l.word("values") {
		return "", errSQL
	}
	return name, nil
}
