package record_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/record"
)

const (
	somebody, controller = "somebody", "controller"
	byController         = "?fieldManager=kubemirror"
)

// log is an audit log in the making: each write is to the ConfigMap a/db, or what the
// namespace has of that name.
type log []audit.Write

func (l *log) write(user, verb, query string, code int, sent, came string) {
	*l = append(*l, audit.Write{
		Request: audit.Request{Verb: verb, User: user, Resource: "configmaps", Namespace: "a", Name: "db", URI: "/api" + query, Code: code},
		Sent:    json.RawMessage(sent), Came: json.RawMessage(came),
	})
}

// labels and annotations of a mirror of src/db, but for the annotation that names it.
const nameless = `"labels":{"kubemirror.raczylo.com/mirror":"true"},"annotations":{
	"kubemirror.raczylo.com/source-namespace":"src","kubemirror.raczylo.com/source-name":"db","kubemirror.raczylo.com/source-uid":"s"`

func named(id string) string {
	return strings.TrimSuffix(nameless, "}") + `,"kubemirror.raczylo.com/mirror-id":"` + id + `"}`
}

var (
	mirror  = named("configmaps/a/db")
	another = named("configmaps/b/db")
	unnamed = nameless + "}"
)

// object is the metadata of one version.
func object(version int, more string) string {
	return fmt.Sprintf(`{"metadata":{"uid":"u","resourceVersion":"%d",%s}}`, version, more)
}

const (
	atOne      = `{"preconditions":{"uid":"u","resourceVersion":"1"}}`
	ofAnybody  = `"labels":{"team":"blue"}`
	aFinalizer = `"finalizers":["theirs"],` + ofAnybody
)

