package transform

import (
	"reflect"
	"testing"
)

func keys(names ...string) path {
	var p path
	for _, n := range names {
		p = append(p, segment{key: n})
	}
	return p
}

func element(i int) segment { return segment{index: i, isIndex: true} }

func TestParsePathReaches(t *testing.T) {
	for what, row := range map[string]struct {
		text string
		want path
	}{
		"a key":                              {`data`, keys("data")},
		"a key below a key":                  {`data.LOG_LEVEL`, keys("data", "LOG_LEVEL")},
		"a key with dots in double quotes":   {`data["tls.key"]`, keys("data", "tls.key")},
		"a key with dots in single quotes":   {`data['tls.key']`, keys("data", "tls.key")},
		"a key with an escaped dot":          {`data.tls\.key`, keys("data", "tls.key")},
		"a key that starts with a dot":       {`data[".dockerconfigjson"]`, keys("data", ".dockerconfigjson")},
		"an annotation with dots and slash":  {`metadata.annotations["a.b/c"]`, keys("metadata", "annotations", "a.b/c")},
		"a key with a slash without quotes":  {`metadata.labels.team/tier`, keys("metadata", "labels", "team/tier")},
		"an escaped bracket":                 {`data.a\[0\]`, keys("data", "a[0]")},
		"an escaped backslash":               {`data.a\\b`, keys("data", `a\b`)},
		"an escaped quote between quotes":    {`data["a\"b"]`, keys("data", `a"b`)},
		"a bracket between quotes":           {`data["a]b"]`, keys("data", `a]b`)},
		"a first key in quotes":              {`["data"].x`, keys("data", "x")},
		"a key below one in quotes":          {`data["a.b"].c`, keys("data", "a.b", "c")},
		"a key that looks like a number":     {`data.0`, keys("data", "0")},
		"a key of another script":            {`data.ключ`, keys("data", "ключ")},
		"an element of a list":               {`a[1]`, append(keys("a"), element(1))},
		"the last element":                   {`a[-1]`, append(keys("a"), element(-1))},
		"an element of a list in a list":     {`a[0][2]`, append(keys("a"), element(0), element(2))},
		"a key in an element":                {`a[0].b`, append(append(keys("a"), element(0)), keys("b")...)},
		"a quoted key straight after one":    {`a[0]["b.c"]`, append(append(keys("a"), element(0)), keys("b.c")...)},
		"a quoted key straight after a name": {`a["b"]["c"]`, keys("a", "b", "c")},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := parsePath(row.text)
			if err != nil || !reflect.DeepEqual(got, row.want) {
				t.Fatalf("%s: got %q, %v; want %q", row.text, got, err, row.want)
			}
		})
	}
}

func TestParsePathRefuses(t *testing.T) {
	for what, text := range map[string]string{
		"nothing":                          ``,
		"a dot first":                      `.data`,
		"a dot last":                       `data.`,
		"two dots":                         `data..x`,
		"a dot before a bracket":           `data.["x"]`,
		"an index first":                   `[0].x`,
		"no ] after an index":              `a[0`,
		"no number in brackets":            `a[]`,
		"a minus alone in brackets":        `a[-]`,
		"a plus before the index":          `a[+1]`,
		"an index that isn't a number":     `a[x]`,
		"a star as index":                  `a[*]`,
		"an index beyond all numbers":      `a[99999999999999999999]`,
		"a broken index":                   `a[1.5]`,
		"text straight after ]":            `a[0]b`,
		"a ] without [":                    `a]`,
		"a quote without brackets":         `data."tls.key"`,
		"no closing quote":                 `data["tls.key]`,
		"no ] after the quote":             `data["tls.key"`,
		"another closing quote":            `data["tls.key']`,
		"an empty key in quotes":           `data[""]`,
		"a backslash at the end":           `data.x\`,
		"a backslash at the end of quotes": `data["x\`,
		"a line break":                     "data.a\nb",
		"a zero byte":                      "data.\x00",
		"a zero-width space":               "data.\u200bx",
		"a mark of the byte order":         "\ufeffdata.x",
		"a soft hyphen between quotes":     "data[\"a\u00adb\"]",
		"bytes that aren't UTF-8":          "data.\xff",
	} {
		t.Run(what, func(t *testing.T) {
			if got, err := parsePath(text); err == nil {
				t.Fatalf("%q was read as %q", text, got)
			}
		})
	}
}
