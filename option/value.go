package option

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/lukaszraczylo/kubemirror/pattern"
)

// Value is a flag whose value is checked as it is set, so that what is wrong with
// it is said with the flag's name.
type Value struct {
	kind, text string
	set        func(string) error
}

// New is a value that set judges as it is set; initial is what help shows.
func New(kind, initial string, set func(string) error) *Value {
	return &Value{kind: kind, text: initial, set: set}
}

// String is the value as it was given.
func (o *Value) String() string { return o.text }

// Type is what help shows for it.
func (o *Value) Type() string { return o.kind }

// Set reads the value; an error says what it takes.
func (o *Value) Set(s string) error {
	o.text = s
	return o.set(s)
}

// Boolean takes true or false.
func Boolean(to *bool) *Value {
	return New("bool", strconv.FormatBool(*to), func(s string) error {
		b, err := strconv.ParseBool(s)
		if err != nil {
			return errors.New("it takes true or false")
		}
		*to = b
		return nil
	})
}

// Whole takes a whole number from 1 up.
func Whole(to *int) *Value {
	return New("int", strconv.Itoa(*to), func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return errors.New("it takes a whole number from 1 up")
		}
		*to = n
		return nil
	})
}

// Positive takes a number above 0.
func Positive(to *float64) *Value {
	return New("float", strconv.FormatFloat(*to, 'f', -1, 64), func(s string) error {
		n, err := strconv.ParseFloat(s, 32)
		if err != nil || !(n > 0) {
			return errors.New("it takes a number above 0")
		}
		*to = n
		return nil
	})
}

// Duration takes one above 0.
func Duration(to *time.Duration) *Value {
	return New("duration", to.String(), func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return errors.New("it takes a duration above 0, such as 100ms, 30s or 5m")
		}
		*to = d
		return nil
	})
}

// Size reads a number of bytes as Kubernetes writes it.
func Size(to *int) *Value {
	initial := strconv.Itoa(*to>>10) + "Ki"
	if *to%(1<<20) == 0 {
		initial = strconv.Itoa(*to>>20) + "Mi"
	}
	return New("size", initial, func(s string) error {
		number, unit := s, 1
		for suffix, factor := range map[string]int{"Ki": 1 << 10, "Mi": 1 << 20} {
			if rest, ok := strings.CutSuffix(s, suffix); ok {
				number, unit = rest, factor
			}
		}
		n, err := strconv.ParseUint(number, 10, 20)
		if err != nil || n == 0 {
			return errors.New("it takes a number of bytes, such as 4096, 10Ki or 1Mi")
		}
		*to = int(n) * unit
		return nil
	})
}

// DNSName is a name as the API server takes it for a Lease or a namespace.
func DNSName(to *string) *Value {
	return New("name", *to, func(s string) error {
		if len(validation.IsDNS1123Subdomain(s)) > 0 {
			return errors.New("it takes a name of lower case letters, digits, '-' and '.'")
		}
		*to = s
		return nil
	})
}

// Patterns is a list of namespaces.
func Patterns(to *pattern.List) *Value {
	return New("list", "", func(s string) (err error) {
		if *to, err = pattern.Parse(s, pattern.InNamespaceName); err != nil {
			return fmt.Errorf("it takes a comma list of namespace names and globs with * and ?: %w", err)
		}
		return nil
	})
}
