package kit

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
)

// patience is how long a wait goes on unless Within says otherwise. What is
// waited for takes milliseconds; a busy machine takes longer.
const patience = 30 * time.Second

// Env is one test's place on the shared API server.
type Env struct {
	t        testing.TB
	suite    *shared
	client   *client
	prefix   string
	patience time.Duration
	begin    audit.Mark
	*state
}

// state is what an Env and those derived from it (Within) have in common.
type state struct {
	mu        sync.Mutex
	applied   map[Ref]bool
	processes []*Kubemirror
	// abroad says that a process honours sources in namespaces that aren't the test's.
	abroad bool
}

var envs atomic.Int64

// New makes a place for the test. It is cleared up when the test ends: its
// kubemirror processes are stopped, its objects and namespaces deleted.
func New(t testing.TB) *Env {
	t.Helper()
	if suite == nil {
		t.Fatal("the package has no control plane: give it a TestMain that calls kit.Run")
	}
	e := &Env{
		t:        t,
		suite:    suite,
		client:   suite.client,
		prefix:   fmt.Sprintf("t%d", envs.Add(1)),
		patience: patience,
		state:    &state{applied: map[Ref]bool{}},
	}
	e.begin = e.Mark()
	// The folder of the logs is removed by a cleanup of its own, which must come after
	// ours: it shows the logs where a test failed.
	t.ArtifactDir()
	t.Cleanup(e.clear)
	e.makeNamespace(e.leaseNamespace())
	return e
}

// Within is the same place with another deadline for its waits.
func (e *Env) Within(d time.Duration) *Env {
	derived := *e
	derived.patience = d
	return &derived
}

// As is the same place in the hands of somebody else: a user of the test's own who may
// do everything, and whom the server knows as that field manager.
func (e *Env) As(manager string) *Env {
	e.t.Helper()
	c, err := newClient(e.suite.plane, e.Name(manager), manager)
	if err != nil {
		e.t.Fatal(err)
	}
	derived := *e
	derived.client = c
	return &derived
}

// Prefix begins every name of this test, before a dash.
func (e *Env) Prefix() string { return e.prefix }

// Name is a name that belongs to this test: its prefix, a dash and the suffix.
// In YAML that is given to Apply, PREFIX stands for the prefix.
func (e *Env) Name(suffix string) string { return e.prefix + "-" + suffix }

// Namespace makes a namespace called Name(suffix), with labels written
// key=value, and returns its name.
func (e *Env) Namespace(suffix string, labels ...string) string {
	e.t.Helper()
	name := e.Name(suffix)
	e.makeNamespace(name, labels...)
	return name
}

// leaseNamespace holds the lease of the test's processes. Its name lacks the
// prefix, so that it is no target of "all".
func (e *Env) leaseNamespace() string { return "leases-" + e.prefix }

func (e *Env) makeNamespace(name string, labels ...string) {
	e.t.Helper()
	var lines strings.Builder
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		fmt.Fprintf(&lines, "\n    %s: %q", key, value)
	}
	e.Apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " + name + "\n  labels:" + lines.String())
}

// ControlPlane is the control plane that all tests of the package share: a
// test that stops or pauses its API server must not run in parallel.
func (e *Env) ControlPlane() *controlplane.ControlPlane { return e.suite.plane }

// Audit is the API server's audit log. Kubemirror has shorter ways to it.
func (e *Env) Audit() *audit.Log { return e.suite.plane.Audit() }

// context is for one call to the API server, or one wait.
func (e *Env) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), e.patience)
}

// clear ends what the test started and deletes what it made. A source whose
// kubemirror is gone keeps its finalizer, which nobody will ever take off but
// we. Definitions go last: without them, nobody could take it off. Nothing waits for
// the namespaces: they take seconds to go, and another test does not see them.
func (e *Env) clear() {
	e.report()
	for _, k := range e.processes {
		k.Kill()
	}
	e.checkRights()
	e.checkFields()
	e.checkTouched()
	ctx, cancel := e.context()
	defer cancel()
	for _, definitions := range []bool{false, true} {
		var refs []Ref
		for r := range e.applied {
			if definitions == strings.HasPrefix(r.Kind, "CustomResourceDefinition.") {
				refs = append(refs, r)
			}
		}
		each(refs, func(r Ref) { e.remove(ctx, r) })
	}
}

// remove deletes an object, whatever finalizers it has.
func (e *Env) remove(ctx context.Context, r Ref) {
	err := e.delete(ctx, r)
	if err == nil && r.Kind != "Namespace.v1" {
		_, err = e.patchNow(ctx, r, `{"metadata":{"finalizers":null}}`)
	}
	if err != nil && !apierrors.IsNotFound(err) && !meta.IsNoMatchError(err) {
		e.t.Logf("clear up after the test: %s: %v", r, err)
	}
}
