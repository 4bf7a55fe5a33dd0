package tests

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// gadgets is a kind of the test's own, with a field that can't be changed.
const gadgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.PREFIX.example.com}
spec:
  group: PREFIX.example.com
  names: {kind: Gadget, plural: gadgets}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer}
              colour: {type: string, default: red}
              fixed: {type: string, x-kubernetes-validations: [{rule: self == oldSelf, message: it is fixed}]}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

func gadget(env *kit.Env, namespace, name string) kit.Ref {
	return kit.Object("Gadget.v1."+env.Prefix()+".example.com", namespace, name)
}

// gadgetSource is a gadget that is mirrored to all namespaces; spec and annotations
// are YAML, in one line.
func gadgetSource(r kit.Ref, spec string, annotations ...string) string {
	text := fmt.Sprintf(`
apiVersion: PREFIX.example.com/v1
kind: Gadget
metadata:
  namespace: %s
  name: %s
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: all
`, r.Namespace, r.Name)
	for _, annotation := range annotations {
		text += "    " + domain + annotation + "\n"
	}
	return text + "spec: {" + spec + "}\n"
}

// TestAnImmutableMirrorIsMadeAnewForOtherContentOnly changes the content of the
// mirror of an immutable source in the two ways that there are: by a rule, and by a
// source that was made anew while nobody looked.
func TestAnImmutableMirrorIsMadeAnewForOtherContentOnly(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	from := env.Namespace("src")
	env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1", "--leader-elect=false")
	immutable := func(src kit.Ref, value string) string {
		return strings.Replace(kit.Source(src, value, "target-namespaces=all"), `{`, `{"immutable":true,`, 1)
	}
	kinds := []string{"Secret", configMap}
	uids := map[string]any{}
	for _, kind := range kinds {
		src := kit.Object(kind, from, "fixed")
		mirror := src.In(env.Name("a"))
		env.Apply(immutable(src, "one"))
		env.WaitFor(src, "is mirrored", kit.HasStatus("1/1 synced"))
		uid := env.WaitFor(mirror, "is a copy", isCopyOf(env.Get(src))).GetUID()

		env.Label(src, "team=blue")
		if o := env.WaitFor(mirror, "has the label", isCopyOf(env.Get(src))); o.GetUID() != uid {
			t.Errorf("%s was made anew for a label", mirror)
		}
		env.Annotate(src, domain+"transform=rules: [{path: data.key, value: two}]")
		if o := env.WaitFor(mirror, "has what the rule says", hasData("two")); o.GetUID() == uid || o.Object["immutable"] != true {
			t.Errorf("%s is the one of before, or can be changed: %v", mirror, o)
		}
		env.Annotate(src, domain+"transform-")
		uids[kind] = env.WaitFor(mirror, "has what the source says", isCopyOf(env.Get(src))).GetUID()
		env.WaitFor(src, "says that all is well", kit.HasStatus("1/1 synced"))
		if events := env.Events(src); len(events) > 0 {
			t.Errorf("events of %s: %v", src, events)
		}
	}

	km.Kill()
	for _, kind := range kinds {
		src := kit.Object(kind, from, "fixed")
		deletedByForce(env, src)
		env.WaitGone(src)
		env.Apply(immutable(src, "three"))
	}
	env.Start("--resource-types=ConfigMap.v1,Secret.v1", "--leader-elect=false")
	for _, kind := range kinds {
		src := kit.Object(kind, from, "fixed")
		if o := env.WaitFor(src.In(env.Name("a")), "is a copy of the new source", isCopyOf(env.Get(src))); o.GetUID() == uids[kind] {
			t.Errorf("%s can't be the one of before", src.In(env.Name("a")))
		}
		env.WaitFor(src, "says so", kit.HasStatus("1/1 synced"))
	}
}

func TestASecretMadeAgainWithAnotherTypeIsMirrored(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "tls")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=Secret.v1", "--leader-elect=false")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a")
	km.Kill()
	deletedByForce(env, src)
	env.WaitGone(src)
	env.Apply(strings.Replace(source(src, "target-namespaces=all"), `"kind":"Secret"`, `"kind":"Secret","type":"example.com/other"`, 1))
	env.Start("--resource-types=Secret.v1", "--leader-elect=false")
	o := env.WaitFor(mirror, "is a copy", isCopyOf(env.Get(src)))
	if o.Object["type"] != "example.com/other" {
		t.Errorf("its type is %q", o.Object["type"])
	}
	waitForMirrors(env, src, "a")
}

