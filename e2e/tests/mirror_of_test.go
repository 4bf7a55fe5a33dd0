package tests

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// named is a Secret as an operator makes it: without a label of ours.
func named(r kit.Ref, password string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata: {namespace: " + r.Namespace + ", name: " + r.Name + ", labels: {app: db}}\n" +
		"stringData: {password: " + password + ", user: app}"
}

func hasPassword(encoded string) kit.Check {
	return hasFields("{type: Opaque, data: {password: " + encoded + ", user: YXBw}}")
}

// untouched fails the test if an object has anything of ours on it.
func untouched(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	if len(o.GetFinalizers()) > 0 {
		t.Errorf("%s has finalizers: %v", o.GetName(), o.GetFinalizers())
	}
	for _, entry := range o.GetManagedFields() {
		if entry.Manager == "kubemirror" {
			t.Errorf("%s was written", o.GetName())
		}
	}
}

func TestAStandInHasTheObjectMirroredThatCannotCarryTheLabel(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	db := kit.Object("Secret", src, "exampledb-app")
	standIn := kit.Object(configMap, src, "share-db")
	a, b := db.In(env.Namespace("a")), db.In(env.Namespace("b"))
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1")

	t.Log("there is nothing to mirror yet, which its author is told")
	env.Apply(kit.Source(standIn, "ignored", "mirror-of=secrets/exampledb-app", "target-namespaces="+env.Name("a")))
	env.WaitFor(standIn, "waits", kit.HasStatus(`waiting: there is no secrets "exampledb-app" in this namespace; the mirrors come with it`))

	t.Log("it comes")
	env.Apply(named(db, "one"))
	env.WaitFor(a, "is the Secret", hasPassword("b25l"))
	env.WaitFor(standIn, "is in sync", kit.HasStatus("1/1 synced"))
	if o := env.Get(a); o.GetLabels()["app"] != "db" || o.GetAnnotations()[domain+"source-name"] != "share-db" || o.GetAnnotations()[domain+"source-type"] != "configmaps" {
		t.Errorf("the mirror has %v, %v", o.GetLabels(), o.GetAnnotations())
	}

	t.Log("it changes, and goes to one more namespace")
	env.Patch(db, `{"stringData":{"password":"two"}}`)
	env.WaitFor(a, "follows", hasPassword("dHdv"))
	env.Annotate(standIn, domain+"target-namespaces="+env.Name("a")+","+env.Name("b"))
	env.WaitFor(b, "is the Secret", hasPassword("dHdv"))
	env.WaitFor(standIn, "is in sync", kit.HasStatus("2/2 synced"))

	t.Log("what is done to a mirror is put right")
	env.Patch(a, `{"stringData":{"password":"three"}}`)
	env.WaitFor(a, "is put right", hasPassword("dHdv"))
	env.Delete(b)
	env.WaitFor(b, "comes back", hasPassword("dHdv"))

	t.Log("it goes, its mirrors go; it comes back, and so do they")
	untouched(t, env.Get(db))
	env.Delete(db)
	env.WaitGone(a)
	env.WaitGone(b)
	env.WaitFor(standIn, "waits", statusHolds("waiting: there is no secrets"))
	env.Apply(named(db, "four"))
	env.WaitFor(a, "is back", hasPassword("Zm91cg=="))
	env.WaitFor(b, "is back", hasPassword("Zm91cg=="))
	untouched(t, env.Get(db))

	t.Log("a restart writes nothing")
	env.WaitFor(standIn, "is in sync", kit.HasStatus("2/2 synced"))
	km.Stop()
	mark := env.Mark()
	km = env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	km.WaitQuiet(3 * time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes, Except: []string{"leases"}}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}

	t.Log("while nobody runs the object goes")
	km.Stop()
	env.Delete(db)
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.WaitGone(a)
	env.WaitGone(b)

	t.Log("the stand-in goes")
	env.Apply(named(db, "five"))
	env.WaitFor(a, "is back", hasPassword("Zml2ZQ=="))
	env.Delete(standIn)
	env.WaitGone(a)
	env.WaitGone(standIn)
	untouched(t, env.Get(db))
}

