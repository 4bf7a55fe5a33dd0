package install

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// oddity is a label or an annotation on a source, less the domain, that can't be
// read or isn't known, and what the policy says of it. The controller says the same,
// or what begins in the same way: it also says which key was likely meant, and
// of a selector what its parser does, which CEL doesn't have.
type oddity struct{ written, refusal string }

const (
	neither  = ` is neither "true" nor "false"`
	badItem  = `kubemirror.raczylo.com/target-namespaces: %q has a character that can't be in a name or glob: '%s'`
	badName  = `kubemirror.raczylo.com/target-name: reading the target name: the outcome isn't a valid name: up to 253 lower-case letters, digits, - and ., with a letter or digit at both ends`
	noNumber = `kubemirror.raczylo.com/max-targets: %q is not a whole number from 0 up`
	noRules  = `kubemirror.raczylo.com/transform: reading the rules: the text is empty`
	commas   = `; items are separated by commas`
	quotes   = `; write it without quotes`
	curly    = `; these are typographic quotes: write it without any`
	stop     = `; a namespace has no full stop in its name`
	lower    = `; a namespace's name is in lower case`
	regex    = `; it looks like a regular expression: `
	globs    = `write names, or globs where * stands for any characters and ? for one`
	brackets = `; brackets mean nothing here: write each name, between commas`
	noTarget = `kubemirror.raczylo.com/target-namespaces: "!" takes away nothing; write a name or glob behind it`
)

