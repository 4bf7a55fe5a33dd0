package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// secrets is what every Secret of these tests holds, as a user would write it and as the
// server does.
var secrets = []string{"hunter2", "aHVudGVyMg=="}

// program is kubectl-mirror, built once for all tests, beside the tests' own binary: go test
// removes both.
var program = sync.OnceValues(func() (string, error) {
	tests, err := os.Executable()
	if err != nil {
		return "", err
	}
	return kubemirror.BuildPlugin(context.Background(), filepath.Dir(tests))
})

// world is a test's place, and who migrates there.
type world struct {
	*kit.Env
	t      *testing.T
	config string
	dir    string
}

func newWorld(t *testing.T) *world {
	w := &world{Env: kit.New(t), t: t, dir: t.TempDir()}
	var err error
	if w.config, err = w.ControlPlane().Kubeconfig(w.migrator(), controlplane.Admins); err != nil {
		t.Fatal(err)
	}
	return w
}

// migrator is who migrates, to the API server.
func (w *world) migrator() string { return w.Name("migrator") }

// migrate runs "kubectl mirror migrate" and returns what it prints. Nothing that a Secret
// holds may be in it.
func (w *world) migrate(wantStatus int, args ...string) string {
	w.t.Helper()
	path, err := program()
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(w.t.Context(), path, append([]string{"migrate", "--kubeconfig=" + w.config}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = w.dir, &out, &out
	status := 0
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else if err != nil {
		w.t.Fatal(err)
	}
	if status != wantStatus {
		w.t.Fatalf("migrate %s ended with %d, want %d; it said:\n%s", strings.Join(args, " "), status, wantStatus, out.String())
	}
	for _, secret := range secrets {
		if strings.Contains(out.String(), secret) {
			w.t.Errorf("migrate %s quotes what a Secret holds", strings.Join(args, " "))
		}
	}
	return out.String()
}

// undoFile is the one file that --apply wrote.
func (w *world) undoFile() string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "kubemirror-undo-*.yaml"))
	if err != nil || len(files) != 1 {
		w.t.Fatalf("there are %d files for --undo: %v, %v", len(files), files, err)
	}
	return files[0]
}

// say fails the test if a text lacks one of others.
func (w *world) say(text string, wants ...string) {
	w.t.Helper()
	for _, want := range wants {
		if want = strings.ReplaceAll(want, "PREFIX", w.Prefix()); !strings.Contains(text, want) {
			w.t.Errorf("it doesn't say %q; it says:\n%s", want, text)
		}
	}
}

// all returns objects as they are now.
func (w *world) all(refs []kit.Ref) []*unstructured.Unstructured {
	w.t.Helper()
	var found []*unstructured.Unstructured
	for _, r := range refs {
		found = append(found, w.Get(r))
	}
	return found
}

// sameObject says how an object isn't the one that it was; its metadata may have changed, unless
// all is asked for.
func sameObject(before, after *unstructured.Unstructured, metadataToo bool) error {
	if before.GetUID() != after.GetUID() {
		return fmt.Errorf("it is another object: it was deleted and made again")
	}
	if !reflect.DeepEqual(content(before), content(after)) {
		return fmt.Errorf("what it holds has changed")
	}
	if !metadataToo {
		return nil
	}
	for what, values := range map[string][2]any{
		"labels":      {before.GetLabels(), after.GetLabels()},
		"annotations": {before.GetAnnotations(), after.GetAnnotations()},
		"finalizers":  {before.GetFinalizers(), after.GetFinalizers()},
	} {
		if !reflect.DeepEqual(values[0], values[1]) {
			return fmt.Errorf("its %s were %v and are %v", what, values[0], values[1])
		}
	}
	return nil
}

func content(o *unstructured.Unstructured) map[string]any {
	c := o.DeepCopy().Object
	delete(c, "metadata")
	return c
}

