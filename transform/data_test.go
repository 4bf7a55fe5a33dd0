package transform

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
)

// decoded returns the data of a Secret as text.
func decoded(t *testing.T, object map[string]any) map[string]string {
	t.Helper()
	out := map[string]string{}
	data, _ := object["data"].(map[string]any)
	for key, v := range data {
		text, _ := v.(string)
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil || text == "" && v != "" {
			t.Fatalf("%s isn't base64", key)
		}
		out[key] = string(plain)
	}
	return out
}

func TestSecretData(t *testing.T) {
	for what, row := range map[string]struct {
		object, rules string
		want          map[string]string
		problem       string
	}{
		"a value is encoded":             {`data: {a: b2xk}`, `{path: data.a, value: new}`, map[string]string{"a": "new"}, ""},
		"a template is encoded":          {`data: {a: b2xk}`, `{path: data.b, template: "{{.TargetNamespace}}"}`, map[string]string{"a": "old", "b": "prod-eu"}, ""},
		"a merge is encoded":             {`data: {a: b2xk}`, `{path: data, merge: {b: new}}`, map[string]string{"a": "old", "b": "new"}, ""},
		"a value for all data":           {`data: {a: b2xk}`, `{path: data, value: {b: new}}`, map[string]string{"b": "new"}, ""},
		"text that looks encoded too":    {`data: {}`, `{path: data.a, value: b2xk}`, map[string]string{"a": "b2xk"}, ""},
		"bytes that aren't text":         {`data: {}`, `{path: data.a, template: '{{b64dec "/w=="}}'}`, map[string]string{"a": "\xff"}, ""},
		"no data yet":                    {`type: Opaque`, `{path: data.a, value: new}`, map[string]string{"a": "new"}, ""},
		"a key with dots":                {`data: {tls.key: b2xk}`, `{path: 'data["tls.key"]', value: new}`, map[string]string{"tls.key": "new"}, ""},
		"a key with dots, deleted":       {`data: {tls.key: b2xk}`, `{path: 'data.tls\.key', delete: true}`, map[string]string{}, ""},
		"stringData is folded first":     {`{data: {a: b2xk, k: b2xk}, stringData: {a: new, b: x}}`, `{path: data.b, delete: true}`, map[string]string{"a": "new", "k": "old"}, ""},
		"stringData without data":        {`stringData: {a: new}`, ``, map[string]string{"a": "new"}, ""},
		"stringData without a rule":      {`{data: {a: b2xk}, stringData: {a: new}}`, `{path: type, value: x}`, map[string]string{"a": "new"}, ""},
		"null for stringData":            {`{data: {a: b2xk}, stringData: null}`, ``, map[string]string{"a": "old"}, ""},
		"a rule for stringData":          {`data: {a: b2xk}`, `{path: stringData.a, value: new}`, map[string]string{"a": "new"}, ""},
		"a deletion in stringData":       {`data: {a: b2xk}`, `{path: stringData.a, delete: true}`, map[string]string{}, ""},
		"a merge into stringData":        {`data: {a: b2xk}`, `{path: stringData, merge: {b: new}}`, map[string]string{"a": "old", "b": "new"}, ""},
		"a number isn't text":            {`data: {a: b2xk}`, `{path: data.a, value: 3}`, map[string]string{"a": "old"}, "text by plain keys"},
		"a map isn't text":               {`data: {a: b2xk}`, `{path: data.a, value: {x: y}}`, map[string]string{"a": "old"}, "text by plain keys"},
		"null isn't text":                {`data: {a: b2xk}`, `{path: data.a, value: null}`, map[string]string{"a": "old"}, "text by plain keys"},
		"a merge is taken whole or not":  {`data: {a: b2xk}`, `{path: data, merge: {a: new, b: 3}}`, map[string]string{"a": "old"}, "text by plain keys"},
		"text for all data":              {`data: {a: b2xk}`, `{path: data, template: x}`, map[string]string{"a": "old"}, "text by plain keys"},
		"a path that forgot the quotes":  {`data: {tls.key: b2xk}`, `{path: data.tls.key, delete: true}`, map[string]string{"tls.key": "old"}, "text by plain keys"},
		"a value below a key":            {`data: {}`, `{path: data.a.b, value: new}`, map[string]string{}, "text by plain keys"},
		"an element of data":             {`data: {}`, `{path: "data[0]", value: new}`, map[string]string{}, "text by plain keys"},
		"a merge below a key":            {`data: {a: b2xk}`, `{path: data.a, merge: {b: c}}`, map[string]string{"a": "old"}, "merge needs a map"},
		"a merge below a key not there":  {`data: {a: b2xk}`, `{path: data.b, merge: {b: c}}`, map[string]string{"a": "old"}, "text by plain keys"},
		"all data deleted":               {`{data: {a: b2xk}, stringData: {b: x}}`, `{path: data, delete: true}`, map[string]string{}, ""},
		"other fields stay as they were": {`data: {a: b2xk}`, `{path: type, value: x}`, map[string]string{"a": "old"}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			source := mustObject(t, row.object)
			source["apiVersion"], source["kind"] = "v1", "Secret"
			before := copyOf(source)
			got, problems, err := mustParse(t, "rules: ["+row.rules+"]").Apply(source, appContext)
			if err != nil {
				t.Fatal(err)
			}
			if data := decoded(t, got); !reflect.DeepEqual(data, row.want) {
				t.Errorf("got %q, want %q", data, row.want)
			}
			if _, there := got["stringData"]; there {
				t.Error("stringData is still there")
			}
			if !reflect.DeepEqual(any(source), before) {
				t.Error("the input was changed")
			}
			problems = failures(problems)
			if row.problem == "" && len(problems) > 0 || row.problem != "" && (len(problems) != 1 || !strings.Contains(problems[0].Reason, row.problem)) {
				t.Errorf("problems %v, want one with %q", problems, row.problem)
			}
		})
	}
}

