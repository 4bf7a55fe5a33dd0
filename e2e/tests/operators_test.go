package tests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// objectOf is an object with these fields beside its name.
func objectOf(r kit.Ref, fields map[string]any) *unstructured.Unstructured {
	kind, version, _ := strings.Cut(r.Kind, ".")
	version, group, _ := strings.Cut(version, ".")
	if version == "" {
		version = "v1"
	}
	o := &unstructured.Unstructured{Object: maps.Clone(fields)}
	if fields == nil {
		o.Object = map[string]any{}
	}
	o.SetAPIVersion(strings.TrimPrefix(group+"/"+version, "/"))
	o.SetKind(kind)
	o.SetNamespace(r.Namespace)
	o.SetName(r.Name)
	return o
}

// operate has an operator make a child of a parent as long as there is the parent: one
// with all its labels and annotations, as kro, External Secrets and Flux do. It makes
// the child again when it goes, and changes it with its parent.
func operate(operator *kit.Env, parent kit.Ref, child *unstructured.Unstructured) {
	ensure := func(hands kit.Hands, _ *unstructured.Unstructured) error {
		is, err := hands.Find(parent)
		if err != nil || is == nil {
			return err
		}
		has, err := hands.Find(kit.RefTo(child))
		switch {
		case err != nil:
			return err
		case has == nil:
			has = child.DeepCopy()
		case sameMetadata(has, is) == nil:
			return nil
		}
		has.SetLabels(is.GetLabels())
		has.SetAnnotations(is.GetAnnotations())
		return hands.Put(has)
	}
	operator.Whenever(parent, ensure)
	operator.Whenever(kit.RefTo(child), ensure)
}

// sameMetadata says in what a child's labels and annotations are not its parent's.
func sameMetadata(child, parent *unstructured.Unstructured) error {
	if !maps.Equal(child.GetLabels(), parent.GetLabels()) || !maps.Equal(child.GetAnnotations(), parent.GetAnnotations()) {
		return fmt.Errorf("it has labels %v and annotations %v, and its parent %v and %v",
			child.GetLabels(), child.GetAnnotations(), parent.GetLabels(), parent.GetAnnotations())
	}
	return nil
}

// wroteOnly says which others than one have written an object.
func wroteOnly(o *unstructured.Unstructured, manager string) error {
	for _, entry := range o.GetManagedFields() {
		if entry.Manager != manager {
			return fmt.Errorf("%s has written it too", entry.Manager)
		}
	}
	return nil
}

// family is a source, and what an operator makes of each of its mirrors.
type family struct {
	source kit.Ref
	text   string
	child  *unstructured.Unstructured // less its namespace
}

func (f family) childIn(namespace string) kit.Ref { return kit.RefTo(f.child).In(namespace) }

// families are of several kinds: children of another kind with the parent's name, of
// the same kind with another name, of a kind that nobody watches at first.
func families(env *kit.Env, src string) []family {
	const toAll = "target-namespaces=all"
	settings, db, gear := kit.Object(configMap, src, "settings"), kit.Object("Secret", src, "db"), gadget(env, src, "gear")
	web := kit.Object("Deployment.v1.apps", src, "web")
	return []family{
		{settings, source(settings, toAll), objectOf(kit.Object("Secret", "", "settings"), nil)},
		{db, source(db, toAll), objectOf(kit.Object("Secret", "", "db-child"), nil)},
		{gear, gadgetSource(gear, "size: 1"), objectOf(kit.Object(configMap, "", "gear-child"), nil)},
		{web, `
apiVersion: apps/v1
kind: Deployment
metadata:
  namespace: PREFIX-src
  name: web
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations: {kubemirror.raczylo.com/sync: "true", kubemirror.raczylo.com/target-namespaces: all}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}
`, objectOf(kit.Object("NetworkPolicy.v1.networking.k8s.io", "", "web"), map[string]any{"spec": map[string]any{"podSelector": map[string]any{}}})},
	}
}

