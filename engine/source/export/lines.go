package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/dayfold/dayfold/engine/source/signal"
)

// A line is one line of main.jsonl without its end.
type line struct {
	text []byte
	open bool  // the file ends with it, without an end of line
	err  error // it is too long: its text is missing
}

// errLong: a line is longer than any that Signal writes.
var errLong = fmt.Errorf("line of more than 16 MiB: %w", signal.ErrFormat)

// lines yields the lines of r. An error of r is the last thing that is yielded.
func lines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		b := bufio.NewReaderSize(r, 256<<10)
		for {
			text, err := readLine(b)
			l := line{text: text, open: err == io.EOF}
			if errors.Is(err, errLong) {
				l.err, err = err, nil
			}
			if err == io.EOF && len(text) == 0 {
				return
			}
			if err != nil && err != io.EOF {
				yield(line{}, err)
				return
			}
			if !yield(l, nil) || err == io.EOF {
				return
			}
		}
	}
}

// readLine returns the next line, newly allocated, without its end. io.EOF: the file
// ends after it. errLong: the line was passed over.
func readLine(b *bufio.Reader) (text []byte, err error) {
	for {
		part, err := b.ReadSlice('\n')
		if len(text)+len(part) > signal.MaxFrame {
			return nil, errors.Join(skipLine(b, err), errLong)
		}
		text = append(text, part...)
		switch err {
		case nil:
			return text[:len(text)-1], nil
		case bufio.ErrBufferFull:
		default:
			return text, err
		}
	}
}

// skipLine reads to the end of the line, of which a part gave err.
func skipLine(b *bufio.Reader, err error) error {
	for err == bufio.ErrBufferFull {
		_, err = b.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return fmt.Errorf("main.jsonl: %w", err)
	}
	return nil
}
