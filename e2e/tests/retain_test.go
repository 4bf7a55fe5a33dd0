package tests

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// isLeft is the check of what was a mirror, and has been left behind: its content and all
// that others put there is as it was, and nothing of ours is left.
func isLeft(value string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		for _, keys := range []map[string]string{o.GetLabels(), o.GetAnnotations()} {
			for key := range keys {
				if strings.HasPrefix(key, domain) {
					return fmt.Errorf("it has %s", key)
				}
			}
		}
		if o.GetLabels()["team"] != "blue" || o.GetLabels()["theirs"] != "x" {
			return fmt.Errorf("its labels are %v", o.GetLabels())
		}
		return hasData(value)(o)
	}
}

// TestMirrorsStayBehindWhereTheirSourceStopsAndSaysSo goes through the ways in which a
// source ends or gives a mirror up, with somebody running and with nobody.
func TestMirrorsStayBehindWhereTheirSourceStopsAndSaysSo(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(time.Minute)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Namespace("closes")
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	start := func() *kit.Kubemirror { return env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false") }
	gone := func(r kit.Ref) { env.Delete(r) }
	rows := map[string]struct {
		ends  func(kit.Ref)
		stays bool
		// off says that it can be done while nobody runs: there is no finalizer to wait for.
		off bool
	}{
		"deleted":    {ends: gone, stays: true},
		"unlabelled": {ends: func(r kit.Ref) { env.Label(r, domain+"enabled-") }, stays: true, off: true},
		"off":        {ends: func(r kit.Ref) { env.Annotate(r, domain+"sync=false") }, stays: true, off: true},
		"unsaid":     {ends: func(r kit.Ref) { env.Annotate(r, domain+"sync-") }, stays: true, off: true},
		"excluded":   {ends: func(r kit.Ref) { env.Annotate(r, domain+"exclude=true") }, stays: true, off: true},
		"by-force": {ends: func(r kit.Ref) {
			env.Patch(r, `{"metadata":{"finalizers":null}}`)
			env.Delete(r)
		}, stays: true, off: true},
		"narrowed":   {ends: func(r kit.Ref) { env.Annotate(r, domain+"target-namespaces=PREFIX-x") }, off: true},
		"taken-back": {ends: func(r kit.Ref) { env.Annotate(r, domain+"on-delete-", domain+"sync=false") }, off: true},
	}
	var names []string
	for name, row := range rows {
		if names = append(names, name); row.off {
			names = append(names, name+"-unseen")
		}
	}
	km := start()
	var texts []string
	for _, name := range names {
		texts = append(texts, strings.Replace(source(ref(name), "target-namespaces=PREFIX-a", "on-delete=retain"), `"labels":{`, `"labels":{"team":"blue",`, 1))
	}
	env.ApplyAll(append(texts, source(ref("refused"), "target-namespaces=PREFIX-closes", "on-delete=retain"), source(ref("plain"), "target-namespaces=PREFIX-a")))
	for _, name := range slices.Concat(names, []string{"refused", "plain"}) {
		env.WaitFor(ref(name), "is in sync", kit.HasStatus("1/1 synced"))
	}
	for _, name := range names {
		env.Label(ref(name).In(a), "theirs=x")
	}
	left := func(name string, stays bool) {
		t.Helper()
		if !stays {
			env.WaitGone(ref(name).In(a))
			return
		}
		env.WaitFor(ref(name).In(a), "is left behind where its source is "+name, isLeft("value"))
	}
	km.WaitQuiet(500 * time.Millisecond)
	mark := env.Mark()
	for name, row := range rows {
		row.ends(ref(name))
	}
	env.Label(namespace(env.Name("closes")), allowMirrors+"=false")
	env.WaitGone(ref("refused").In(env.Name("closes")))
	env.Delete(ref("plain"))
	env.WaitGone(ref("plain").In(a))
	for name, row := range rows {
		left(name, row.stays)
	}
	for _, name := range []string{"deleted", "by-force"} {
		env.WaitGone(ref(name))
	}
	for _, name := range []string{"unlabelled", "off", "unsaid", "excluded"} {
		env.WaitFor(ref(name), "has nothing of ours left on it", func(o *unstructured.Unstructured) error {
			return errors.Join(hasFinalizers()(o), kit.HasStatus("")(o))
		})
	}
	km.WaitQuiet(500 * time.Millisecond)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Namespaces: []string{a}}); len(writes) != len(rows)+1 {
		t.Errorf("what becomes of %d mirrors takes %d writes:\n%s", len(rows)+1, len(writes), writes)
	}

	t.Log("while nobody runs")
	km.Stop()
	for name, row := range rows {
		if row.off {
			row.ends(ref(name + "-unseen"))
		}
	}
	km = start()
	for name, row := range rows {
		if row.off {
			left(name+"-unseen", row.stays)
		}
	}
	km.WaitQuiet(500 * time.Millisecond)

	t.Log("a source that comes back finds something else in its place")
	env.Apply(source(ref("deleted"), "target-namespaces=PREFIX-a"))
	env.WaitFor(ref("deleted"), "says so", statusHolds("0/1 synced: "+a+`: ConfigMap "deleted" is there and is no mirror of this source`))
	env.Get(ref("deleted").In(a))
	km.Stop()
	mark = env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
}