func TestSeveralStandInsForOneObjectGiveMirrorsUnderSeveralNames(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	db := kit.Object("Secret", src, "db")
	a := env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.Apply(named(db, "one"))
	for _, name := range []string{"first", "second"} {
		env.Apply(kit.Source(kit.Object(configMap, src, name), "x", "mirror-of=secrets/db", "target-namespaces="+a, "target-name="+name+"-{{ .SourceName }}"))
	}
	env.Apply(ruled(kit.Object(configMap, src, "third"), "data: {}", "- {path: data, keep: [user]}\n", "mirror-of=secrets/db", "target-namespaces=PREFIX-a", "target-name=third"))
	env.WaitFor(kit.Object("Secret", a, "first-db"), "is there", hasPassword("b25l"))
	env.WaitFor(kit.Object("Secret", a, "second-db"), "is there", hasPassword("b25l"))
	env.WaitFor(kit.Object("Secret", a, "third"), "is what its rules leave", hasFields("{type: Opaque, data: {user: YXBw}}"))

	t.Log("one that stands for something else has its mirror become that")
	env.Apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: " + src + ", name: plain}\ndata: {a: b}")
	env.Annotate(kit.Object(configMap, src, "first"), domain+"mirror-of=configmaps/plain")
	env.WaitFor(kit.Object(configMap, a, "first-plain"), "is the other", hasFields("{data: {a: b}}"))
	env.WaitGone(kit.Object("Secret", a, "first-db"))
	env.WaitFor(kit.Object(configMap, src, "first"), "is in sync", kit.HasStatus("1/1 synced"))
}

func TestWhatMayNeverBeASourceIsNotStoodInFor(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.Apply("apiVersion: v1\nkind: Secret\nmetadata: {namespace: " + src + ", name: release}\ntype: helm.sh/release.v1\nstringData: {release: x}")
	env.Apply("apiVersion: v1\nkind: Secret\nmetadata: {namespace: " + src + ", name: private, annotations: {" + domain + "exclude: \"true\"}}\nstringData: {a: b}")
	for i, row := range []struct{ of, status string }{
		{"secrets/release", "refused: Secrets of type helm.sh/release.v1 are never mirrored"},
		{"secrets/private", `waiting: the annotation kubemirror.raczylo.com/exclude on secrets "private" lets it go nowhere`},
		{"pods/web", "stopped: pods is no type that is mirrored here; see --resource-types"},
		{"deployments.apps/web", "stopped: deployments.apps is no type that is mirrored here; see --resource-types"},
		{"Secret/x", `stopped: kubemirror.raczylo.com/mirror-of: "Secret" is no resource`},
		{"secrets", `stopped: kubemirror.raczylo.com/mirror-of: "secrets" is neither RESOURCE/NAME`},
		{"secrets/../x", `stopped: kubemirror.raczylo.com/mirror-of: ".." is no name of a namespace`},
		{"secrets/" + src + "/x", `stopped: kubemirror.raczylo.com/mirror-of: it names its own namespace`},
	} {
		standIn := kit.Object(configMap, src, "row-"+string(rune('a'+i)))
		targets := "target-namespaces=" + env.Name("a")
		env.Apply(kit.Source(standIn, "x", "mirror-of="+row.of, targets))
		env.WaitFor(standIn, "says why", statusHolds(row.status))
	}
	if mirrors := append(env.List("Secret", env.Name("a"), domain+"mirror=true"), env.List(configMap, env.Name("a"), domain+"mirror=true")...); len(mirrors) > 0 {
		t.Errorf("there are mirrors: %v", mirrors)
	}
	onSecret := kit.Object("Secret", src, "asks")
	env.Apply(kit.Source(onSecret, "x", "mirror-of=secrets/release", "target-namespaces="+env.Name("a")))
	env.WaitFor(onSecret, "says why", statusHolds("stopped: kubemirror.raczylo.com/mirror-of: only a ConfigMap may ask for another object's mirror, not a Secret"))
}

