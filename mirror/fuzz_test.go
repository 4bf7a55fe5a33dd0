package mirror

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// naively reports whether an item of a comma list, a name or glob, matches a name.
func naively(list, name string) bool {
	for item := range strings.SplitSeq(list, ",") {
		glob := regexp.QuoteMeta(strings.TrimSpace(item))
		glob = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(glob)
		if glob != "" && regexp.MustCompile("^(?s:"+glob+")$").MatchString(name) {
			return true
		}
	}
	return false
}

// Whatever a source asks for: what can't be read asks for nothing, what is taken away
// doesn't come, and what comes was asked for.
func FuzzParseTargets(f *testing.F) {
	for _, list := range []string{"a,b", "all,!team-*", "all-labeled", "!a, *", "a;b", "“a”", "!", "a,,b ", "*-?", "ALL", "all labeled"} {
		f.Add(list, "", "a")
		f.Add(list, "env in (a,b),!x", "team-a")
	}
	f.Fuzz(func(t *testing.T, list, selector, name string) {
		targets, err := ParseTargets(list, selector)
		ns := &Namespace{Identity: Identity{Name: name}}
		if err != nil {
			if targets.Match(ns) || !targets.empty() || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q, %q: %v, and it asks for something", list, selector, err)
			}
			return
		}
		var wanted, unwanted []string
		for item := range strings.SplitSeq(list, ",") {
			if taken, negative := strings.CutPrefix(strings.TrimSpace(item), "!"); negative {
				unwanted = append(unwanted, strings.TrimSpace(taken))
			} else {
				wanted = append(wanted, strings.ReplaceAll(item, all, "*")) // all and all-labeled
			}
		}
		got := targets.Match(ns)
		if got && naively(strings.Join(unwanted, ","), name) {
			t.Fatalf("%q goes to %q, which it takes away", list, name)
		}
		if got && strings.TrimSpace(selector) == "" && !naively(strings.Join(wanted, ","), name) {
			t.Fatalf("%q goes to %q, which it doesn't ask for", list, name)
		}
	})
}

// A namespace that says yes says it in so many words.
func FuzzConsent(f *testing.F) {
	for _, value := range []string{"", "true", "false", "True", "no", "0", " true"} {
		f.Add(value, "", "team-a", false)
		f.Add(value, "team-*, ops", "team-a", true)
		f.Add(value, "!team-a", "team-a", true)
	}
	f.Fuzz(func(t *testing.T, value, allowFrom, source string, restricted bool) {
		m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "target", Labels: map[string]string{api.LabelAllowMirrors: value}}}
		if restricted {
			m.Annotations = map[string]string{api.AnnotationAllowFrom: allowFrom}
		}
		got, err := IngestNamespace(m)
		if err != nil {
			t.Fatal(err)
		}
		if got.(*Namespace).Consent(source) != ConsentGiven {
			return
		}
		if value != "true" || restricted && !naively(allowFrom, source) {
			t.Fatalf("allow-mirrors %q and allow-from %q (there: %v) let %q in", value, allowFrom, restricted, source)
		}
	})
}

// A source that is followed has no key of ours that isn't known, and no switch that is
// neither on nor off; one that isn't says why in one line.
func FuzzSource(f *testing.F) {
	for _, annotations := range []string{
		`{"sync":"true","target-namespaces":"all"}`, `{"sync":"true","target-namespace":"a"}`, `{"sync":"TRUE"}`, `{"sync":"true","exclude":"true"}`,
		`{"sync":"true","max-targets":"-1"}`, `{"sync":"true","target-name":"{{ .Name }}-x"}`, `{"sync":"true","keep-metadata":"helm.sh/*"}`, `{"sync":"true","keep-metadata":"!a"}`, `{"sync":"true","transform":"rules: [{path: data.a, delete: true}]"}`,
	} {
		f.Add(annotations)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var keys map[string]string
		if json.Unmarshal([]byte(text), &keys) != nil {
			return
		}
		annotations := map[string]string{}
		for key, value := range keys {
			annotations[api.Domain+"/"+key] = value
		}
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "canary-5d41"}}}
		u.SetName("s")
		u.SetNamespace("src")
		u.SetLabels(map[string]string{api.LabelEnabled: "true"})
		u.SetAnnotations(annotations)
		s := (&Settings{MaxTargets: 100}).NewSource(configMaps.GroupResource(), u)
		for _, problem := range s.Problems {
			if strings.Contains(problem, "canary-5d41") || strings.Contains(problem, "\n") {
				t.Fatalf("%s: it says %q", text, problem)
			}
		}
		if s.Mode != On {
			return
		}
		if annotations[api.AnnotationSync] != "true" || annotations[api.AnnotationExclude] == "true" || annotations[api.AnnotationPaused] == "true" {
			t.Fatalf("%s is followed", text)
		}
		if err := onSource.check(u.GetLabels(), annotations); err != nil {
			t.Fatalf("%s is followed, though %v", text, err)
		}
	})
}