// TestAMirrorOfAnotherKindIsMadeAnewWhereItsAuthorSaysSo has two sources with the
// same rule for a field that can't be changed, one of which says so.
func TestAMirrorOfAnotherKindIsMadeAnewWhereItsAuthorSaysSo(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Apply(gadgets)
	says, silent := gadget(env, env.Namespace("src"), "says"), gadget(env, env.Name("src"), "silent")
	a := env.Namespace("a")
	km := env.Start("--resource-types=" + says.Kind)
	env.Apply(gadgetSource(says, "fixed: one, size: 1", `recreate-on-immutable-change: "true"`))
	env.Apply(gadgetSource(silent, "fixed: one, size: 1"))
	waitForMirrors(env, says, "a")
	waitForMirrors(env, silent, "a")
	uids := map[kit.Ref]any{says: env.Get(says.In(a)).GetUID(), silent: env.Get(silent.In(a)).GetUID()}

	env.Patch(says, `{"spec":{"size":2}}`)
	if o := env.WaitFor(says.In(a), "has another size", isCopyOf(env.Get(says))); o.GetUID() != uids[says] {
		t.Error("it was made anew for what can be changed")
	}
	const rule = "transform=rules: [{path: spec.fixed, value: two}]"
	fixedIs := func(want string) kit.Check {
		return func(o *unstructured.Unstructured) error {
			if got, _, _ := unstructured.NestedString(o.Object, "spec", "fixed"); got != want {
				return fmt.Errorf("its field is %q", got)
			}
			return nil
		}
	}
	env.Annotate(says, domain+rule)
	env.Annotate(silent, domain+rule)
	if o := env.WaitFor(says.In(a), "is changed", fixedIs("two")); o.GetUID() == uids[says] {
		t.Error("it can't be the one of before")
	}
	env.WaitFor(says, "says that all is well", kit.HasStatus("1/1 synced"))
	env.WaitFor(silent, "says what is wrong", statusHolds("0/1 synced: "+a+": ", "spec.fixed"))
	env.WaitFor(silent, "says where", hasFailedIn(a))
	env.WaitForEvent(silent, "WriteRefused", a)
	if o := env.Get(silent.In(a)); o.GetUID() != uids[silent] || fixedIs("one")(o) != nil {
		t.Errorf("the mirror of the one that doesn't say so is another: %v", o)
	}
	env.Annotate(silent, domain+"recreate-on-immutable-change=true")
	env.WaitFor(silent.In(a), "is changed, since its source says so", fixedIs("two"))
	env.WaitFor(silent, "says that all is well", kit.HasStatus("1/1 synced"))
	env.WaitFor(silent, "has no failed targets", hasFailedIn())

	t.Log("what could not come back is not deleted")
	uid := env.Get(says.In(a)).GetUID()
	mark := env.Mark()
	env.Annotate(says, domain+`transform=rules: [{path: spec.fixed, value: three}, {path: spec.size, value: "large"}]`)
	env.WaitFor(says, "says what is wrong", statusHolds("0/1 synced: "+a+": "))
	if o := env.Get(says.In(a)); o.GetUID() != uid || fixedIs("two")(o) != nil {
		t.Errorf("the mirror is another: %v", o)
	}
	if deletes := km.Since(mark).Where(audit.Filter{Verbs: []string{"delete"}}); len(deletes) > 0 {
		t.Errorf("it deleted:\n%s", deletes)
	}
}

func TestMetadataThatWouldMakeOthersFightOverTheMirrorIsLeftOut(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	mirror := src.In(env.Namespace("a"))
	env.Apply(`
apiVersion: v1
kind: ConfigMap
metadata:
  namespace: PREFIX-src
  name: settings
  finalizers: [example.com/theirs]
  labels:
    kubemirror.raczylo.com/enabled: "true"
    team: blue
    app.kubernetes.io/name: web
    app.kubernetes.io/version: "1"
    app.kubernetes.io/instance: web
    app.kubernetes.io/managed-by: Helm
    argocd.argoproj.io/instance: web
    kustomize.toolkit.fluxcd.io/name: web
    kustomize.toolkit.fluxcd.io/namespace: flux
    helm.toolkit.fluxcd.io/name: web
    helm.sh/chart: web-1
    reconcile.external-secrets.io/managed: "true"
    objectset.rio.cattle.io/hash: abc
    kapp.k14s.io/app: "1"
    mine.example.com/one: x
    mine.example.com/two: x
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: all
    kubemirror.raczylo.com/max-targets: "5"
    example.com/note: kept
    kubectl.kubernetes.io/restartedAt: kept
    argocd.argoproj.io.example.com/not: kept
    kubectl.kubernetes.io/last-applied-configuration: '{"data":{"password":"secret"}}'
    argocd.argoproj.io/tracking-id: web
    argocd.argoproj.io/sync-wave: "1"
    reconcile.toolkit.fluxcd.io/requestedAt: now
    kustomize.toolkit.fluxcd.io/prune: disabled
    meta.helm.sh/release-name: web
    meta.helm.sh/release-namespace: web
    helm.sh/resource-policy: keep
    helm.sh/hook: post-install
    reconcile.external-secrets.io/data-hash: abc
    deployment.kubernetes.io/revision: "1"
    objectset.rio.cattle.io/applied: abc
    kapp.k14s.io/original: abc
    build: x
    build-host: x
data: {key: value}
`)
	env.Start("--resource-types=ConfigMap.v1", "--strip-metadata=*.example.com/one, build*")
	waitForMirrors(env, src, "a")
	o := env.Get(mirror)
	labels := map[string]string{
		domain + "mirror": "true", domain + "managed-by": "kubemirror",
		"team": "blue", "app.kubernetes.io/name": "web", "app.kubernetes.io/version": "1", "mine.example.com/two": "x",
	}
	annotations := map[string]string{
		"example.com/note": "kept", "kubectl.kubernetes.io/restartedAt": "kept", "argocd.argoproj.io.example.com/not": "kept",
	}
	if got := o.GetLabels(); !maps.Equal(got, labels) {
		t.Errorf("its labels are %v, want %v", got, labels)
	}
	if got := usersKeys(o.GetAnnotations()); !maps.Equal(got, annotations) {
		t.Errorf("its annotations are %v, want %v", got, annotations)
	}
	carried := env.Get(src)
	carried.SetLabels(labels)
	carried.SetAnnotations(annotations)
	if err := errors.Join(hasMarks(o, carried), sameFields(o, carried), hasFinalizers()(o)); err != nil {
		t.Error(err)
	}

	t.Log("what is left out of the mirror starts no write when it changes")
	version := o.GetResourceVersion()
	env.Annotate(src, "argocd.argoproj.io/sync-wave=2", "build=y")
	env.Label(src, "helm.sh/chart=web-2")
	other := kit.Object(configMap, src.Namespace, "other")
	env.Apply(source(other, "target-namespaces=all"))
	waitForMirrors(env, other, "a")
	if got := env.Get(mirror).GetResourceVersion(); got != version {
		t.Error("the mirror was written to")
	}
}