func TestATeamAsksForASourceAndGetsItWithConsent(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	registry := kit.Object("Secret", env.Namespace("platform"), "registry")
	team, other := env.Namespace("team-a"), env.Namespace("team-b")
	request := kit.Object(configMap, team, "pull")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	const refusal = "waiting: nothing is handed out to this namespace as secrets/"

	t.Log("what isn't there and what isn't for it read the same")
	env.Apply(kit.Source(request, "x", "mirror-of=secrets/"+registry.Namespace+"/registry"))
	absent := kit.StatusOf(env.WaitFor(request, "waits", statusHolds(refusal)))
	env.Apply(kit.Source(registry, "one", "allow-to="+other))
	env.WaitFor(registry, "is handed out to none", kit.HasStatus("0/0 synced, and handed out on request to 0"))
	env.WaitFor(request, "reads the same", kit.HasStatus(absent))

	t.Log("consent brings it, and both sides are told")
	env.Annotate(registry, domain+"allow-to="+env.Name("team-*"))
	mirror := registry.In(team)
	env.WaitFor(mirror, "is there", hasFields(`{type: Opaque, data: {key: b25l}}`))
	env.WaitFor(request, "is in sync", kit.HasStatus("1/1 synced"))
	env.WaitFor(registry, "counts it", kit.HasStatus("0/0 synced, and handed out on request to 1"))

	t.Log("under a name of its own, by its own rules after the source's")
	own := kit.Object(configMap, other, "own")
	env.Apply(ruled(own, "data: {}", `- {path: data.note, from: data.key}`+"\n- {path: data, keep: [note]}\n", "mirror-of=secrets/"+registry.Namespace+"/registry", "target-name=mine-{{ .SourceName }}"))
	env.WaitFor(kit.Object("Secret", other, "mine-registry"), "is there", hasFields(`{type: Opaque, data: {note: b25l}}`))
	env.WaitFor(registry, "counts both", kit.HasStatus("0/0 synced, and handed out on request to 2"))

	t.Log("it follows the source")
	env.Patch(registry, `{"stringData":{"key":"two"}}`)
	env.WaitFor(mirror, "follows", hasFields(`{type: Opaque, data: {key: dHdv}}`))
	env.WaitFor(kit.Object("Secret", other, "mine-registry"), "follows", hasFields(`{type: Opaque, data: {note: dHdv}}`))

	t.Log("a consent that can't be read takes nothing away and lets nothing in")
	env.Annotate(registry, domain+"allow-to="+env.Name("team-*")+",team a")
	env.WaitFor(registry, "says so", statusHolds("stopped: kubemirror.raczylo.com/allow-to:"))
	env.WaitFor(request, "is told", statusHolds("stopped: the source that it asks for can't be read"))
	late := kit.Object(configMap, env.Namespace("team-c"), "late")
	env.Apply(kit.Source(late, "x", "mirror-of=secrets/"+registry.Namespace+"/registry"))
	env.WaitFor(late, "waits", statusHolds(refusal))
	env.WaitFor(mirror, "is still there", hasFields(`{type: Opaque, data: {key: dHdv}}`))

	t.Log("consent that is taken back takes it away")
	env.Annotate(registry, domain+"allow-to="+other)
	env.WaitGone(mirror)
	env.WaitFor(request, "waits", kit.HasStatus(absent))
	env.WaitFor(registry, "counts one", kit.HasStatus("0/0 synced, and handed out on request to 1"))

	t.Log("the namespace's own refusal counts for what it asks for too")
	env.Annotate(registry, domain+"allow-to=*")
	env.WaitFor(mirror, "is back", hasFields(`{type: Opaque, data: {key: dHdv}}`))
	env.Label(kit.Object("Namespace", "", team), domain+"allow-mirrors=false")
	env.WaitGone(mirror)
	env.Label(kit.Object("Namespace", "", team), domain+"allow-mirrors-")
	env.WaitFor(mirror, "is back", hasFields(`{type: Opaque, data: {key: dHdv}}`))

	t.Log("the source goes")
	env.Delete(registry)
	env.WaitGone(mirror)
	env.WaitFor(request, "waits", kit.HasStatus(absent))
}