func TestSecretThatIsNone(t *testing.T) {
	for what, text := range map[string]string{
		"a number in stringData":     `{apiVersion: v1, kind: Secret, stringData: {a: 1}}`,
		"a list for stringData":      `{apiVersion: v1, kind: Secret, stringData: [a]}`,
		"text for data to be folded": `{apiVersion: v1, kind: Secret, data: x, stringData: {a: b}}`,
	} {
		if got, _, err := (Rules{}).Apply(mustObject(t, text), Context{}); err == nil || got != nil {
			t.Errorf("%s: got %v, %v", what, got, err)
		}
	}
}

func TestDataOfOtherKinds(t *testing.T) {
	for what, row := range map[string]struct{ head, rules, want string }{
		"a ConfigMap's text stays plain":         {"apiVersion: v1, kind: ConfigMap", `{path: data.a, value: new}`, `{a: new}`},
		"a ConfigMap's data takes no number":     {"apiVersion: v1, kind: ConfigMap", `{path: data.a, value: 3}`, `{a: old}`},
		"a ConfigMap's data has nothing below":   {"apiVersion: v1, kind: ConfigMap", `{path: data.x.y, value: new}`, `{a: old}`},
		"another Secret's text stays plain":      {"apiVersion: example.com/v1, kind: Secret", `{path: data.a, value: new}`, `{a: new}`},
		"another kind's data takes any value":    {"apiVersion: example.com/v1, kind: Thing", `{path: data.a, value: {x: 3}}`, `{a: {x: 3}}`},
		"another kind's data has things below":   {"apiVersion: example.com/v1, kind: Thing", `{path: data.x.y, value: 3}`, `{a: old, x: {y: 3}}`},
		"another kind's stringData stays itself": {"apiVersion: example.com/v1, kind: Thing", `{path: stringData.a, value: x}`, `{a: old}`},
	} {
		t.Run(what, func(t *testing.T) {
			got, _, err := mustParse(t, "rules: ["+row.rules+"]").Apply(mustObject(t, "{"+row.head+", data: {a: old}}"), appContext)
			if want := mustObject(t, row.want); err != nil || !reflect.DeepEqual(got["data"], any(want)) {
				t.Fatalf("got %v, %v, want %v", got["data"], err, want)
			}
		})
	}
}