var malformed = []oddity{
	{"label enabled=True", `kubemirror.raczylo.com/enabled: "True"` + neither},
	{"label enabled=yes", `kubemirror.raczylo.com/enabled: "yes"` + neither},
	{"sync=yes", `kubemirror.raczylo.com/sync: "yes"` + neither},
	{"exclude=True", `kubemirror.raczylo.com/exclude: "True"` + neither},
	{"paused=\"quoted\"", `kubemirror.raczylo.com/paused: "\"quoted\""` + neither},
	{"transform-strict=1", `kubemirror.raczylo.com/transform-strict: "1"` + neither},
	{"recreate-on-immutable-change= true", `kubemirror.raczylo.com/recreate-on-immutable-change: " true"` + neither},
	{"target-namespaces=app,Team_A", fmt.Sprintf(badItem, "Team_A", "T") + lower},
	{"target-namespaces=app,a.b*", fmt.Sprintf(badItem, "a.b*", ".") + stop},
	{"target-namespaces=app, t\u00e4am", fmt.Sprintf(badItem, "t\u00e4am", "\u00e4")},
	{"target-namespaces=a;b", fmt.Sprintf(badItem, "a;b", ";") + commas},
	{"target-namespaces=a b", fmt.Sprintf(badItem, "a b", " ") + commas},
	{"target-namespaces=a\tb", fmt.Sprintf(badItem, "a\tb", `\t`) + commas},
	{"target-namespaces=a\\b", fmt.Sprintf(badItem, "a\\b", `\\`) + regex + globs},
	{"target-namespaces='a'", fmt.Sprintf(badItem, "'a'", `\'`) + quotes},
	{"target-namespaces=\"a\"", fmt.Sprintf(badItem, `"a"`, `"`) + quotes},
	{"target-namespaces=app,\u201ca\u201d", fmt.Sprintf(badItem, "\u201ca\u201d", "\u201c") + curly},
	{"target-namespaces=\u00aba\u00bb", fmt.Sprintf(badItem, "\u00aba\u00bb", "\u00ab") + curly},
	{"target-namespaces=app,^team-.*$", fmt.Sprintf(badItem, "^team-.*$", "^") + regex + "the glob is team-*"},
	{"target-namespaces=.*", fmt.Sprintf(badItem, ".*", ".") + regex + "the glob is *"},
	{"target-namespaces=!kube-.+", fmt.Sprintf(badItem, "kube-.+", ".") + regex + "the glob is kube-?*"},
	{"target-namespaces=team-(a|b)", fmt.Sprintf(badItem, "team-(a|b)", "(") + regex + globs},
	{"target-namespaces=team-[0-9]+", fmt.Sprintf(badItem, "team-[0-9]+", "[") + regex + globs},
	{"target-namespaces=team-[ab]", fmt.Sprintf(badItem, "team-[ab]", "[") + brackets},
	{"target-namespaces=[a, b]", fmt.Sprintf(badItem, "[a", "[") + brackets},
	{"target-namespaces=team.a", fmt.Sprintf(badItem, "team.a", ".") + stop},
	{"target-namespaces=a\nb", fmt.Sprintf(badItem, "a\nb", `\n`) + commas},
	{"target-namespaces=a\uff0cb", fmt.Sprintf(badItem, "a\uff0cb", "\uff0c") + commas},
	{"target-namespaces=Team-A", fmt.Sprintf(badItem, "Team-A", "T") + lower + ": write team-a"},
	{"target-namespaces=ALL", fmt.Sprintf(badItem, "ALL", "A") + lower + ": write all"},
	{"target-namespaces=a!b", fmt.Sprintf(badItem, "a!b", "!")},
	{"target-namespaces=!", noTarget},
	{"target-namespaces=*, ! ", noTarget},
	{"target-namespaces=*,!kube_*", fmt.Sprintf(badItem, "kube_*", "_")},
	{"target-namespaces=*,!!kube", fmt.Sprintf(badItem, "!kube", "!")},
	{"target-namespaces=" + strings.Repeat("a", 318), "kubemirror.raczylo.com/target-namespaces: an item of 318 characters; the most is 317" + commas},
	{"target-namespaces=" + strings.Repeat(strings.Repeat("a", 50)+",", 160) + strings.Repeat("a", 33), "kubemirror.raczylo.com/target-namespaces: it has 8193 bytes; the most is 8192"},
	{"target-namespaces=" + strings.Repeat("a,", 500) + "a", "kubemirror.raczylo.com/target-namespaces: it has 501 items; the most is 500"},
	{"target-selector=" + strings.Repeat("a", 8193), "kubemirror.raczylo.com/target-selector: it has 8193 bytes; the most is 8192"},
	{"keep-metadata=" + strings.Repeat("a", 8193), "kubemirror.raczylo.com/keep-metadata: it has 8193 bytes; the most is 8192"},
	{"target-name=" + strings.Repeat("\u00e4", 4097), "kubemirror.raczylo.com/target-name: it has 8194 bytes; the most is 8192"},
	{"sync=" + strings.Repeat("a", 8193), "kubemirror.raczylo.com/sync: it has 8193 bytes; the most is 8192"},
	{"on-delete=delete", `kubemirror.raczylo.com/on-delete: "delete" is not "retain"`},
	{"on-delete=Retain", `kubemirror.raczylo.com/on-delete: "Retain" is not "retain"`},
	{"max-targets=many", fmt.Sprintf(noNumber, "many")},
	{"max-targets=-1", fmt.Sprintf(noNumber, "-1")},
	{"max-targets=", fmt.Sprintf(noNumber, "")},
	{"max-targets=1.5", fmt.Sprintf(noNumber, "1.5")},
	{"target-name=Upper", badName},
	{"target-name=", badName},
	{"target-name=a..b", badName},
	{"target-name=" + strings.Repeat("a", 254), badName},
	{"target-kind=Pod", `kubemirror.raczylo.com/target-kind: "Pod" is neither ConfigMap nor Secret`},
	{"target-kind=secret", `kubemirror.raczylo.com/target-kind: "secret" is neither ConfigMap nor Secret`},
	{"target-kind=" + strings.Repeat("a", 8193), "kubemirror.raczylo.com/target-kind: it has 8193 bytes; the most is 8192"},
	{"transform=", noRules},
	{"transform= \n ", noRules},
	{"target-selector=team in a,b", `kubemirror.raczylo.com/target-selector: "team in a,b" can't be read; write it as for kubectl -l`},
	{"target-selector=a=b,", `kubemirror.raczylo.com/target-selector: "a=b," can't be read; write it as for kubectl -l`},
	{"target-selector=team=$x", `kubemirror.raczylo.com/target-selector: "team=$x" can't be read; write it as for kubectl -l`},
	{"transforms=rules: []", "unknown annotation kubemirror.raczylo.com/transforms"},
	{"exlude=true", "unknown annotation kubemirror.raczylo.com/exlude"},
	{"Exclude=true", "unknown annotation kubemirror.raczylo.com/Exclude"},
	{"label excluded=true", "unknown label kubemirror.raczylo.com/excluded"},
	{"label sync=true", "kubemirror.raczylo.com/sync is an annotation, not a label"},
	{"label target-namespaces=app", "kubemirror.raczylo.com/target-namespaces is an annotation, not a label"},
	{"enabled=true", "kubemirror.raczylo.com/enabled is a label, not an annotation"},
	{"mirror=true", "kubemirror.raczylo.com/mirror is a label, not an annotation"},
	{"allow-from=app", "kubemirror.raczylo.com/allow-from belongs on a namespace"},
	{"label allow-mirrors=true", "kubemirror.raczylo.com/allow-mirrors belongs on a namespace"},
}

