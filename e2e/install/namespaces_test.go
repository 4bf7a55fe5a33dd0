package install

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const badFrom = `kubemirror.raczylo.com/allow-from: %q has a character that can't be in a name or glob: '%s'`

// unwelcome are labels and annotations of a namespace that can't be read or aren't known, and what
// the policy says.
var unwelcome = []oddity{
	{"label allow-mirrors=False", `kubemirror.raczylo.com/allow-mirrors: "False"` + neither},
	{"label allow-mirrors=no", `kubemirror.raczylo.com/allow-mirrors: "no"` + neither},
	{"label allow-mirrors=0", `kubemirror.raczylo.com/allow-mirrors: "0"` + neither},
	{"label allow-mirrors=TRUE", `kubemirror.raczylo.com/allow-mirrors: "TRUE"` + neither},
	{"label allow-mirrors=", `kubemirror.raczylo.com/allow-mirrors: ""` + neither},
	{"allow-from=all", `kubemirror.raczylo.com/allow-from: "all" can't be read as a name or glob; write * for every namespace`},
	{"allow-from=platform, all-labeled", `kubemirror.raczylo.com/allow-from: "all-labeled" can't be read as a name or glob; write * for every namespace`},
	{"allow-from=Platform", fmt.Sprintf(badFrom, "Platform", "P") + lower + ": write platform"},
	{"allow-from=*,!lab", fmt.Sprintf(badFrom, "!lab", "!")},
	{"allow-from=a;b", fmt.Sprintf(badFrom, "a;b", ";") + commas},
	{"allow-from=a b", fmt.Sprintf(badFrom, "a b", " ") + commas},
	{"allow-from=\u201ca\u201d", fmt.Sprintf(badFrom, "\u201ca\u201d", "\u201c") + curly},
	{"allow-from=^team-.*$", fmt.Sprintf(badFrom, "^team-.*$", "^") + regex + "the glob is team-*"},
	{"allow-from=" + strings.Repeat("a", 318), "kubemirror.raczylo.com/allow-from: an item of 318 characters; the most is 317" + commas},
	{"allow-from=" + strings.Repeat("a", 8193), "kubemirror.raczylo.com/allow-from: it has 8193 bytes; the most is 8192"},
	{"allow-from=" + strings.Repeat("a,", 500), "kubemirror.raczylo.com/allow-from: it has 501 items; the most is 500"},
	{"allow-form=platform", "unknown annotation kubemirror.raczylo.com/allow-form"},
	{"sync=true", "unknown annotation kubemirror.raczylo.com/sync"},
	{"label allow-mirror=false", "unknown label kubemirror.raczylo.com/allow-mirror"},
	{"label enabled=true", "unknown label kubemirror.raczylo.com/enabled"},
	{"label allow-from=platform", "kubemirror.raczylo.com/allow-from is an annotation, not a label"},
	{"allow-mirrors=false", "kubemirror.raczylo.com/allow-mirrors is a label, not an annotation"},
}

var welcome = []string{
	"label allow-mirrors=true", "label allow-mirrors=false", "allow-from=", "allow-from= , ", "allow-from=*", "allow-from=platform, team-?,*-ops", "allow-from=-",
	"allow-from=" + strings.Repeat("a,", 499),
}

// saying is a namespace with one label or annotation, as an oddity has it.
func saying(name, what string) string {
	field, pair := "annotations", what
	if label, ok := strings.CutPrefix(what, "label "); ok {
		field, pair = "labels", label
	}
	key, value, _ := strings.Cut(pair, "=")
	return fmt.Sprintf("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: PREFIX-%s, %s: {%s%s: %q}}\n", name, field, domain, key, value)
}

// administrators of namespaces are who the policy is for.
const administrators = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-namespaces}
rules: [{apiGroups: [""], resources: [namespaces, namespaces/status, namespaces/finalize], verbs: ["*"]}]
`

func TestWhatANamespaceSaysOfMirrorsCanBeRead(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	holds(t, env, false) // not the one of another test
	for i, what := range []string{"label allow-mirrors=False", "allow-from=all", "allow-form=a"} {
		env.Apply(saying(fmt.Sprintf("old%d", i), what))
	}
	env.Apply(administrators)
	policed(t, env)
	grant(env, env.Name("boss"), env.Name("namespaces"), "")
	config := kubeconfig(t, env, env.Name("boss"))

	var text strings.Builder
	for i, row := range unwelcome {
		text.WriteString(saying(fmt.Sprintf("m%d", i), row.written))
	}
	for i, what := range welcome {
		text.WriteString(saying(fmt.Sprintf("r%d", i), what))
	}
	got := run(t, strings.ReplaceAll(text.String(), "PREFIX", env.Prefix()), "kubectl", "--kubeconfig="+config, "create", "--dry-run=server", "-f-")
	if n := strings.Count(got.out, "created"); n != len(welcome) {
		t.Errorf("%d of %d readable ones are taken: %s", n, len(welcome), got)
	}
	for i, row := range unwelcome {
		refusal := regexp.MustCompile(fmt.Sprintf(`namespaces "%s-m%d" .*denied request: (.*)`, env.Prefix(), i)).FindStringSubmatch(got.errors)
		if refusal == nil || refusal[1] != row.refusal {
			t.Errorf("%.60q: it is refused with %q, want %q", row.written, refusal, row.refusal)
		}
	}
	do(t, env, "kubemirror-namespaces", config, []deed{
		{"label one for another tool that can't be read", "", "", "label namespace PREFIX-old0 a=b", ""},
		{"annotate another", "", "", "annotate namespace PREFIX-old1 a=b", ""},
		{"mend the label of one with an unknown annotation", "", "", "label namespace PREFIX-old2 kubemirror.raczylo.com/allow-mirrors=false", ""},
		{"mend the first", "", "", "label --overwrite namespace PREFIX-old0 kubemirror.raczylo.com/allow-mirrors=false", ""},
		{"mistype it in another way", "", "", "label --overwrite namespace PREFIX-old0 kubemirror.raczylo.com/allow-mirrors=off", `allow-mirrors: "off" is neither`},
		{"mistype it through the status", "", "", `patch namespace PREFIX-old0 --subresource=status --type=merge -p {"metadata":{"labels":{"kubemirror.raczylo.com/allow-mirrors":"off"}}}`, `"off" is neither`},
		{"take it off", "", "", "label namespace PREFIX-old0 kubemirror.raczylo.com/allow-mirrors-", ""},
		{"take what can't be read off", "", "", "annotate namespace PREFIX-old1 kubemirror.raczylo.com/allow-from-", ""},
		{"delete one", "", "", "delete namespace PREFIX-old2 --wait=false", ""},
		{"fill one with labels", "", "---\n" + filled, "apply --server-side --namespace= -f-", ""},
		{"mistype the consent of that", "", "", "label namespace PREFIX-filled kubemirror.raczylo.com/allow-mirrors=off", `"off" is neither`},
	})
	env.Delete(kit.Object("Namespace", "", env.Name("filled")))
}

// filled is a namespace with more labels and annotations than a policy looks at.
var filled = "{apiVersion: v1, kind: Namespace, metadata: {name: PREFIX-filled, labels: {" + strings.Join(numbered("l%d: x", 600), ", ") +
	"}, annotations: {" + strings.Join(numbered("a%d: x", 600), ", ") + "}}}"
