package migrate

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// --apply of another test would take these over too, so none is to run beside this one.
func TestTheCommandsOfAPlanDoTheSame(t *testing.T) {
	w := newWorld(t)
	src, a := w.Namespace("src"), w.Namespace("a")
	w.As("replicator").Apply(strings.ReplaceAll(`
apiVersion: v1
kind: ConfigMap
metadata: {namespace: PREFIX-src, name: settings, annotations: {note: "it's \"quoted\" & $HOME", KEYreplicate-to: PREFIX-a}}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: PREFIX-a, name: settings, annotations: {KEYreplicated-at: "2026-11-28T12:00:00Z", KEYreplicated-from-version: "1", KEYreplicated-keys: a}}
data: {a: b}
`, "KEY", "replicator.v1.mittwald.de/"))
	source := kit.Object("ConfigMap", src, "settings")
	mark := w.Mark()
	ran := 0
	for line := range strings.Lines(w.migrate(1, "--from", "replicator")) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "kubectl -n "+w.Prefix()+"-") {
			continue // another test's
		}
		ran++
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+w.config)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	if ran != 3 {
		t.Errorf("there are %d commands, want 3", ran)
	}
	km := w.Start("--resource-types=ConfigMap.v1")
	w.WaitFor(source, "is in sync", kit.HasStatus("1/1 synced"))
	km.WaitQuiet(500e6)
	w.checkWrites(mark, []kit.Ref{source.In(a)})
	if got := w.Get(source.In(a)).GetAnnotations()["note"]; got != `it's "quoted" & $HOME` {
		t.Errorf("the note is %q", got)
	}
}