// readable is what the policy must not refuse, since the controller reads it, or
// since only the controller can tell that it can't be read.
var readable = []string{
	"sync=true", "paused=false", "paused=", "exclude=",
	"target-namespaces=", "target-namespaces= , ,app", "target-namespaces=! kube-*,!a?,*", "target-namespaces=!\u00a0app,app\u00a0", "target-namespaces=-",
	"target-namespaces=" + strings.Repeat("a,", 499) + "a", "target-namespaces=" + strings.Repeat(strings.Repeat("a", 50)+",", 160) + strings.Repeat("a", 32),
	"max-targets=0", "max-targets=007", "max-targets=+5", "max-targets=-0",
	"target-name=a.b-c", "target-name= db ", "target-name={{.TargetNamespace}}-DB",
	"target-selector=", "target-selector= a , !b,! c, d/e=f ,g==h,i != j,k in (l, m),n notin(o),p>1,q<-2,r=,in in (notin)",
	"target-selector=a=-b-", "transform=rules: [", "transform-strict=true", "recreate-on-immutable-change=true",
	"on-delete=retain", "on-delete=", "target-kind=Secret", "target-kind=ConfigMap", "target-kind=", "keep-metadata=argocd.argoproj.io/*,helm.sh/chart", "keep-metadata=!x",
	"label enabled=false", "label enabled=",
	// What is left of the mirror that it was.
	"mirror-id=secrets/a/b", "source-keys=x", "source-namespace=a", "source-name=b", "source-uid=c", "source-content-hash=d", "source-generation=1",
	"source-resource-version=2", "last-sync-time=now", "label mirror=true", "label managed-by=kubemirror", "sync-status=1/1 synced", "failed-targets=a",
}

