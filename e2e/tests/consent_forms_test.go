package tests

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// unclearConsent is what somebody writes on a namespace that can't be read: a label,
// or an annotation.
type unclearConsent struct {
	label, annotation string
	// says is in what is told of it.
	says string
}

// unclearConsents are values of consent in ten forms, names of namespaces that can't
// be any, and keys that are misspelt or in the wrong place.
var unclearConsents = []unclearConsent{
	{label: allowMirrors + "=False", says: allowMirrors + `: "False" is neither "true" nor "false"`},
	{label: allowMirrors + "=no", says: allowMirrors + `: "no"`},
	{label: allowMirrors + "=off", says: allowMirrors + `: "off"`},
	{label: allowMirrors + "=0", says: allowMirrors + `: "0"`},
	{label: allowMirrors + "=FALSE", says: allowMirrors + `: "FALSE"`},
	{label: allowMirrors + "=", says: allowMirrors + `: ""`},
	{label: allowMirrors + "=yes", says: allowMirrors + `: "yes"`},
	{label: allowMirrors + "=True", says: allowMirrors + `: "True"`},
	{label: allowMirrors + "=ture", says: allowMirrors + `: "ture"`},
	{label: allowMirrors + "=1", says: allowMirrors + `: "1"`},
	{annotation: allowFrom + "=all", says: allowFrom + `: "all"`},
	{annotation: allowFrom + "=all-labeled", says: allowFrom + `: "all-labeled"`},
	{annotation: allowFrom + "=!PREFIX-other,PREFIX-src", says: allowFrom + `: "!`},
	{annotation: allowFrom + "=PREFIX-src,Platform", says: allowFrom + `: "Platform"`},
	{annotation: allowFrom + "=PREFIX-src PREFIX-b", says: allowFrom + `: "`},
	{annotation: allowFrom + "=PREFIX-src;PREFIX-b", says: allowFrom + `: "`},
	{annotation: allowFrom + "=“PREFIX-src”", says: allowFrom + `: "“`},
	{annotation: allowFrom + "=PREFIX-src," + strings.Repeat("x", 8<<10), says: allowFrom + `: it has `},
	{annotation: domain + "allow-form=PREFIX-src", says: "did you mean " + allowFrom + "?"},
	{label: domain + "allow-mirror=true", says: "did you mean " + allowMirrors + "?"},
	{annotation: allowMirrors + "=true", says: allowMirrors + " is a label"},
	{label: allowFrom + "=PREFIX-src", says: allowFrom + " is an annotation"},
	{annotation: domain + "target-namespaces=all", says: "unknown annotation " + domain + "target-namespaces"},
}

// put writes it on a namespace, and mend takes it off.
func (u unclearConsent) put(env *kit.Env, r kit.Ref) {
	if u.label != "" {
		env.Label(r, u.label)
	} else {
		env.Annotate(r, u.annotation)
	}
}

func (u unclearConsent) mend(env *kit.Env, r kit.Ref) {
	key, _, _ := strings.Cut(u.label+u.annotation, "=")
	if u.label != "" {
		env.Label(r, key+"-")
	} else {
		env.Annotate(r, key+"-")
	}
}