// Whatever a source lets through: no key of ours goes out, nor one that may hold what rules
// take out, and none that isn't stripped is held back by it.
func FuzzKeepMetadata(f *testing.F) {
	for _, list := range []string{"", "*", "argocd.argoproj.io/*", "helm.sh/chart, meta.helm.sh/*", "kubectl.kubernetes.io/last-applied-configuration", "kubemirror.raczylo.com/*", "k*,?*", "!a", "[a]"} {
		f.Add(list, "helm.sh/chart")
		f.Add(list, "team")
		f.Add(list, "kubemirror.raczylo.com/sync")
		f.Add(list, "kopf.zalando.org/last-handled-configuration")
	}
	f.Fuzz(func(t *testing.T, list, key string) {
		byDefault, err := ParseStrip("private.example.com/*")
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]string{key: "x"}
		strip, err := byDefault.less(list, keys, nil)
		if err != nil {
			return
		}
		_, before := carried(keys, byDefault)[key]
		_, after := carried(keys, strip)[key]
		never := strings.HasPrefix(key, api.Domain+"/") || naively(alwaysStripped+",private.example.com/*", key)
		if before && !after || after && never || after && !before && !naively(list, key) {
			t.Fatalf("with %q, %q goes out: %v, and without: %v", list, key, after, before)
		}
	})
}

// Whatever somebody puts into managedFields: a list that covers content names each key of it.
func FuzzCovers(f *testing.F) {
	f.Add(`{"f:data":{".":{},"f:a":{},"f:b":{}}}`, "a", "b")
	f.Add(`{"f:data":{}}`, "a", "b")
	f.Add(`{"f:data":{"f:a":{"f:x":1}}}`, "a", "x")
	f.Add(`{"f:data":[]}`, "", ".")
	f.Fuzz(func(t *testing.T, text, one, other string) {
		content := map[string]any{"data": map[string]any{one: "x", other: "y"}}
		if !covers(text, content, schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}) {
			return
		}
		var tree map[string]map[string]any
		_ = json.Unmarshal([]byte(text), &tree) // other branches may be anything
		for _, key := range []string{one, other} {
			if _, ok := tree["f:data"]["f:"+key]; !ok {
				t.Fatalf("%s is taken to have %q", text, key)
			}
		}
	})
}

// What an asker may write names an object that there can be, and reads as he wrote it.
func FuzzMirrorOf(f *testing.F) {
	for _, text := range []string{"secrets/db", "secrets/platform/registry", "certificates.cert-manager.io/web", "Secret/x", "secrets/../x", "secrets//", "roles.rbac.authorization.k8s.io/a/b", "secrets/here/x", "\xff/a/b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		of, err := parseMirrorOf(text, "here")
		switch {
		case err != nil && len(err.Error()) > 1200:
			t.Errorf("the error has %d bytes", len(err.Error()))
		case err != nil:
		case of.text() != text && of.text() != strings.Replace(text, "/", "/here/", 1):
			t.Errorf("%q names %s", text, of.text())
		case of.Namespace == "" || of.Name == "" || of.Type.Resource == "" || strings.ContainsAny(of.Namespace+of.Name, "/%") || len(of.Name) > maxName || len(of.Namespace) > maxNamespace:
			t.Errorf("%q names what can't be: %v", text, of)
		}
	})
}