func TestWhatCantBeReadOrIsntKnownIsRefused(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	config := admin(t, env)
	holds(t, env, false) // not the one of another test
	for i, annotation := range []string{"max-targets=-1", `paused="quoted"`, "exlude=true"} {
		env.Apply(written(fmt.Sprintf("m%d", i+1), annotation))
	}
	policed(t, env)
	refusals := refusals(t, env, config)
	for i, row := range malformed {
		if got := refusals[fmt.Sprintf("new-m%d", i)]; !strings.HasSuffix(got, "denied request: "+row.refusal) {
			t.Errorf("%.60q: it is refused with %q, want %q", row.written, got, row.refusal)
		}
	}
	for i, what := range readable {
		if got := refusals[fmt.Sprintf("new-r%d", i)]; got != "" {
			t.Errorf("%.60q: it is refused with %q", what, got)
		}
	}
	do(t, env, "kubemirror-sources", config, []deed{
		{"change the content of one that can't be read", "", "", `patch secret m1 --type=merge -p {"data":{"k":"eA=="}}`, ""},
		{"annotate it for another tool", "", "", `annotate secret m2 example.com/a=b`, ""},
		{"annotate one with an unknown key for another tool", "", "", `annotate secret m3 example.com/a=b`, ""},
		{"annotate it for us", "", "", `annotate secret m2 kubemirror.raczylo.com/max-targets=1`, `kubemirror.raczylo.com/paused: "\"quoted\"" is neither`},
		{"mend it", "", "", `annotate --overwrite secret m2 kubemirror.raczylo.com/paused=true`, ""},
		{"mend the key", "", "", `annotate secret m3 kubemirror.raczylo.com/exlude- kubemirror.raczylo.com/exclude=false`, ""},
		{"mistype the value of the label", "", "", `label --overwrite secret m3 kubemirror.raczylo.com/enabled=True`, `kubemirror.raczylo.com/enabled: "True" is neither`},
		{"turn it off by the label", "", "", `label --overwrite secret m3 kubemirror.raczylo.com/enabled=false`, ""},
		{"write nonsense on what is off", "", "", `annotate secret m3 kubemirror.raczylo.com/sink=true`, ""},
		{"turn it on with that", "", "", `label --overwrite secret m3 kubemirror.raczylo.com/enabled=true`, "unknown annotation kubemirror.raczylo.com/sink"},
		{"label it later", strings.Replace(written("later", "paused=perhaps"), domain+"enabled", "example.com/enabled", 1), "", "label secret later kubemirror.raczylo.com/enabled=true", `"perhaps" is neither`},
		{"mistype the key that turns it on", "", strings.Replace(asking("key"), "sync:", "synk:", 1), "create -f-", "unknown annotation kubemirror.raczylo.com/synk"},
		{"make an Event that is no source", "", event("default", "kind: Namespace, name: default", "kubemirror.raczylo.com/enabled: 'True'"), "create --namespace=default -f-", ""},
	})
}

func TestASourceHasNoMoreLabelsAndAnnotationsThanAPolicyCanRead(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	policed(t, env)
	many := func(n int) string {
		return strings.TrimSuffix(asking("crowd", "target-namespaces=all")+"    "+strings.Join(numbered("a%d: x", n-2), "\n    "), "    ")
	}
	labelled := func(n int) string {
		return strings.Replace(asking("labels"), `enabled: "true"`, `enabled: "true", `+strings.Join(numbered("l%d: x", n-1), ", "), 1)
	}
	do(t, env, "kubemirror-sources", admin(t, env), []deed{
		{"make one with 500 annotations", "", many(500), "create -f-", ""},
		{"change its content", "", "", `patch secret crowd --type=merge -p {"data":{"k":"eA=="}}`, ""},
		{"annotate it once more", "", "", "annotate secret crowd a=b", "it has 501 annotations; the most on a source is 500"},
		{"turn it off and do so", "", "", `patch secret crowd --type=merge -p {"metadata":{"annotations":{"a":"b","kubemirror.raczylo.com/exclude":"true"}}}`, "it has 502 annotations"},
		{"make one with 501", "", strings.ReplaceAll(many(501), "crowd", "more"), "create -f-", "it has 501 annotations"},
		{"make one with 500 labels", "", labelled(500), "create -f-", ""},
		{"label it once more", "", "", "label secret labels a=b", "it has 501 labels; the most on a source is 500"},
	})
}

// numbered are n texts of a number each.
func numbered(format string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf(format, i)
	}
	return texts
}

// keys are all that a source's author writes, and KubeMirror on it.
var keys = []string{"sync", "target-namespaces", "target-selector", "target-name", "max-targets", "transform", "transform-strict", "exclude", "paused",
	"recreate-on-immutable-change", "target-kind", "mirror-of", "allow-to", "keep-metadata", "on-delete", "sync-status", "failed-targets"}

func TestNoTypingErrorInAKeyIsSilent(t *testing.T) {
	env := kit.New(t)
	env.Namespace("src")
	policed(t, env)
	tried, senders := map[string]bool{}, senders{}
	for _, key := range keys {
		for _, typo := range typos(key) {
			if tried[typo] {
				continue
			}
			tried[typo] = true
			code, answer := senders.send(t, env, request{typo, "admin", http.MethodPost, "/api/v1/namespaces/" + env.Name("src") + "/secrets", secretOf(meta{
				"name": "typo", "labels": map[string]any{domain + "enabled": "true"}, "annotations": map[string]any{domain + "sync": "true", domain + typo: "true"}})}, true)
			if code != http.StatusUnprocessableEntity || !strings.Contains(answer, "unknown annotation "+domain+typo+`"`) {
				t.Errorf("%s is not told: %d %.300s", typo, code, answer)
			}
		}
	}
}

