package types

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// allow gives a group of users the rights of a role, in the whole cluster. Rules are
// written as in a ClusterRole, in YAML's flow style.
func allow(env *kit.Env, group, role string, rules ...string) {
	env.Apply(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-%[1]s}
rules: [%[2]s]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: PREFIX-%[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: PREFIX-%[1]s}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: %[3]s}]
`, role, strings.Join(rules, ", "), group))
}

// basic are the rights that mirroring takes, whatever the types.
var basic = []string{
	`{apiGroups: [""], resources: [namespaces], verbs: [get, list, watch]}`,
	`{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}`,
	`{apiGroups: [events.k8s.io], resources: [events], verbs: [create]}`,
}

const mirroring = "verbs: [get, list, watch, create, update, patch, delete]"

// TestI5AForbiddenTypeHarmsNothing takes the right to a type away from a process that
// has mirrored it before.
func TestI5AForbiddenTypeHarmsNothing(t *testing.T) {
	t.Parallel()
	b, before := newBad(t, v1)
	env, begin := b.env, b.env.Mark()
	if code := before.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	group := env.Name("limited")
	allow(env, group, "most", append(slices.Clone(basic),
		`{apiGroups: ["", apps, autoscaling, batch, networking.k8s.io, policy, resource.k8s.io, certificates.k8s.io], resources: ["*"], `+mirroring+`}`,
		`{apiGroups: [apiextensions.k8s.io, apiregistration.k8s.io], resources: ["*"], verbs: [get, list, watch]}`)...)
	km := env.Launch(kit.Launch{Groups: []string{group}})
	resource := `resource="widgets.` + b.group + `"`
	isNamed(env, km, []string{"Can't watch this type", resource, "forbidden"}, "kubemirror_watch_failing", resource)
	km.WaitReady()
	b.restOfTheWorldWorks()
	allow(env, group, "rest", `{apiGroups: [`+b.group+`], resources: [widgets], `+mirroring+`}`)
	isFine(env, km, "kubemirror_watch_failing", resource)
	b.heals(t, begin, before, km)
	if line := lineWith(km.Log(), "Watching this type works again", resource); line == "" {
		t.Error("no log line says that the type works again")
	}
}

// TestNamedTypesNeedRightsToThemAlone runs with a role for just the types that are
// named.
func TestNamedTypesNeedRightsToThemAlone(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	group := env.Prefix() + ".example.com"
	env.Apply(definition("Widget", group, v1))
	env.Apply(definition("Gadget", group, v1))
	users := env.Name("limited")
	allow(env, users, "named", append(slices.Clone(basic),
		`{apiGroups: [""], resources: [configmaps], `+mirroring+`}`,
		`{apiGroups: [networking.k8s.io], resources: [ingresses], `+mirroring+`}`)...)
	named := "ConfigMap.v1,Ingress.v1.networking.k8s.io"
	config := kit.Object("ConfigMap.v1", src, "c")
	ingress := kit.Object("Ingress.v1.networking.k8s.io", src, "i")
	env.Apply(source(config, "{data: {key: value}}"))
	env.Apply(source(ingress, "{spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}"))

	begin := env.Mark()
	km := env.Launch(kit.Launch{Groups: []string{users}, Flags: []string{"--resource-types=" + named}})
	km.WaitReady()
	env.WaitFor(config, "is mirrored", isInSync)
	env.WaitFor(ingress, "is mirrored", isInSync)
	km.WaitQuiet(time.Second)
	asksOnlyFor(t, km, begin, "namespaces", "configmaps", "ingresses", "events")
	if m := km.Metrics(); m.Sum("kubemirror_watched_types") != 2 {
		t.Errorf("%v types are watched, want 2", m.Sum("kubemirror_watched_types"))
	}
	if code := km.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// With a kind that comes from a definition, it would like to know of definitions,
	// and does without.
	allow(env, users, "custom", `{apiGroups: [`+group+`], resources: [widgets], `+mirroring+`}`)
	widget := kit.Object("Widget.v1."+group, src, "w")
	gadget := kit.Object("Gadget.v1."+group, src, "g")
	env.Apply(source(widget, "{spec: {size: 1}}"))
	env.Apply(source(gadget, "{spec: {size: 1}}"))
	begin = env.Mark()
	km = env.Launch(kit.Launch{Groups: []string{users}, Flags: []string{"--resource-types=" + named + ",Widget.v1." + group}})
	km.WaitReady()
	env.WaitFor(widget, "is mirrored", isInSync)
	km.WaitQuiet(time.Second)
	asksOnlyFor(t, km, begin, "namespaces", "configmaps", "ingresses", "events", "widgets", "customresourcedefinitions", "apiservices")
	if got := env.Get(gadget); env.Find(gadget.In(env.Name("a"))) != nil || len(got.GetFinalizers()) > 0 || kit.StatusOf(got) != "" {
		t.Errorf("a type was mirrored that is not named: %v", got)
	}
}

func TestANamedTypeThatIsMissingIsReportedAndMirroredWhenItAppears(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	group := env.Prefix() + ".example.com"
	km := env.Start("--resource-types=ConfigMap.v1,Widget.v1." + group)
	config, widget := kit.Object("ConfigMap.v1", src, "c"), kit.Object("Widget.v1."+group, src, "w")
	env.Apply(source(config, "{data: {key: value}}"))
	env.WaitFor(config, "is mirrored", isInSync)
	const report = "A type in --resource-types can't be mirrored"
	if line := lineWith(km.Log(), report, "Widget.v1."+group, "does not serve it"); line == "" {
		t.Errorf("no log line says %q", report)
	}
	env.Apply(definition("Widget", group, v1))
	env.Apply(source(widget, "{spec: {size: 1}}"))
	env.WaitFor(widget, "is mirrored", isInSync)
	if n := strings.Count(km.Log(), report); n != 1 {
		t.Errorf("it is reported %d times", n)
	}
}

// asksOnlyFor makes sure that the process asked for these resources alone since the
// mark, and in discovery for their groups alone.
func asksOnlyFor(t *testing.T, km *kit.Kubemirror, begin audit.Mark, resources ...string) {
	t.Helper()
	groups := map[string]bool{"/version": true}
	requests := km.Since(begin)
	for _, r := range requests.Where(audit.Filter{Resources: resources}) {
		groups[strings.Join(strings.Split(r.URI, "/")[:4], "/")] = true // /apis/group/version
		groups[strings.Join(strings.Split(r.URI, "/")[:3], "/")] = true // /api/v1
	}
	for _, r := range requests.Where(audit.Filter{Except: resources}) {
		if r.Resource != "" || !groups[r.URI] {
			t.Errorf("it asked for what is not named: %s", r)
		}
	}
	if discovery := lineWith(km.Log(), "Starting resource discovery", "named="); discovery == "" {
		t.Error("the log doesn't say which types are named")
	}
}
