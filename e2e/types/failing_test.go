package types

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// bad is a kind that stops to work, and good one that goes on.
type bad struct {
	env   *kit.Env
	group string
	// source is of the kind that stops to work, good of the other one.
	source, good kit.Ref
	mirror       types.UID
	changes      int
}

// newBad has a source of a new kind and one of ConfigMaps mirrored.
func newBad(t *testing.T, versions ...version) (*bad, *kit.Kubemirror) {
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	b := &bad{env: env, group: env.Prefix() + ".example.com", good: kit.Object("ConfigMap.v1", src, "good")}
	b.source = kit.Object("Widget.v1."+b.group, src, "w")
	env.Apply(definition("Widget", b.group, versions...))
	env.Apply(source(b.source, "{spec: {size: 0}}"))
	env.Apply(source(b.good, "{data: {key: value}}"))
	km := env.Start()
	env.WaitFor(b.source, "is mirrored", isInSync)
	env.WaitFor(b.good, "is mirrored", isInSync)
	b.mirror = env.Get(b.source.In(env.Name("a"))).GetUID()
	return b, km
}

// restOfTheWorldWorks changes the good source and waits for the change to arrive.
func (b *bad) restOfTheWorldWorks() {
	b.changes++
	b.env.Patch(b.good, fmt.Sprintf(`{"data":{"key":"%d"}}`, b.changes))
	b.env.WaitFor(b.good.In(b.env.Name("a")), "has the change", isCopyOf(b.env.Get(b.good)))
}

// heals waits until a change of the source that failed arrives at its mirror, and
// makes sure that it is the same mirror all along, and that no process ever deleted
// one.
func (b *bad) heals(t *testing.T, begin audit.Mark, kms ...*kit.Kubemirror) {
	t.Helper()
	b.changes++
	b.env.Patch(b.source, fmt.Sprintf(`{"spec":{"size":%d}}`, b.changes))
	mirror := b.env.WaitFor(b.source.In(b.env.Name("a")), "has the change", isCopyOf(b.env.Get(b.source)))
	if mirror.GetUID() != b.mirror {
		t.Error("the mirror is another one")
	}
	b.env.WaitFor(b.source, "is in sync", isInSync)
	for _, km := range kms {
		if deletes := km.Since(begin).Where(audit.Filter{Verbs: []string{"delete", "deletecollection"}}); len(deletes) > 0 {
			t.Errorf("%s deleted:\n%s", km.User, deletes)
		}
	}
}

// isNamed waits until the process says in a log line and in a metric that something
// fails.
func isNamed(env *kit.Env, km *kit.Kubemirror, words []string, metric string, labels ...string) {
	env.Eventually(fmt.Sprintf("a log line says %q and %s is 1", words, metric), func(context.Context) error {
		if line := lineWith(km.Log(), words...); line == "" {
			return fmt.Errorf("no line")
		}
		if got := km.Metrics().Sum(metric, labels...); got < 1 {
			return fmt.Errorf("the metric is %v", got)
		}
		return nil
	})
}

// isFine waits until the process says that nothing fails any more.
func isFine(env *kit.Env, km *kit.Kubemirror, metric string, labels ...string) {
	env.Eventually(metric+" is 0", func(context.Context) error {
		if got := km.Metrics().Sum(metric, labels...); got != 0 {
			return fmt.Errorf("it is %v", got)
		}
		return nil
	})
}

// lineWith is the first line of the text that has all the words, "" if none has.
func lineWith(text string, words ...string) string {
	for line := range strings.Lines(text) {
		has := 0
		for _, word := range words {
			if strings.Contains(line, word) {
				has++
			}
		}
		if has == len(words) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// TestI5PartialDiscoveryDeletesNothing takes the API of one group away, as when the
// server behind an APIService is down.
func TestI5PartialDiscoveryDeletesNothing(t *testing.T) {
	t.Parallel()
	b, km := newBad(t, v1)
	env, begin := b.env, b.env.Mark()
	service := kit.Object("APIService.v1.apiregistration.k8s.io", "", "v1."+b.group)
	up := func() { env.Delete(service) } // the server makes it anew, as it makes one for each definition's group
	t.Cleanup(up)
	env.Patch(service, `{"metadata":{"labels":{"kube-aggregator.kubernetes.io/automanaged":null}},
		"spec":{"service":{"namespace":"PREFIX-src","name":"nobody","port":443},"insecureSkipTLSVerify":true}}`)
	failing := []string{"Resource discovery fails for some API groups", b.group + "/v1"}
	isNamed(env, km, failing, "kubemirror_discovery_group_failing", `group="`+b.group+`"`)
	km.WaitReady()
	b.restOfTheWorldWorks()
	if code := km.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// One that starts meanwhile has never seen the kind.
	again := env.Start()
	isNamed(env, again, failing, "kubemirror_discovery_group_failing", `group="`+b.group+`"`)
	b.restOfTheWorldWorks()
	up()
	isFine(env, again, "kubemirror_discovery_failing_groups")
	b.heals(t, begin, km, again)
}

// TestI5AKindThatCannotBeListedDeletesNothing breaks the conversion between the
// version in which objects are stored and the one that is served.
func TestI5AKindThatCannotBeListedDeletesNothing(t *testing.T) {
	t.Parallel()
	b, km := newBad(t, version{name: "v1"}, version{name: "v1beta1", storage: true})
	env, begin := b.env, b.env.Mark()
	env.Apply(definition("Widget", b.group, v1, version{name: "v1beta1"}) + `
  conversion:
    strategy: Webhook
    webhook: {conversionReviewVersions: [v1], clientConfig: {service: {namespace: PREFIX-src, name: nobody}}}
`)
	failing := []string{"Can't watch this type", "widgets." + b.group}
	isNamed(env, km, failing, "kubemirror_watch_failing", `resource="widgets.`+b.group+`"`)
	km.WaitReady()
	b.restOfTheWorldWorks()
	if code := km.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	again := env.Start()
	isNamed(env, again, failing, "kubemirror_watch_failing", `resource="widgets.`+b.group+`"`)
	b.restOfTheWorldWorks()
	env.Apply(definition("Widget", b.group, v1, version{name: "v1beta1"}) + "  conversion: {strategy: None}\n")
	isFine(env, again, "kubemirror_watch_failing", `resource="widgets.`+b.group+`"`)
	b.heals(t, begin, km, again)
}

func TestI5AKindThatVanishesKeepsItsMirrors(t *testing.T) {
	t.Parallel()
	b, km := newBad(t, v1)
	env, begin := b.env, b.env.Mark()
	env.Apply(definition("Widget", b.group, version{name: "v1", storage: true, hidden: true}))
	env.Eventually("the log says that the type is gone", func(context.Context) error {
		for line := range strings.Lines(km.Log()) {
			if _, removed, _ := strings.Cut(line, "removed="); strings.Contains(removed, `"Widget.v1.`+b.group+`"`) {
				return nil
			}
		}
		return errors.New("no line")
	})
	b.restOfTheWorldWorks()
	km.WaitReady()
	env.Apply(definition("Widget", b.group, v1))
	b.heals(t, begin, km)
}