func TestWhatIsNotTheControllersOwnIsABreach(t *testing.T) {
	made := func(user, query, metadata string) log {
		var l log
		l.write(user, "create", query, 201, object(0, metadata), object(1, metadata))
		return l
	}
	deletes := func(l log) log { l.write(controller, "delete", "", 200, atOne, `{"kind":"Status"}`); return l }
	replaces := func(l log, metadata string) log {
		l.write(controller, "update", byController, 200, object(1, metadata), object(2, metadata))
		return l
	}
	patches := func(l log, patch string) log {
		l.write(controller, "patch", byController, 200, patch, object(2, ofAnybody))
		return l
	}
	twice := func(l log) log { // taken over, then deleted
		l = replaces(l, mirror)
		l.write(controller, "delete", "", 200, `{"preconditions":{"uid":"u","resourceVersion":"2"}}`, `{"kind":"Status"}`)
		return l
	}
	const ours = `"finalizers":["kubemirror.raczylo.com/finalizer"],`
	letsGo := func(finalizers, more string) log {
		var l log
		l.write(somebody, "create", "", 201, "", strings.TrimSuffix(object(1, finalizers+ofAnybody), "}")+`,"data":{"key":"x"}}`)
		l.write(controller, "patch", byController, 200, `{"metadata":{"uid":"u","annotations":{}}}`, strings.Replace(object(2, finalizers+ofAnybody), "{", `{"kind":"PartialObjectMetadata",`, 1))
		l.write(controller, "update", byController, 200, strings.TrimSuffix(object(2, ofAnybody), "}")+more+"}", object(3, `"deletionTimestamp":"2026-01-01T00:00:00Z",`+ofAnybody))
		return l
	}
	for says, row := range map[string]struct {
		log    log
		breach string // a part of what is said; empty: none
	}{
		"a source that goes is let go":         {letsGo(ours, `,"data":{"key":"x"}`), ""},
		"one that others hold is put":          {letsGo(`"finalizers":["theirs","kubemirror.raczylo.com/finalizer"],`, `,"data":{"key":"x"}`), "no mirror"},
		"one that goes loses what it holds":    {letsGo(ours, ""), "no mirror"},
		"one that it doesn't hold is put":      {letsGo("", `,"data":{"key":"x"}`), "no mirror"},
		"its own mirror is deleted":            {deletes(made(controller, byController, mirror)), ""},
		"its own mirror is replaced":           {replaces(made(controller, byController, mirror), mirror), ""},
		"a restored mirror is deleted":         {deletes(made(somebody, "", mirror)), ""},
		"one of an earlier release is deleted": {deletes(made(somebody, byController, unnamed)), ""},
		"one of before is taken over":          {twice(made(somebody, "", unnamed)), ""},
		"finalizer and status are patched":     {patches(made(somebody, "", aFinalizer), `{"metadata":{"uid":"u","resourceVersion":"1","finalizers":["theirs","kubemirror.raczylo.com/finalizer"],"annotations":{"kubemirror.raczylo.com/sync-status":"x"}}}`), ""},
		"what it asked for when it was killed is deleted": {func() log {
			l := log{}
			l.write(controller, "create", byController, 504, object(0, mirror), `{"kind":"Status"}`)
			return deletes(l)
		}(), ""},
		"one of before is deleted":             {deletes(made(somebody, "", unnamed)), "not its own"},
		"a child is deleted":                   {deletes(made(somebody, "", another)), "not its own"},
		"a child is replaced":                  {replaces(made(somebody, "", another), mirror), "not its own"},
		"anybody's object is deleted":          {deletes(made(somebody, "", ofAnybody)), "not its own"},
		"a source rebuilt from one is deleted": {deletes(made(somebody, "", strings.Replace(mirror, `"labels":{`, `"labels":{"kubemirror.raczylo.com/enabled":"true",`, 1))), "not its own"},
		"one of before of another source":      {replaces(made(somebody, "", unnamed), strings.ReplaceAll(strings.ReplaceAll(mirror, `"s"`, `"t"`), `"src"`, `"other"`)), "not its own"},
		"what nobody made is deleted":          {deletes(nil), "nobody has made"},
		"something of that name is deleted": {func() log {
			l := made(controller, byController, mirror)
			l.write(controller, "delete", "", 200, `{}`, "")
			return l
		}(), "names no version"},
		"what is made is no mirror":           {made(controller, byController, ofAnybody), "no mirror"},
		"a replace makes no mirror of it":     {replaces(made(controller, byController, mirror), ofAnybody), "no mirror"},
		"another annotation is patched":       {patches(made(somebody, "", ofAnybody), `{"metadata":{"uid":"u","annotations":{"kubemirror.raczylo.com/sync":"x"}}}`), "kubemirror.raczylo.com/sync"},
		"a label is patched":                  {patches(made(somebody, "", ofAnybody), `{"metadata":{"uid":"u","labels":{}}}`), "metadata.labels"},
		"content is patched":                  {patches(made(somebody, "", ofAnybody), `{"metadata":{"uid":"u"},"data":{}}`), "more than metadata"},
		"others' finalizers are patched away": {patches(made(somebody, "", aFinalizer), `{"metadata":{"uid":"u","resourceVersion":"1","finalizers":[]}}`), "others' finalizers"},
		"all of a kind is deleted":            {func() log { l := log{}; l.write(controller, "deletecollection", "", 200, "{}", ""); return l }(), "one object at a time"},
		"what was refused unread is nobody's": {func() log { l := log{}; l.write(controller, "delete", "", 403, "", ""); return l }(), ""},
		"a trial is no write": {func() log {
			l := log{}
			l.write(controller, "create", byController+"&dryRun=All", 201, object(0, ofAnybody), "")
			return l
		}(), ""},
		"what others do is not judged": {func() log {
			l := made(somebody, "", ofAnybody)
			l.write(somebody, "delete", "", 200, "{}", "")
			return l
		}(), ""},
		"an attempt that the server refuses, too": {func() log {
			l := made(somebody, "", another)
			l.write(controller, "delete", "", 409, atOne, "")
			return l
		}(), "not its own"},
	} {
		breaches, err := record.Breaches(func(yield func(audit.Write, error) bool) {
			for _, w := range row.log {
				if !yield(w, nil) {
					return
				}
			}
		}, func(user string) bool { return user == controller })
		if err != nil {
			t.Fatalf("%s: %v", says, err)
		}
		if row.breach == "" && len(breaches) > 0 || row.breach != "" && (len(breaches) != 1 || !strings.Contains(breaches[0], row.breach)) {
			t.Errorf("%s: breaches %q, want %q", says, breaches, row.breach)
		}
	}
}
