package types

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// TestEveryKindThatTheServerHasByItselfIsInTheReferenceAndTreatedAsItSays fails for who
// raises the version of Kubernetes, until the new kinds have been decided on.
func TestEveryKindThatTheServerHasByItselfIsInTheReferenceAndTreatedAsItSays(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	rows := documented(t)
	km := env.Start("--leader-elect=false") // a standby is ready before it has looked
	line := lineWith(km.Log(), "Completed resource discovery", "Secret.v1")
	served := builtInKinds(t, env)
	for _, kind := range served {
		var in []string
		for row, kinds := range rows {
			if slices.Contains(kinds, kind.Kind) {
				in = append(in, row)
			}
		}
		if len(in) != 1 {
			t.Errorf("%s is in %d rows of the reference: what does a copy of it do?", kind, len(in))
			continue
		}
		on := regexp.MustCompile(`"` + kind.Kind + `\.v[0-9a-z]+` + regexp.QuoteMeta(strings.TrimSuffix("."+kind.Group, ".")) + `"`).MatchString(line)
		if on != (in[0] == "on") {
			t.Errorf("%s: the reference says %q, and without being named it is on: %v", kind, in[0], on)
		}
	}
	if len(served) < 25 || len(rows["on"]) == 0 || line == "" {
		t.Errorf("the server has %v, the reference %v, and the log %q", served, rows, line)
	}
}

// documented are the rows of the reference's table of Kubernetes' own kinds.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	root, err := repo.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, row := range []string{"on", "only when named", "never"} {
		_, rest, _ := strings.Cut(string(text), "\n  | "+row+" | ")
		kinds, _, _ := strings.Cut(rest, " |\n")
		rows[row] = strings.Split(kinds, ", ")
	}
	return rows
}

// builtInKinds are the namespaced kinds of the groups that the server serves itself,
// by its own mark on their APIServices. A definition's group has another one.
func builtInKinds(t *testing.T, env *kit.Env) []schema.GroupKind {
	t.Helper()
	own := map[string]bool{}
	for _, o := range env.List("APIService.v1.apiregistration.k8s.io", "", "kube-aggregator.kubernetes.io/automanaged=onstart") {
		_, group, _ := strings.Cut(o.GetName(), ".")
		own[group] = true
	}
	config, err := env.ControlPlane().RESTConfig("admin", controlplane.Admins)
	if err != nil {
		t.Fatal(err)
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[schema.GroupKind]bool{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.APIResources {
			if stored := !strings.Contains(r.Name, "/") && slices.Contains(r.Verbs, "update"); own[gv.Group] && r.Namespaced && stored {
				kinds[schema.GroupKind{Group: gv.Group, Kind: r.Kind}] = true
			}
		}
	}
	var sorted []schema.GroupKind
	for kind := range kinds {
		sorted = append(sorted, kind)
	}
	slices.SortFunc(sorted, func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	return sorted
}
