package explain

import (
	"regexp"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestStatusTreeAndWaitSayHowFarSourcesAreInSync(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	for _, name := range []string{"platform", "a", "b"} {
		env.Namespace(name)
	}
	u := admin(t, env)
	good := source(env, "good", `kubemirror.raczylo.com/target-namespaces: "PREFIX-a,PREFIX-b"`)
	source(env, "halted", `kubemirror.raczylo.com/target-namespaces: "PREFIX_a"`)
	env.Apply("{apiVersion: v1, kind: Secret, metadata: {name: half, namespace: PREFIX-b}}")
	half := source(env, "half", `kubemirror.raczylo.com/target-namespaces: "PREFIX-a,PREFIX-b"`)
	u.expect(1, "wait secret/good -n PREFIX-platform --timeout=0s", "", `
secrets/good in PREFIX-platform: 0 of 2 in sync after 0s
  PREFIX-a: the controller is about to create it
  PREFIX-b: the controller is about to create it
`)
	env.Start("--resource-types=Secret.v1")
	u.expect(0, "wait secret/good -n PREFIX-platform --timeout=30s", "secrets/good in PREFIX-platform is in sync in 2 namespaces", "")
	synced(env, good, "2/2")
	synced(env, half, "1/2")

	for args, want := range map[string]string{
		"": `
NAMESPACE  SOURCE  SYNCED  LATE  PROBLEM
PREFIX-platform  secrets/good  2/2  -  -
PREFIX-platform  secrets/half  1/2  AGO  1 ForeignObject
PREFIX-platform  secrets/halted  0/0  -  InvalidAnnotation`,
		"--problems -o wide": `
NAMESPACE  SOURCE  SYNCED  LATE  PROBLEM  NAMESPACES  STATUS
PREFIX-platform  secrets/half  1/2  AGO  1 ForeignObject  PREFIX-b  1/2 synced: PREFIX-b: Secret "half" is there and is no mirror of this source; delete or rename it, or set kubemirror.raczylo.com/target-name
PREFIX-platform  secrets/halted  0/0  -  InvalidAnnotation  -  stopped: kubemirror.raczylo.com/target-namespaces: "PREFIX_a" has a character that can't be in a name or glob: '_'`,
		"-o name": "secrets/good\nsecrets/half\nsecrets/halted",
	} {
		got := u.mirror(append([]string{"status", "secrets", "-n", "PREFIX-platform"}, strings.Fields(args)...)...)
		if out := ago.ReplaceAllString(got.out, "  AGO  "); got.code != 1 || even(strings.ReplaceAll(out, env.Prefix()+"_", "PREFIX_")) != even(want) {
			t.Errorf("status %s: %s\nwant %s", args, got, even(want))
		}
	}
	u.expect(1, "tree secret/half -n PREFIX-platform", `
secrets/half in PREFIX-platform  1/2
├── ✔ PREFIX-a/half
└── ✘ PREFIX-b/half  blocked: Secret "half" is there and is no mirror of this source; delete or rename it, or set kubemirror.raczylo.com/target-name
`, "")
	u.expect(0, "tree secret/good -n PREFIX-platform", "secrets/good in PREFIX-platform  2/2\n├── ✔ PREFIX-a/good\n└── ✔ PREFIX-b/good", "")
	page := u.mirror("tree", "secrets", "-n", "PREFIX-platform", "-o", "html")
	for _, part := range []string{"<!doctype html>", `"name":"half"`, `"namespace":"PREFIX-b","outcome":"blocked"`, "InvalidAnnotation", "</html>"} {
		if page.code != 1 || page.errors != "" || !strings.Contains(page.out, part) || strings.Contains(page.out, "aHVudGVyMg") {
			t.Errorf("tree -o html has no %q, or a value of an object, or ends with %d and %q", part, page.code, page.errors)
		}
	}
	for _, format := range []string{"json", "yaml"} {
		if got := u.mirror("status", "secrets", "-n", "PREFIX-platform", "-o", format); strings.Contains(got.out, "aHVudGVyMg") || !strings.Contains(got.out, "in sync") {
			t.Errorf("status -o %s: %s", format, got)
		}
	}
}

// ago is the column of ages.
var ago = regexp.MustCompile(` {2,}\d+m?s {2,}`)