// checkWrites fails the test if anybody but the migrator has written a copy since the mark, or
// he in any other way than by one patch that had nothing but metadata.
func (w *world) checkWrites(since audit.Mark, copies []kit.Ref) {
	w.t.Helper()
	writes := map[string]int{}
	for write, err := range w.Audit().Writes(since, w.Prefix()+"-") {
		if err != nil {
			w.t.Fatal(err)
		}
		i := slices.IndexFunc(copies, func(r kit.Ref) bool {
			return r.Namespace == write.Namespace && r.Name == write.Name && write.Resource == strings.ToLower(strings.Split(r.Kind, ".")[0])+"s"
		})
		if i < 0 || strings.Contains(write.URI, "dryRun") {
			continue
		}
		if write.Verb != "patch" || write.User != w.migrator() || bytes.Contains(write.Sent, []byte(`"data"`)) {
			w.t.Errorf("%s was written: %s", copies[i], write.Request)
		}
		writes[copies[i].String()]++
	}
	for _, r := range copies {
		if writes[r.String()] != 1 {
			w.t.Errorf("%s was written %d times, want once", r, writes[r.String()])
		}
	}
}

// journey is a whole migration.
type journey struct {
	from string
	args []string
	// status has the sources, with what each says once KubeMirror has looked at it.
	status map[kit.Ref]string
	// copies become mirrors as they are.
	copies []kit.Ref
	// others are objects that nothing happens to.
	others []kit.Ref
	// running says that KubeMirror runs while all is taken back.
	running bool
	// told is what the plan says, among other things.
	told []string
}

// travel migrates, starts KubeMirror, stops it and takes all back.
func (w *world) travel(j journey) {
	w.t.Helper()
	var sources []kit.Ref
	for r := range j.status {
		if w.Find(r) != nil { // others are made
			sources = append(sources, r)
		}
	}
	touched := slices.Concat(sources, j.copies)
	before, othersBefore := w.all(touched), w.all(j.others)
	args := append([]string{"--from", j.from}, j.args...)
	w.say(w.migrate(1, args...), j.told...)
	for i, o := range w.all(touched) {
		if o.GetResourceVersion() != before[i].GetResourceVersion() {
			w.t.Errorf("%s was written by a plan", touched[i])
		}
	}
	mark := w.Mark()
	w.migrate(0, append(args, "--apply")...)
	w.say(w.migrate(0, append(args, "--apply")...), "Nothing is to be done.")
	km := w.Start("--resource-types=Secret.v1,ConfigMap.v1")
	for r, status := range j.status {
		w.WaitFor(r, "is in sync", kit.HasStatus(status))
	}
	km.WaitQuiet(500e6)
	w.checkWrites(mark, j.copies)
	for i, o := range w.all(j.copies) {
		if err := sameObject(before[len(sources)+i], o, false); err != nil {
			w.t.Errorf("%s: %v", j.copies[i], err)
		}
	}
	w.checkOthers(j.others, othersBefore)
	if !j.running {
		km.Stop()
	}
	undo := w.undoFile()
	w.migrate(0, "--undo", undo)
	if j.running {
		km.WaitQuiet(500e6)
	}
	for range 2 {
		for i, o := range w.all(touched) {
			if err := sameObject(before[i], o, true); err != nil {
				w.t.Errorf("%s after --undo: %v", touched[i], err)
			}
		}
		w.migrate(0, "--undo", undo) // and once more
	}
	for r := range j.status {
		if !slices.Contains(sources, r) && w.Find(r) != nil {
			w.t.Errorf("%s was made, and is there after --undo", r)
		}
	}
	w.checkOthers(j.others, othersBefore)
}

func (w *world) checkOthers(others []kit.Ref, before []*unstructured.Unstructured) {
	w.t.Helper()
	for i, o := range w.all(others) {
		if o.GetResourceVersion() != before[i].GetResourceVersion() {
			w.t.Errorf("%s was written, and is none of ours", others[i])
		}
	}
}

func replace(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }
