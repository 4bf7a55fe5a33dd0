package explain

import (
	"strings"

	"github.com/lukaszraczylo/kubemirror/api"
)

// object is a source or a namespace as kubectl takes it.
type object struct{ resource, namespace, name string }

func (o object) String() string {
	text := o.resource + " " + o.name
	if o.namespace != "" {
		text += " -n " + o.namespace
	}
	return text
}

func label(o object, key, value string) string {
	return "kubectl label " + o.String() + " " + assignment(key, value)
}

func annotate(o object, key, value string) string {
	return "kubectl annotate " + o.String() + " " + assignment(key, value)
}

func edit(o object) string { return "kubectl edit " + o.String() }

// assignment sets a key, or takes it off where the value is empty.
func assignment(key, value string) string {
	if value == "" {
		return key + "-"
	}
	return "--overwrite " + quote(key+"="+value)
}

// quote is a word of a shell.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// added is a comma list with one more item, removed one with an item less.
func added(list, item string) string {
	return strings.Trim(strings.TrimSpace(list)+","+item, ",")
}

func removed(list, item string) string {
	var rest []string
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) != item {
			rest = append(rest, one)
		}
	}
	return strings.Join(rest, ",")
}

// short is a key without the domain, for texts.
func short(key string) string { return strings.TrimPrefix(key, api.Domain+"/") }
