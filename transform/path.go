package transform

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// segment is one step of a path: the key of a map, or the index of a list.
type segment struct {
	key     string
	index   int // from the end where negative
	isIndex bool
}

// path leads from the top of an object to a place in it. The first segment is
// a key.
type path []segment

// parsePath reads a path. Segments are parted by dots; a key with dots of its
// own is written data["tls.key"] or data.tls\.key; an element of a list is
// [0], or [-1] for the last. A backslash takes the next character as it is,
// also between quotes, which may be single or double.
//
// Blanks and $ stand between quotes only, and nothing stands before the first
// key: what looks like JSONPath or a JSON pointer would name a place that no
// object has, and a redaction there would take nothing out (I10).
func parsePath(text string) (path, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, invisible) {
		return nil, errors.New("a path holds printable text only")
	}
	if strings.HasPrefix(text, "/") || strings.HasPrefix(text, ".") {
		return nil, fmt.Errorf("a path starts with a key, not with %q: write it as in data.password", text[:1])
	}
	var p path
	for at := 0; at < len(text); {
		var (
			s   segment
			n   int
			err error
		)
		switch {
		case text[at] == '[':
			s, n, err = bracketed(text[at:])
		case at == 0:
			s, n, err = plainKey(text)
		case text[at] == '.':
			s, n, err = plainKey(text[at+1:])
			n++
		default:
			err = errors.New("expected . or [ after ]")
		}
		if err != nil {
			return nil, fmt.Errorf("segment at byte %d of the path: %w", at+1, err)
		}
		p = append(p, s)
		at += n
	}
	if len(p) == 0 {
		return nil, errors.New("the path is empty")
	}
	if p[0].isIndex {
		return nil, errors.New("a path starts with a key")
	}
	return p, nil
}

// invisible reports whether a character takes no place where a path is read: a control
// character, or one such as a zero-width space, which comes along when text is copied.
func invisible(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// plainKey reads a key up to the next dot or bracket, and how long its text is.
func plainKey(text string) (segment, int, error) {
	var key strings.Builder
	i := 0
scan:
	for ; i < len(text); i++ {
		switch c := text[i]; c {
		case '.', '[':
			break scan
		case ']', '"', '\'':
			return segment{}, 0, errors.New(`a key with brackets, quotes or dots is written ["key"]`)
		case '\\':
			if i++; i == len(text) {
				return segment{}, 0, errors.New(`nothing follows the \`)
			}
			key.WriteByte(text[i])
		default:
			key.WriteByte(c)
		}
	}
	if strings.Contains(text[:i], "$") || strings.ContainsFunc(text[:i], unicode.IsSpace) {
		return segment{}, 0, errors.New(`a key with blanks or $ is written ["key"]`)
	}
	if key.Len() == 0 {
		return segment{}, 0, errors.New("a key is empty")
	}
	return segment{key: key.String()}, i, nil
}

// bracketed reads ["key"], ['key'] or [index], and how long its text is.
func bracketed(text string) (segment, int, error) {
	if len(text) > 1 && (text[1] == '"' || text[1] == '\'') {
		return quotedKey(text)
	}
	end := strings.IndexByte(text, ']')
	if end < 0 {
		return segment{}, 0, errors.New("] is missing")
	}
	digits := strings.TrimPrefix(text[1:end], "-")
	index, err := strconv.Atoi(text[1:end])
	if err != nil || digits == "" || digits[0] < '0' || digits[0] > '9' {
		return segment{}, 0, errors.New(`brackets hold a whole number or a key in quotes`)
	}
	return segment{index: index, isIndex: true}, end + 1, nil
}

// quotedKey reads ["key"] or ['key'], and how long its text is.
func quotedKey(text string) (segment, int, error) {
	var key strings.Builder
	quote := text[1]
	i := 2
	for ; i < len(text) && text[i] != quote; i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		key.WriteByte(text[i])
	}
	if !strings.HasPrefix(text[min(i+1, len(text)):], "]") {
		return segment{}, 0, errors.New("the quote or the ] is missing")
	}
	if key.Len() == 0 {
		return segment{}, 0, errors.New("a key is empty")
	}
	return segment{key: key.String()}, i + 2, nil
}

// overlaps reports whether one of two places is the other, or in it.
func (p path) overlaps(other path) bool {
	n := min(len(p), len(other))
	return slices.Equal(p[:n], other[:n])
}

// String writes the path so that parsePath reads it again.
func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.isIndex:
			fmt.Fprintf(&b, "[%d]", s.index)
		case s.needsQuotes(), i == 0 && s.key[0] == '/':
			b.WriteString(`["` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.key) + `"]`)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.key)
		}
	}
	return b.String()
}

// needsQuotes reports whether the key can't stand in a path as it is.
func (s segment) needsQuotes() bool {
	return strings.ContainsAny(s.key, `.[]"'\$`) || strings.ContainsFunc(s.key, unicode.IsSpace)
}