func TestAStandInHandsOutOnRequestWhatCannotCarryTheLabel(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	db := kit.Object("Secret", src, "db")
	team := env.Namespace("team")
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.Apply(named(db, "one"))
	env.Apply(kit.Source(kit.Object(configMap, src, "share"), "x", "mirror-of=secrets/db", "allow-to=*,!"+env.Name("lab")))
	env.Apply(kit.Source(kit.Object(configMap, team, "ask"), "x", "mirror-of=secrets/"+src+"/db"))
	env.WaitFor(db.In(team), "is there", hasPassword("b25l"))
	t.Log("not by the stand-in's own name: who may create ConfigMaps need not be let create Secrets")
	sideways := kit.Object(configMap, env.Namespace("sideways"), "ask")
	env.Apply(kit.Source(sideways, "x", "mirror-of=configmaps/"+src+"/share"))
	env.WaitFor(sideways, "waits", statusHolds("waiting: "))
	lab := kit.Object(configMap, env.Namespace("lab"), "ask")
	env.Apply(kit.Source(lab, "x", "mirror-of=secrets/"+src+"/db"))
	env.WaitFor(lab, "waits", statusHolds("waiting: "))

	t.Log("what changes while nobody runs is caught up with, and nothing goes on the way")
	km.Stop()
	env.Patch(db, `{"stringData":{"password":"two"}}`)
	mark := env.Mark()
	km = env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.WaitFor(db.In(team), "follows", hasPassword("dHdv"))
	if writes := km.Since(mark).Where(audit.Filter{Verbs: []string{"delete", "create"}, Resources: []string{"secrets"}}); len(writes) > 0 {
		t.Errorf("on the way:\n%s", writes)
	}
	env.Delete(kit.Object(configMap, team, "ask"))
	env.WaitGone(db.In(team))
}

func TestASecretsMirrorsMayBeConfigMaps(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "tls")
	a := env.Namespace("a")
	asConfigMap, asSecret := kit.Object(configMap, a, "tls"), kit.Object("Secret", a, "tls")
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	const content = "data: {raw: /w==}\nstringData: {ca.crt: authority, tls.key: private}"

	t.Log("not without a word on which keys go out")
	env.Apply(kit.Source(src, "x", "target-kind=ConfigMap", "target-namespaces="+a))
	env.WaitFor(src, "says so", statusHolds("stopped: kubemirror.raczylo.com/target-kind: it takes a rule that says which keys go out"))
	env.Delete(src)
	env.WaitGone(src)

	env.Apply(ruled(src, content, "- {path: data, keep: [ca.crt, raw]}\n", "target-kind=ConfigMap", "target-namespaces=PREFIX-a"))
	env.WaitFor(asConfigMap, "is a ConfigMap", hasFields("{data: {ca.crt: authority}, binaryData: {raw: /w==}}"))
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
	lacksText(t, env.Get(asConfigMap), "private")

	t.Log("it is put right and cleaned up like any other")
	env.Patch(asConfigMap, `{"data":{"ca.crt":"mine"}}`)
	env.WaitFor(asConfigMap, "is put right", hasFields("{data: {ca.crt: authority}, binaryData: {raw: /w==}}"))
	env.Delete(asConfigMap)
	env.WaitFor(asConfigMap, "comes back", hasFields("{data: {ca.crt: authority}, binaryData: {raw: /w==}}"))

	t.Log("it is of the source's own kind again, and no ConfigMap stays")
	env.Annotate(src, domain+"target-kind-")
	env.WaitFor(asSecret, "is a Secret", hasFields("{type: Opaque, data: {ca.crt: YXV0aG9yaXR5, raw: /w==}}"))
	env.WaitGone(asConfigMap)
	env.Annotate(src, domain+"target-kind=ConfigMap")
	env.WaitFor(asConfigMap, "is a ConfigMap", hasFields("{data: {ca.crt: authority}, binaryData: {raw: /w==}}"))
	env.WaitGone(asSecret)
	env.Delete(src)
	env.WaitGone(asConfigMap)
	env.WaitGone(src)
}

func TestAMirrorOfAnotherKindWhoseSourceWentWhileNobodyRanGoes(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Secret", env.Namespace("src"), "tls")
	mirror := kit.Object(configMap, env.Namespace("a"), "tls")
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.Apply(ruled(src, "stringData: {ca.crt: authority}", "- {path: data, keep: [ca.crt]}\n", "target-kind=ConfigMap", "target-namespaces=PREFIX-a"))
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
	km.Stop()
	env.Update(src, func(o *unstructured.Unstructured) { o.SetFinalizers(nil) })
	env.Delete(src)
	km = env.Start("--resource-types=ConfigMap.v1")
	km.WaitQuiet(3 * time.Second)
	if env.Find(mirror) == nil {
		t.Error("a process that doesn't look at Secrets has deleted the mirror of one")
	}
	km.Stop()
	env.Start("--resource-types=ConfigMap.v1,Secret.v1")
	env.WaitGone(mirror)
}
