package explain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const before = `
apiVersion: v1
kind: Secret
metadata:
  name: planned
  namespace: PREFIX-platform
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: "PREFIX-a,PREFIX-b,PREFIX-c"
stringData: {password: hunter2, user: ann}
`

var after = strings.NewReplacer("hunter2", "hunter3, extra: more", "PREFIX-a,PREFIX-b,PREFIX-c", "PREFIX-*,!PREFIX-b").Replace(before)

func TestPlanSaysWhatWouldBecomeOfEachMirrorAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	for _, name := range []string{"platform", "a", "b", "c", "d"} {
		env.Namespace(name)
	}
	env.Namespace("closed", domain+"allow-mirrors=false")
	env.Apply("{apiVersion: v1, kind: Secret, metadata: {name: planned, namespace: PREFIX-d}}")
	u := admin(t, env)
	file := u.file(t, before)
	u.expect(1, "plan -f "+file, `
Secret PREFIX-platform/planned
NAMESPACE  NAME  ACTION  WHY
PREFIX-a  planned  create  "PREFIX-a" matches it
PREFIX-b  planned  create  "PREFIX-b" matches it
PREFIX-c  planned  create  "PREFIX-c" matches it
3 namespaces: 3 create
`, "")
	if len(env.List("Secret", env.Name("platform"), "")) != 0 {
		t.Error("the plan was applied")
	}

	env.Kubectl("", "apply", "-f", file)
	env.Start("--resource-types=Secret.v1")
	synced(env, kit.Object("Secret", env.Name("platform"), "planned"), "3/3")
	u.expect(0, "plan -f "+file, "Secret PREFIX-platform/planned\nnothing changes", "")
	u.expect(1, "plan --diff -f "+u.file(t, after), `
Secret PREFIX-platform/planned
NAMESPACE  NAME  ACTION  WHY
PREFIX-a  planned  change  data.extra, data.password
PREFIX-b  planned  delete  "!PREFIX-b" takes it away
PREFIX-c  planned  change  data.extra, data.password
PREFIX-closed  -  refused  allow-mirrors on the namespace is "false"
PREFIX-d  planned  blocked  Secret "planned" is there and is no mirror of this source; delete or rename it, or set kubemirror.raczylo.com/target-name
5 namespaces: 2 change, 1 delete, 1 blocked, 1 refused

--- PREFIX-a/planned
+++ PREFIX-a/planned
@@ -1,6 +1,7 @@
 apiVersion: v1
 data:
-  password: '*** (before)'
+  extra: '***'
+  password: '*** (after)'
  user: '***'
 kind: Secret
 metadata:

--- PREFIX-b/planned
+++ PREFIX-b/planned
@@ -1,9 +0,0 @@
-apiVersion: v1
-data:
-  password: '***'
-  user: '***'
-kind: Secret
-metadata:
-  name: planned
-  namespace: PREFIX-b
-type: Opaque

--- PREFIX-c/planned
+++ PREFIX-c/planned
@@ -1,6 +1,7 @@
 apiVersion: v1
 data:
-  password: '*** (before)'
+  extra: '***'
+  password: '*** (after)'
  user: '***'
 kind: Secret
 metadata:
`, "")
	if shown := u.mirror("plan", "--diff", "--show-secrets", "-f", u.file(t, after)); !strings.Contains(shown.out, "+  password: aHVudGVyMw==") {
		t.Errorf("--show-secrets shows no values: %s", shown)
	}
}

func TestPlanNeedsNoClusterWhereTheNamespacesAreInAFile(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	env.Namespace("platform")
	env.Namespace("a")
	env.Namespace("closed", domain+"allow-mirrors=false")
	u := admin(t, env)
	namespaces := u.file(t, env.Kubectl("", "get", "namespaces", "-o", "yaml"))
	u.config = filepath.Join(t.TempDir(), "none")
	u.expect(1, "plan --diff -f "+u.file(t, after)+" --namespaces "+namespaces, `
Secret PREFIX-platform/planned
NAMESPACE  NAME  ACTION  WHY
PREFIX-a  planned  create  "PREFIX-*" matches it
PREFIX-closed  -  refused  allow-mirrors on the namespace is "false"
2 namespaces: 1 create, 1 refused

--- PREFIX-a/-
+++ PREFIX-a/planned
@@ -0,0 +1,9 @@
+apiVersion: v1
+data:
+  extra: '***'
+  password: '***'
+  user: '***'
+kind: Secret
+metadata:
+  name: planned
+  namespace: PREFIX-a
`, "")
}

// file is one with a text in which PREFIX is the test's prefix.
func (u user) file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "PREFIX", u.env.Prefix())), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
