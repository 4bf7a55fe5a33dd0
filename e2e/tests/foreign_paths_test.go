package tests

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// foreignPaths are ways in which other tools write data.password, or people do who
// have another one's documentation open. FIELD.KEY stands for it.
var foreignPaths = []string{
	"/FIELD/KEY", "FIELD/KEY", "#/FIELD/KEY", "~/FIELD/KEY",
	"$.FIELD.KEY", "$FIELD.KEY", "$['FIELD']['KEY']", "{.FIELD.KEY}", "{FIELD.KEY}", ".FIELD.KEY", `.FIELD["KEY"]`, "@.FIELD.KEY",
	"{{.FIELD.KEY}}", "object.FIELD.KEY", "*.FIELD.KEY", "..KEY",
	"FIELD.KEY ", " FIELD.KEY", "FIELD. KEY", "FIELD .KEY", "FIELD KEY", "FIELD.\tKEY", "FIELD.\u00a0KEY", "FIELD.\u200bKEY",
	"FIELD->KEY", "FIELD:KEY", "FIELD::KEY", "FIELD,KEY", "FIELD|KEY", `FIELD\KEY`, "FIELD..KEY", "FIELD.KEY.", "FIELD.[KEY]", "FIELD[KEY]", "FIELD{KEY}",
	"FIELD.\"KEY\"", "FIELD.'KEY'", "“FIELD.KEY”", "UPPER.KEY", "TITLE.KEY", "spec_FIELD.KEY", "KEY",
}

// TestAPathInTheFormOfAnotherToolLetsNothingOut has sources with mirrors from before,
// where all was well, and such as are wrong from the first.
func TestAPathInTheFormOfAnotherToolLetsNothingOut(t *testing.T) {
	t.Parallel()
	env := kit.New(t).Within(2 * time.Minute)
	src, a := env.Namespace("src"), env.Namespace("a")
	env.Apply(vaults)
	start := func() *kit.Kubemirror {
		return env.Start("--resource-types=Secret.v1,ConfigMap.v1,"+vaultKind(env), "--leader-elect=false", "--rate-limit-qps=1000", "--rate-limit-burst=1000")
	}
	km := start()
	kinds := []redaction{
		{"Secret", "stringData: {password: HUSH, user: me}", nil, "data.password"},
		{configMap, "data: {password: HUSH, user: me}", nil, "data.password"},
		{vaultKind(env), "config: {password: HUSH}", nil, "config.password"},
	}
	type row struct {
		ref  kit.Ref
		of   redaction
		path string
		rv   string // of the mirror from before; empty: it is wrong from the first
	}
	var rows []row
	var good, bad []string
	for _, d := range kinds {
		field, key, _ := strings.Cut(d.path, ".")
		fill := strings.NewReplacer("FIELD", field, "KEY", key, "UPPER", strings.ToUpper(field), "TITLE", strings.ToUpper(field[:1])+field[1:])
		paths := []string{"spec.data.password"}
		if d.kind == vaultKind(env) {
			paths = nil // any kind but the built-in ones may have a spec
		}
		for _, path := range foreignPaths {
			paths = append(paths, fill.Replace(path))
		}
		for i, path := range paths {
			r := row{ref: kit.Object(d.kind, src, fmt.Sprintf("row-%03d", len(rows))), of: d, path: path}
			if i%2 == 0 {
				r.rv = "there"
				good = append(good, d.source(r.ref, "before-do-not-tell", d.path, actions[i%3]))
			}
			bad = append(bad, d.source(r.ref, "after-do-not-tell", path, actions[i%3]))
			rows = append(rows, r)
		}
	}
	env.ApplyAll(good)
	for _, d := range kinds {
		waitForAll(env, d.kind, src, "is in sync", kit.HasStatus("1/1 synced"))
	}
	for i, r := range rows {
		if r.rv != "" {
			rows[i].rv = env.Get(r.ref.In(a)).GetResourceVersion()
		}
	}

	env.ApplyAll(bad)
	for _, d := range kinds {
		waitForAll(env, d.kind, src, "says that it is stopped", hasSomeStatus)
		waitForAll(env, d.kind, src, "says that it is stopped", statusHolds("stopped: "+domain+"transform: reading rule 1"))
	}
	untouched := func(when string) {
		t.Helper()
		for _, r := range rows {
			mirror := env.Find(r.ref.In(a))
			switch {
			case mirror == nil && r.rv == "":
			case mirror == nil:
				t.Errorf("%s, %q: the mirror is gone", when, r.path)
			case r.rv == "":
				t.Errorf("%s, %q of a %s: there is a mirror", when, r.path, r.of.kind)
			case mirror.GetResourceVersion() != r.rv:
				t.Errorf("%s, %q of a %s: the mirror was written", when, r.path, r.of.kind)
			}
			if mirror != nil && len(finds(mirror.Object, "do-not-tell", "")) > 0 {
				t.Errorf("%s, %q of a %s: what was to be taken out is in the mirror", when, r.path, r.of.kind)
			}
		}
	}
	untouched("stopped")
	km.WaitQuiet(500 * time.Millisecond)

	t.Log("a restart writes nothing")
	km.Stop()
	mark := env.Mark()
	km = start()
	km.WaitQuiet(time.Second)
	if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("the restart wrote:\n%s", writes)
	}
	untouched("after a restart")
}

// TestOptionalIsNoWayToAFieldThatTheKindCantHave: it is for what may be missing, and
// for nothing else.
func TestOptionalIsNoWayToAFieldThatTheKindCantHave(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a := env.Namespace("a")
	env.Start("--resource-types=Secret.v1," + deploymentKind)
	misspelt := kit.Object("Secret", src, "misspelt")
	env.Apply(ruled(misspelt, "stringData: {password: "+hidden+"}", "- {path: Data.password, delete: true, optional: true}", "target-namespaces=PREFIX-a"))
	env.WaitFor(misspelt, "says what it has", statusHolds(`stopped: `, "rule 1 (Data.password): ", `no field "Data"`, "data, stringData, type, immutable"))
	missing := kit.Object("Secret", src, "missing")
	env.Apply(ruled(missing, "stringData: {key: value}", "- {path: data.password, delete: true, optional: true}", "target-namespaces=PREFIX-a", "transform-strict=true"))
	env.WaitFor(missing, "is in sync", kit.HasStatus("1/1 synced"))
	env.WaitFor(missing.In(a), "is there", hasData("value"))
	if env.Find(misspelt.In(a)) != nil {
		t.Error("there is a mirror of the one that is misspelt")
	}
}