// TestWhatOperatorsMakeOfMirrorsIsLeftAlone: a child has all that marks its parent as a
// mirror. Who has ever written one is in its managedFields.
func TestWhatOperatorsMakeOfMirrorsIsLeftAlone(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Apply(gadgets)
	src, places := env.Namespace("src"), []string{env.Namespace("a"), env.Namespace("b")}
	all := families(env, src)
	types := "--resource-types=ConfigMap.v1,Secret.v1,Deployment.v1.apps," + gadget(env, src, "").Kind
	km := env.Start(types, "--leader-elect=false")
	operator := env.As("operator")
	for _, f := range all {
		for _, place := range places {
			child := f.child.DeepCopy()
			child.SetNamespace(place)
			operate(operator, f.source.In(place), child)
		}
		env.Apply(f.text)
	}
	uids := map[kit.Ref]any{}
	follow := func(why string) {
		t.Helper()
		for _, f := range all {
			for _, place := range places {
				child := f.childIn(place)
				env.Eventually(fmt.Sprintf("%s has all of its parent, since %s", child, why), func(context.Context) error {
					is, has := env.Find(f.source.In(place)), env.Find(child)
					if is == nil || has == nil {
						return fmt.Errorf("there are not both")
					}
					return sameMetadata(has, is)
				})
				o := env.Get(child)
				if uids[child] == nil {
					uids[child] = o.GetUID()
				}
				if err := wroteOnly(o, "operator"); err != nil || o.GetUID() != uids[child] {
					t.Errorf("since %s, %s is not as the operator left it: %v\n%v", why, child, err, o)
				}
			}
			env.WaitFor(f.source, "is in sync", kit.HasStatus("2/2 synced"))
			if events := env.Events(f.source); len(events) > 0 {
				t.Errorf("since %s, there are events of %s: %v", why, f.source, events)
			}
		}
	}
	follow("it is new")
	for _, f := range all {
		env.Label(f.source, "step=two")
	}
	for _, f := range all {
		env.WaitFor(f.source.In(places[0]), "has the label", hasLabel("step", "two"))
	}
	follow("its parent's source has changed")
	for _, f := range all {
		parent := f.source.In(places[1])
		uid := env.Get(parent).GetUID()
		env.Delete(parent)
		env.WaitFor(parent, "comes again", func(o *unstructured.Unstructured) error {
			if o.GetUID() == uid {
				return errors.New("it is the one of before")
			}
			return nil
		})
	}
	follow("its parent was deleted by somebody")

	t.Log("types that nobody watched are watched now")
	km.WaitQuiet(300 * time.Millisecond)
	km.Stop()
	km = env.Start(types+",NetworkPolicy.v1.networking.k8s.io", "--leader-elect=false")
	km.WaitQuiet(500 * time.Millisecond)
	follow("kubemirror was started with more types")
	waitForCount(env, km, 2*len(all))

	t.Log("children stay when the sources and the parents go")
	for _, f := range all {
		env.Delete(f.source)
		env.WaitGone(f.source)
		for _, place := range places {
			env.WaitGone(f.source.In(place))
		}
	}
	km.Stop()
	km = env.Start(types+",NetworkPolicy.v1.networking.k8s.io", "--leader-elect=false")
	km.WaitQuiet(500 * time.Millisecond)
	waitForCount(env, km, 0)
	for child, uid := range uids {
		o := env.Get(child)
		if err := wroteOnly(o, "operator"); err != nil || o.GetUID() != uid || len(env.Events(child)) > 0 {
			t.Errorf("%s is not as the operator left it: %v\n%v", child, err, o)
		}
		if line := lineWith(km.Log(), child.Name); line != "" && strings.HasSuffix(child.Name, "-child") {
			t.Errorf("the log tells of %s: %s", child, line)
		}
	}
}
