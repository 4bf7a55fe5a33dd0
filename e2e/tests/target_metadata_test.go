package tests

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// One change of a namespace is one write to each mirror that reads it, and nothing to others.
func TestI4AChangeOfANamespaceIsWrittenToTheMirrorsThatReadIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a, b := env.Namespace("a", "region=eu"), env.Namespace("b", "region=us")
	place := kit.Object("Namespace", "", a)
	env.Annotate(place, "example.com/contact=one")
	ref := func(name string) kit.Ref { return kit.Object(configMap, src, name) }
	plain, label, annotation, named := ref("plain"), ref("label"), ref("annotation"), ref("named")
	km := env.Start("--resource-types=ConfigMap.v1")
	const targets, content = "target-namespaces=PREFIX-a,PREFIX-b", "data: {key: value}"
	env.Apply(ruled(plain, content, "- {path: data.where, optional: true, template: '{{.TargetNamespace}}'}", targets))
	env.Apply(ruled(label, content, "- {path: data.region, optional: true, template: '{{.TargetLabels.region}}'}", targets))
	env.Apply(ruled(annotation, content, "- {path: data.contact, optional: true, template: '{{default \"nobody\" (index .TargetAnnotations \"example.com/contact\")}}'}", targets))
	env.Apply(ruled(named, content, "- {path: data.me, optional: true, template: '{{.TargetName}}'}", targets, "target-name={{.SourceName}}-{{.TargetLabels.region}}"))

	at := func(namespace, name string) kit.Ref { return kit.Object(configMap, namespace, name) }
	env.WaitFor(label.In(a), "reads the label", holds("data: {region: eu}"))
	env.WaitFor(label.In(b), "reads the label", holds("data: {region: us}"))
	env.WaitFor(annotation.In(a), "reads the annotation", holds("data: {contact: one}"))
	env.WaitFor(annotation.In(b), "does without", holds("data: {contact: nobody}"))
	env.WaitFor(at(a, "named-eu"), "has its name by the label", holds("data: {me: named-eu}"))
	env.WaitFor(at(b, "named-us"), "has its name by the label", holds("data: {me: named-us}"))
	for _, r := range []kit.Ref{plain, label, annotation, named} {
		env.WaitFor(r, "is in sync", kit.HasStatus("2/2 synced"))
	}

	for _, step := range []struct {
		says   string
		do     func()
		right  func()
		writes []string // verb and name, in the namespace a
	}{
		{"a label that is read", func() { env.Label(place, "region=asia") }, func() {
			env.WaitFor(label.In(a), "follows", holds("data: {region: asia}"))
			env.WaitFor(at(a, "named-asia"), "follows", holds("data: {me: named-asia}"))
			env.WaitGone(at(a, "named-eu"))
		}, []string{"create named-asia", "delete named-eu", "update label"}},
		{"an annotation that is read", func() { env.Annotate(place, "example.com/contact=two") }, func() {
			env.WaitFor(annotation.In(a), "follows", holds("data: {contact: two}"))
		}, []string{"update annotation"}},
		{"others, which nobody reads", func() {
			env.Label(place, "example.com/other=x")
			env.Annotate(place, "example.com/other=x", "kubectl.kubernetes.io/last-applied-configuration={}")
		}, func() {}, nil},
		{"an annotation that is taken away", func() { env.Annotate(place, "example.com/contact-") }, func() {
			env.WaitFor(annotation.In(a), "follows", holds("data: {contact: nobody}"))
		}, []string{"update annotation"}},
	} {
		km.WaitQuiet(500 * time.Millisecond)
		mark := env.Mark()
		step.do()
		step.right()
		km.WaitQuiet(500 * time.Millisecond)
		var writes []string
		for _, w := range km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Except: []string{"leases"}}) {
			if w.Namespace != a {
				t.Errorf("after %s: it wrote %+v", step.says, w)
				continue
			}
			writes = append(writes, w.Verb+" "+w.Name)
		}
		slices.Sort(writes)
		if got, want := fmt.Sprint(writes), fmt.Sprint(step.writes); got != want {
			t.Errorf("after %s: the writes are %s, want %s", step.says, got, want)
		}
	}
	for _, r := range []kit.Ref{plain, label, annotation, named} {
		env.WaitFor(r, "is in sync", kit.HasStatus("2/2 synced"))
	}

	t.Log("a restart on what is right writes nothing")
	km.Stop()
	mark := env.Mark()
	km = env.Start("--resource-types=ConfigMap.v1")
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Except: []string{"leases"}}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
}
