package install

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// malformed are annotations that can't be read. The controller's words about a
// selector are its parser's, which CEL doesn't have; ours end in the same advice.
var malformed = []struct{ annotation, ours string }{
	{"sync=yes", ""},
	{"exclude=True", ""},
	{"paused=\"quoted\"", ""},
	{"transform-strict=1", ""},
	{"recreate-on-immutable-change= true", ""},
	{"target-namespaces=app,Team_A", ""},
	{"target-namespaces=app,a.b*", ""},
	{"target-namespaces=app, t\u00e4am", ""},
	{"target-namespaces=!", ""},
	{"target-namespaces=*, ! ", ""},
	{"target-namespaces=*,!kube_*", ""},
	{"target-namespaces=*,!!kube", ""},
	{"target-namespaces=" + strings.Repeat("a", 318), ""},
	{"max-targets=many", ""},
	{"max-targets=-1", ""},
	{"max-targets=", ""},
	{"max-targets=1.5", ""},
	{"target-name=Upper", ""},
	{"target-name=", ""},
	{"target-name=a..b", ""},
	{"target-name=" + strings.Repeat("a", 254), ""},
	{"transform=", ""},
	{"transform= \n ", ""},
	{"target-selector=team in a,b", `kubemirror.raczylo.com/target-selector: "team in a,b" can't be read; write it as for kubectl -l`},
	{"target-selector=a=b,", `kubemirror.raczylo.com/target-selector: "a=b," can't be read; write it as for kubectl -l`},
	{"target-selector=team=$x", `kubemirror.raczylo.com/target-selector: "team=$x" can't be read; write it as for kubectl -l`},
}

// readable is what the policy must not refuse, since the controller reads it, or
// since only the controller can tell that it can't be read.
var readable = []string{
	"sync=true", "paused=false", "paused=", "exclude=",
	"target-namespaces=", "target-namespaces= , ,app", "target-namespaces=! kube-*,!a?,*", "target-namespaces=!\u00a0app,app\u00a0", "target-namespaces=-",
	"max-targets=0", "max-targets=007", "max-targets=+5", "max-targets=-0",
	"target-name=a.b-c", "target-name= db ", "target-name={{.TargetNamespace}}-DB",
	"target-selector=", "target-selector= a , !b,! c, d/e=f ,g==h,i != j,k in (l, m),n notin(o),p>1,q<-2,r=,in in (notin)",
	"target-selector=a=-b-", "transform=rules: [", "transform-strict=true",
}

// told is what the controller says about the source, less the count of mirrors.
var told = regexp.MustCompile(`^(?:stopped|\d+/\d+ synced): (.*)$`)

func TestWhatCantBeReadIsRefusedInTheControllersWords(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	system := "system-" + env.Prefix()
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	flags := []string{"--set=controller.includedNamespaces=" + env.Prefix() + "-*", "--set=controller.sourceNamespaces=" + env.Prefix() + "-*"}
	release(t, env, system, append(flags, "--set=policies.sources.enabled=false")...)
	holds(t, env, false)
	km := start(t, env, system)
	said := make([]string, len(malformed))
	for i, row := range malformed {
		name := fmt.Sprintf("m%d", i)
		env.Apply(written(name, row.annotation))
		env.WaitFor(kit.Object("Secret", env.Name("src"), name), "is told of", func(o *unstructured.Unstructured) error {
			found := told.FindStringSubmatch(o.GetAnnotations()[domain+"sync-status"])
			if found == nil {
				return fmt.Errorf("its status is %q", o.GetAnnotations()[domain+"sync-status"])
			}
			said[i] = found[1]
			return nil
		})
	}
	km.Stop()

	config := admin(t, env)
	must(t, "turn the policy on", helm(t, append([]string{"upgrade", "kubemirror", path(t, "charts", "kubemirror"), "--namespace=" + system, "--kubeconfig=" + config}, flags...)...))
	holds(t, env, true)
	refusals := refusals(t, env, config)
	for i, row := range malformed {
		if row.ours != "" {
			if !strings.HasPrefix(said[i], domain+"target-selector: ") || !strings.HasSuffix(said[i], "; write it as for kubectl -l") {
				t.Errorf("%q: the controller says %q", row.annotation, said[i])
			}
			said[i] = row.ours
		}
		if got := refusals[fmt.Sprintf("new-m%d", i)]; !strings.HasSuffix(got, "denied request: "+said[i]) {
			t.Errorf("%q: it is refused with %q, and the controller says %q", row.annotation, got, said[i])
		}
	}
	for i, annotation := range readable {
		if got := refusals[fmt.Sprintf("new-r%d", i)]; got != "" {
			t.Errorf("%q: it is refused with %q", annotation, got)
		}
	}
	do(t, env, "kubemirror-sources", config, []deed{
		{"change the content of one that can't be read", "", "", `patch secret m1 --type=merge -p {"data":{"k":"eA=="}}`, ""},
		{"annotate it for another tool", "", "", `annotate secret m2 example.com/a=b`, ""},
		{"annotate it for us", "", "", `annotate secret m2 kubemirror.raczylo.com/max-targets=1`, `kubemirror.raczylo.com/paused: "\"quoted\"" is neither`},
		{"mend it", "", "", `annotate --overwrite secret m2 kubemirror.raczylo.com/paused=true`, ""},
		{"label it later", strings.Replace(written("later", "paused=perhaps"), "enabled", "disabled", 1), "", "label secret later kubemirror.raczylo.com/enabled=true", `"perhaps" is neither`},
	})
}

// written is a source with one annotation.
func written(name, annotation string) string {
	text := asking(name, annotation)
	if strings.HasPrefix(annotation, "sync=") {
		text = strings.Replace(text, `    kubemirror.raczylo.com/sync: "true"`+"\n", "", 1)
	}
	return text
}

// refusals are what the server says to new sources with those annotations, by
// name.
func refusals(t *testing.T, env *kit.Env, config string) map[string]string {
	t.Helper()
	var text strings.Builder
	for i, row := range malformed {
		text.WriteString(written(fmt.Sprintf("new-m%d", i), row.annotation) + "---")
	}
	for i, annotation := range readable {
		text.WriteString(written(fmt.Sprintf("new-r%d", i), annotation) + "---")
	}
	got := run(t, strings.ReplaceAll(text.String(), "PREFIX", env.Prefix()), "kubectl", "--kubeconfig="+config, "create", "--dry-run=server", "-f-")
	if n := strings.Count(got.out, "created"); n != len(readable) {
		t.Errorf("%d of %d readable ones are taken: %s", n, len(readable), got)
	}
	refusals := map[string]string{}
	for line := range strings.Lines(got.errors) {
		if name := regexp.MustCompile(`secrets "(.*?)"`).FindStringSubmatch(line); name != nil {
			refusals[name[1]] = strings.TrimSuffix(line, "\n")
		}
	}
	return refusals
}