// TestTheHashIsThatOfTheContent: the same on all mirrors, another one for other
// content, and the former one for the former content.
func TestTheHashIsThatOfTheContent(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "db")
	twin := kit.Object("Secret", src.Namespace, "twin")
	namespaces := []string{env.Namespace("a"), env.Namespace("b"), env.Namespace("c")}
	env.Start("--resource-types=Secret.v1")
	hash := func(src kit.Ref) string {
		t.Helper()
		hashes := map[string]bool{}
		for _, namespace := range namespaces {
			mirror := env.WaitFor(src.In(namespace), "is a copy", isCopyOf(env.Get(src)))
			hashes[mirror.GetAnnotations()[domain+"source-content-hash"]] = true
		}
		if len(hashes) != 1 {
			t.Fatalf("its mirrors have the hashes %v", hashes)
		}
		for h := range hashes {
			return h
		}
		return ""
	}
	env.Apply(source(src, "target-namespaces=all"))
	env.Apply(source(twin, "target-namespaces=all"))
	first := hash(src)
	if hash(twin) != first {
		t.Error("two sources with one content have two hashes")
	}
	env.Label(src, "team=blue")
	if hash(src) != first {
		t.Error("a label is no content")
	}
	env.Patch(src, `{"stringData":{"key":"changed"}}`)
	if hash(src) == first {
		t.Error("other content has the same hash")
	}
	env.Patch(src, `{"stringData":{"key":"value"}}`)
	if hash(src) != first {
		t.Error("the former content has another hash than formerly")
	}
}

// TestTheSourceIsLeftAsItsAuthorWroteIt has sources of several kinds.
func TestTheSourceIsLeftAsItsAuthorWroteIt(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Apply(gadgets)
	from := env.Namespace("src")
	env.Namespace("a")
	sources := map[kit.Ref]string{
		kit.Object("Secret", from, "db"):        source(kit.Object("Secret", from, "db"), "target-namespaces=all"),
		kit.Object(configMap, from, "settings"): plainSource(kit.Object(configMap, from, "settings")),
		gadget(env, from, "gear"):               gadgetSource(gadget(env, from, "gear"), "size: 3", `transform: "rules: [{path: spec.size, value: 7}]"`),
	}
	before := map[kit.Ref]map[string]any{}
	for src, text := range sources {
		before[src] = usersPart(env.Apply(text))
	}
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1," + gadget(env, "", "").Kind)
	for src := range sources {
		env.WaitFor(src, "is mirrored", statusHolds("1/", " synced")) // one of the names is missed, for the source that gives two
	}
	km.WaitQuiet(300 * time.Millisecond)
	for src, part := range before {
		o := env.Get(src)
		if got := usersPart(o); !reflect.DeepEqual(got, part) {
			t.Errorf("%s is %v, was %v", src, got, part)
		}
		if got := o.GetGeneration(); got > 1 {
			t.Errorf("%s has the generation %d", src, got)
		}
		for _, owner := range o.GetManagedFields() {
			fields := owner.FieldsV1.String()
			if owner.Manager == "kubemirror" && (strings.Contains(fields, `"f:spec"`) || strings.Contains(fields, `"f:data"`)) {
				t.Errorf("%s: kubemirror owns content: %s", src, fields)
			}
		}
	}
}
