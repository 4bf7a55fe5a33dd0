package explain

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// told is what the plugin says of a source, as far as it is compared.
type told struct {
	Sources []struct {
		Namespace, Name string
		Targets         []struct{ Namespace, Outcome, Mirror, Action, Why string }
	}
}

// Each line makes one thing up of what a source, a namespace or somebody else may say.
var (
	lists = []string{"PREFIX-*", "all", "all-labeled", "PREFIX-a,PREFIX-b", "PREFIX-?", "PREFIX-*,!PREFIX-a", "all,!PREFIX-b*", "all-labeled,PREFIX-d", "!PREFIX-c", "PREFIX-e,PREFIX-nowhere", "", "Wrong_", "PREFIX-f, PREFIX-g ,"}

	extras = []string{"", "", "", "", "kubemirror.raczylo.com/max-targets: '2'", "kubemirror.raczylo.com/max-targets: '0'", "kubemirror.raczylo.com/target-selector: 'tier in (x, y)'", "kubemirror.raczylo.com/target-selector: '!tier'",
		"kubemirror.raczylo.com/paused: 'true'", "kubemirror.raczylo.com/on-delete: 'retain'", "kubemirror.raczylo.com/on-delete: 'keep'", "kubemirror.raczylo.com/exclude: 'true'", "kubemirror.raczylo.com/excluded: 'true'", "kubemirror.raczylo.com/target-name: '{{.SourceName}}-{{.TargetNamespace}}'",
		"kubemirror.raczylo.com/transform: 'rules: [{path: data.key, value: other}]'", "kubemirror.raczylo.com/transform: 'rules: [{path: data.none.of, value: x}]', kubemirror.raczylo.com/transform-strict: 'true'",
		"kubemirror.raczylo.com/transform: 'rules: ['",
		"kubemirror.raczylo.com/target-name: '{{.SourceName}}-{{default \"w\" .TargetLabels.tier}}'", "kubemirror.raczylo.com/target-name: '{{.SourceName}}-{{.TargetLabels.tier}}'",
		"kubemirror.raczylo.com/transform: 'rules: [{path: data.key, template: \"{{.TargetLabels.tier}}{{len .TargetAnnotations}}\"}]', kubemirror.raczylo.com/transform-strict: 'true'",
		"kubemirror.raczylo.com/transform: 'rules: [{path: data, keep: [key]}, {path: data.other, from: data.key, move: true}]'", "kubemirror.raczylo.com/transform: 'rules: [{path: binaryData, keep: [key]}]'", "kubemirror.raczylo.com/transform: 'rules: [{path: data.key, template: \"{{.Labels.none}}\"}]', kubemirror.raczylo.com/transform-strict: 'true'"}

	syncs = []string{"'true'", "'true'", "'true'", "'true'", "'true'", "'false'", "'yes'"}

	marks = []string{"", "", "", "labels: {tier: x}", "labels: {tier: z, kubemirror.raczylo.com/allow-mirrors: 'true'}", "labels: {kubemirror.raczylo.com/allow-mirrors: 'true'}", "labels: {kubemirror.raczylo.com/allow-mirrors: 'false'}",
		"labels: {kubemirror.raczylo.com/allow-mirrors: 'perhaps'}", "annotations: {kubemirror.raczylo.com/allow-from: 'PREFIX-src'}", "annotations: {kubemirror.raczylo.com/allow-from: 'other-*'}", "annotations: {kubemirror.raczylo.com/allow-from: 'Bad_'}"}
)

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

// world makes up namespaces, sources and what is in their way.
func world(env *kit.Env, random *rand.Rand, sources int) {
	for place := range strings.FieldsSeq("a b c d e f g h") {
		text := "name: PREFIX-" + place
		if mark := pick(random, marks); mark != "" {
			text += ", " + mark
		}
		env.Apply("{apiVersion: v1, kind: Namespace, metadata: {" + text + "}}")
	}
	env.Namespace("src")
	var texts []string
	for n := range sources {
		annotations := "kubemirror.raczylo.com/sync: " + pick(random, syncs) + ", kubemirror.raczylo.com/target-namespaces: '" + pick(random, lists) + "'"
		if extra := pick(random, extras); extra != "" {
			annotations += ", " + extra
		}
		texts = append(texts, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-src, name: s%d, labels: {kubemirror.raczylo.com/enabled: 'true'}, annotations: {%s}}, data: {key: v%d}}", n, annotations, n))
		if random.IntN(6) == 0 { // something else has the name
			texts = append(texts, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: PREFIX-%s, name: s%d}}", pick(random, strings.Split("a b c d", " ")), n))
		}
	}
	env.ApplyAll(texts)
}

func TestWhatThePluginSaysWillBeThereIsWhatTheControllerMakes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			world(env, rand.New(rand.NewPCG(seed, 21)), 50) //nolint:gosec // to be played again
			u := admin(t, env)
			here := *u.flags + " --excluded-namespaces=" + env.Prefix() + "-h"
			u.flags = &here
			before := u.predicted()

			env.Start("--resource-types=ConfigMap.v1", "--excluded-namespaces="+env.Prefix()+"-h").WaitQuiet(time.Second)
			made := map[string]string{}
			for _, o := range env.List("ConfigMap", "", domain+"mirror=true") {
				if from := o.GetAnnotations()[domain+"source-namespace"]; from == env.Name("src") {
					made[o.GetAnnotations()[domain+"source-name"]+" in "+u.told(o.GetNamespace())] = u.told(o.GetName())
				}
			}
			for what, outcome := range before {
				if _, there := made[what]; there != (outcome.Outcome == "pending") {
					t.Errorf("%s: it said %q (%s), and a mirror is there: %v", what, outcome.Outcome, outcome.Why, there)
				}
			}
			for what, name := range made {
				if said, ok := before[what]; !ok || said.Mirror != name {
					t.Errorf("%s: there is a mirror %q, and it said %+v", what, name, said)
				}
			}
			for what, now := range u.predicted() {
				if _, there := made[what]; there != (now.Outcome == "in sync") || now.Action != "none" {
					t.Errorf("%s: now it says %+v, and a mirror is there: %v", what, now, there)
				}
			}
			if len(made) < 20 || len(before) < len(made)+20 {
				t.Errorf("%d mirrors of %d namespaces: the test tries too little", len(made), len(before))
			}
		})
	}
}

type target struct{ Outcome, Mirror, Action, Why string }

// predicted is what the plugin says of each source and namespace.
func (u user) predicted() map[string]target {
	u.t.Helper()
	got := u.mirror("status", "configmaps", "-n", "PREFIX-src", "-o", "json")
	var all told
	if err := json.Unmarshal([]byte(got.out), &all); err != nil {
		u.t.Fatalf("%v: %s", err, got)
	}
	found := map[string]target{}
	for _, s := range all.Sources {
		for _, t := range s.Targets {
			found[s.Name+" in "+t.Namespace] = target{t.Outcome, t.Mirror, t.Action, t.Why}
		}
	}
	return found
}