// TestI10AConsentThatCantBeReadLetsNothingInAndTakesNothingAway has a namespace for
// each form, and a source that names it; one source goes to all of them.
func TestI10AConsentThatCantBeReadLetsNothingInAndTakesNothingAway(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(time.Minute)
	src := env.Namespace("src")
	open := env.Namespace("open")
	start := func() *kit.Kubemirror {
		return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--rate-limit-qps=1000", "--rate-limit-burst=1000")
	}
	km := start()
	everywhere := kit.Object(configMap, src, "everywhere")
	env.Apply(source(everywhere, "target-namespaces=PREFIX-form-*,PREFIX-open"))
	form := func(i int) string { return env.Name(fmt.Sprintf("form-%02d", i)) }
	named := func(i int) kit.Ref { return kit.Object(configMap, src, fmt.Sprintf("named-%02d", i)) }
	before := map[kit.Ref]string{}
	var closed []string
	for i := range unclearConsents {
		closed = append(closed, form(i))
		env.Namespace(fmt.Sprintf("form-%02d", i))
		env.Apply(source(named(i), "target-namespaces="+form(i)+",PREFIX-open"))
	}
	env.WaitFor(everywhere, "is in sync", kit.HasStatus(fmt.Sprintf("%d/%[1]d synced", len(unclearConsents)+1)))
	for i := range unclearConsents {
		env.WaitFor(named(i), "is in sync", kit.HasStatus("2/2 synced"))
		for _, r := range []kit.Ref{everywhere.In(form(i)), named(i).In(form(i))} {
			before[r] = whole(t, env, r)
		}
	}

	mark := env.Mark()
	for i, consent := range unclearConsents {
		consent.put(env, namespace(form(i)))
	}
	for i, consent := range unclearConsents {
		event := env.WaitForEvent(namespace(form(i)), "InvalidConsent", consent.says)
		if event.Type != "Warning" || strings.Contains(event.Note, "\n") || !strings.Contains(event.Note, form(i)) {
			t.Errorf("the event is %q", event)
		}
		env.WaitFor(named(i), "says what is wrong", statusHolds("1/1 synced: "+form(i)+": the namespace's ", consent.says, "until that is mended"))
	}
	for _, i := range []int{0, 13} {
		if got := env.Kubectl("", "events", "-n", "default", "--for", "namespace/"+form(i)); !strings.Contains(got, "InvalidConsent") || !strings.Contains(got, unclearConsents[i].says) {
			t.Errorf("kubectl events says of %v:\n%s", unclearConsents[i], got)
		}
	}

	t.Log("what changes, and what is new, stays out; what is there stays as it is")
	env.Patch(everywhere, `{"data":{"key":"changed"}}`)
	late := kit.Object(configMap, src, "late")
	env.Apply(source(late, "target-namespaces=PREFIX-form-*,PREFIX-open"))
	lateByName := kit.Object(configMap, src, "late-by-name")
	env.Apply(source(lateByName, "target-namespaces="+form(0)+",PREFIX-open"))
	for i := range unclearConsents {
		env.Patch(named(i), `{"data":{"key":"changed"}}`)
		env.WaitFor(named(i).In(open), "has the change", hasData("changed"))
	}
	env.WaitFor(everywhere.In(open), "has the change", hasData("changed"))
	env.WaitFor(late, "goes where it may", kit.HasStatus("1/1 synced"))
	env.WaitFor(lateByName, "says what is wrong", statusHolds("1/1 synced: "+form(0)+": the namespace's "))
	for i := range unclearConsents {
		env.Annotate(namespace(form(i)), "example.com/note=changed")
	}
	km.WaitQuiet(time.Second)
	unchanged := func(when string) {
		t.Helper()
		for r, text := range before {
			if now := whole(t, env, r); now != text {
				t.Errorf("%s, %s is no longer what it was:\n%s\n%s", when, r, text, now)
			}
		}
		if got := mirrorsOf(env, late); len(got) != 1 {
			t.Errorf("%s, the late source has mirrors in %q", when, got)
		}
	}
	unchanged("now")
	told := func(km *kit.Kubemirror) {
		t.Helper()
		for i, consent := range unclearConsents {
			if events := env.Events(namespace(form(i))); len(events) != 1 {
				t.Errorf("%v is told in %d events, want one: %v", consent, len(events), events)
			}
			if n := linesWith(km.Log(), "A namespace can't be read", `"`+form(i)+`"`); n != 1 {
				t.Errorf("%v is told in %d lines of the log", consent, n)
			}
		}
	}
	told(km)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Namespaces: closed}); len(writes) > 0 {
		t.Errorf("it wrote in namespaces whose word it can't read:\n%s", writes)
	}

	t.Log("a restart writes nothing; its log names the namespaces once more")
	km.Stop()
	mark = env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	told(km)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	unchanged("after a restart")

	t.Log("mended, everything follows")
	for i, consent := range unclearConsents {
		consent.mend(env, namespace(form(i)))
	}
	for i := range unclearConsents {
		for _, r := range []kit.Ref{everywhere, named(i), late} {
			env.WaitFor(r.In(form(i)), "is there, with the change", kit.Exists)
		}
		env.WaitFor(everywhere.In(form(i)), "has the change", hasData("changed"))
		env.WaitFor(named(i).In(form(i)), "has the change", hasData("changed"))
		env.WaitFor(named(i), "has nothing more to say", kit.HasStatus("2/2 synced"))
	}
	env.WaitFor(lateByName, "has nothing more to say", kit.HasStatus("2/2 synced"))
}

// whole is all of an object, as text.
func whole(t *testing.T, env *kit.Env, r kit.Ref) string {
	t.Helper()
	text, err := json.Marshal(env.Get(r))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// linesWith counts the lines of a log that hold all of the texts.
func linesWith(log string, texts ...string) int {
	n := 0
	for line := range strings.Lines(log) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			n++
		}
	}
	return n
}

// TestARefusalCountsWhateverElseIsWrongWithTheNamespace: one that can be read
// removes, whatever else is wrong with the namespace, and from the first nothing comes
// in.
func TestARefusalCountsWhateverElseIsWrongWithTheNamespace(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a, fresh := env.Namespace("a"), env.Name("fresh")
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=PREFIX-a,PREFIX-fresh"))
	waitForMirrors(env, src, "a")
	env.Annotate(namespace(a), allowFrom+"=all")
	env.WaitFor(src, "says what is wrong", statusHolds("0/1 synced: "+a+": ", "no namespace"))
	env.Get(src.In(a))
	env.Label(namespace(a), allowMirrors+"=false")
	env.WaitGone(src.In(a))

	env.Namespace("fresh", allowMirrors+"=off")
	env.WaitFor(src, "says why it doesn't go there", statusHolds("0/0 synced: "+fresh+": the namespace's "+allowMirrors+`: "off"`))
	env.WaitForEvent(src, "InvalidConsent", fresh)
	if env.Find(src.In(fresh)) != nil {
		t.Error("there is a mirror in a namespace whose word can't be read")
	}
	env.Label(namespace(fresh), allowMirrors+"=true")
	waitForMirrors(env, src, "fresh")
}