// typos are what comes of a key by one letter left out, doubled, changed or swapped.
func typos(key string) []string {
	var typos []string
	for i := range key {
		typos = append(typos, key[:i]+key[i+1:], key[:i]+key[i:i+1]+key[i:], key[:i]+"x"+key[i+1:])
		if i > 0 && key[i] != key[i-1] {
			typos = append(typos, key[:i-1]+key[i:i+1]+key[i-1:i]+key[i+1:])
		}
	}
	valid := regexp.MustCompile(`^[a-z]([a-z-]*[a-z])?$`)
	var kept []string
	for _, typo := range typos {
		if valid.MatchString(typo) && typo != key {
			kept = append(kept, typo)
		}
	}
	return kept
}

// written is a source with one label or annotation, as an oddity has it.
func written(name, what string) string {
	text := asking(name)
	if label, ok := strings.CutPrefix(what, "label "); ok {
		key, value, _ := strings.Cut(label, "=")
		labels := fmt.Sprintf("{%senabled: %q, %s%s: %q}", domain, "true", domain, key, value)
		if key == "enabled" {
			labels = fmt.Sprintf("{%senabled: %q}", domain, value)
		}
		return strings.Replace(text, `{kubemirror.raczylo.com/enabled: "true"}`, labels, 1)
	}
	text = asking(name, what)
	if strings.HasPrefix(what, "sync=") {
		text = strings.Replace(text, `    kubemirror.raczylo.com/sync: "true"`+"\n", "", 1)
	}
	return text
}

// refusals are what the server says to new sources with each of malformed and of
// readable, by name.
func refusals(t *testing.T, env *kit.Env, config string) map[string]string {
	t.Helper()
	var text strings.Builder
	for i, row := range malformed {
		text.WriteString(written(fmt.Sprintf("new-m%d", i), row.written) + "---")
	}
	for i, what := range readable {
		text.WriteString(written(fmt.Sprintf("new-r%d", i), what) + "---")
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

// told is what the controller says about the source, less the count of mirrors.
var told = regexp.MustCompile(`^(?:stopped|\d+/\d+ synced): (.*)$`)

func TestTheControllerSaysOfASourceWhatThePolicySays(t *testing.T) {
	env := kit.New(t)
	src, system := env.Namespace("src"), "system-"+env.Prefix()
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	release(t, env, system, "--set=policies.sources.enabled=false", "--set=controller.includedNamespaces="+env.Prefix()+"-*", "--set=controller.sourceNamespaces="+env.Prefix()+"-*")
	holds(t, env, false)
	start(t, env, system)
	for i, row := range malformed {
		name := fmt.Sprintf("m%d", i)
		env.Apply(written(name, row.written))
		env.WaitFor(kit.Object("Secret", src, name), "is told of", func(o *unstructured.Unstructured) error {
			said := o.GetAnnotations()[domain+"sync-status"]
			found := told.FindStringSubmatch(said)
			if found == nil || !sameWords(found[1], row.refusal) {
				return fmt.Errorf("%.60q: its status is %q, and the policy says %q", row.written, said, row.refusal)
			}
			return nil
		})
	}
}

// sameWords reports whether the controller's words are the policy's, as far as CEL
// can say them.
func sameWords(controller, policy string) bool {
	if strings.HasPrefix(policy, domain+"target-selector: \"") {
		return strings.HasPrefix(controller, domain+"target-selector: ") && strings.HasSuffix(controller, "; write it as for kubectl -l")
	}
	if strings.HasPrefix(policy, "unknown ") {
		return controller == policy || strings.HasPrefix(controller, policy+"; did you mean ")
	}
	return controller == policy
}
