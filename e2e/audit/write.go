package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
)

// Write is a write that has been answered, with its content: PolicyWithContent has
// the server log that.
type Write struct {
	Request
	// Sent is the object, the patch, or the options of a deletion; empty where the
	// request was refused before it was read.
	Sent json.RawMessage
	// Came is the object as it was then, or a Status.
	Came json.RawMessage
}

// Writes are the writes answered after the mark that have the text anywhere in them:
// a name's prefix, say. The others aren't even read, for there are many.
func (l *Log) Writes(mark Mark, text string) iter.Seq2[Write, error] {
	return func(yield func(Write, error) bool) {
		file, err := os.Open(l.path)
		if err != nil {
			yield(Write{}, fmt.Errorf("open the audit log: %w", err))
			return
		}
		defer func() { _ = file.Close() }()
		lines, err := linesAfter(file, mark)
		if err != nil {
			yield(Write{}, err)
			return
		}
		eachWrite(lines, []byte(text), yield)
	}
}

var answeredStage = []byte(`"stage":"ResponseComplete"`)

func eachWrite(lines *bufio.Reader, text []byte, yield func(Write, error) bool) {
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return // what is left is a line that the server is still writing
		}
		if err != nil {
			yield(Write{}, fmt.Errorf("read the audit log: %w", err))
			return
		}
		if !bytes.Contains(line, answeredStage) || !bytes.Contains(line, text) {
			continue
		}
		var e struct {
			event
			RequestObject, ResponseObject json.RawMessage
		}
		if err := json.Unmarshal(line, &e); err != nil {
			yield(Write{}, fmt.Errorf("read a line of the audit log: %w", err))
			return
		}
		if !slices.Contains(Writes, e.Verb) {
			continue
		}
		w := Write{e.request(), e.RequestObject, e.ResponseObject}
		w.Code, w.answered = e.ResponseStatus.Code, true
		if !yield(w, nil) {
			return
		}
	}
}
