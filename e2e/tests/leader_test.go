package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// leaseOf is the lease that a test's processes compete for.
func leaseOf(env *kit.Env) kit.Ref {
	return kit.Object("Lease.v1.coordination.k8s.io", "leases-"+env.Prefix(), "kubemirror-controller-leader")
}

func holder(o *unstructured.Unstructured) string {
	name, _, _ := unstructured.NestedString(o.Object, "spec", "holderIdentity")
	return name
}

// leads waits until somebody else than the one named holds the lease, and says who.
func leads(env *kit.Env, not string) string {
	return holder(env.WaitFor(leaseOf(env), "is held by another", func(o *unstructured.Unstructured) error {
		if got := holder(o); got == "" || got == not {
			return fmt.Errorf("its holder is %q", got)
		}
		return nil
	}))
}

// requestsOf is all that a process has asked since the mark, the lease included.
func requestsOf(env *kit.Env, km *kit.Kubemirror, mark audit.Mark) audit.Requests {
	requests, err := env.Audit().Since(context.Background(), mark, audit.Filter{User: km.User})
	if err != nil {
		panic(err) // its one cause is the context
	}
	return requests
}

// startTwo starts a leader and then a standby, with a source and its mirror in a.
func startTwo(env *kit.Env) (leader, standby *kit.Kubemirror, src kit.Ref) {
	src = kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	leader = env.Start("--resource-types=ConfigMap.v1")
	leads(env, "")
	standby = env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a")
	return leader, standby, src
}

// works says that changes are mirrored now, within the time.
func works(env *kit.Env, src kit.Ref, within time.Duration, value string) {
	env.Patch(src, fmt.Sprintf(`{"data":{"key":%q}}`, value))
	env.Within(within).WaitFor(src.In(env.Name("a")), "has the change", hasData(value))
}

func TestOfTwoReplicasOneWorksAndTheOtherIsReady(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	leader, standby, src := startTwo(env)
	mark := env.Mark()
	first := leads(env, "")
	env.Consistently("the standby is alive and ready, and the leader leads", 5*time.Second, func(ctx context.Context) error {
		for _, path := range []string{"/readyz", "/livez", "/healthz"} {
			for _, km := range []*kit.Kubemirror{leader, standby} {
				if code, text, err := km.Probe(ctx, path); err != nil || code != http.StatusOK {
					return fmt.Errorf("%s of %s: %d %s %w", path, km.Name(), code, text, err)
				}
			}
		}
		if now := holder(env.Get(leaseOf(env))); now != first {
			return fmt.Errorf("the holder is %s, was %s", now, first)
		}
		return nil
	})
	works(env, src, time.Minute, "changed")
	asked := requestsOf(env, standby, mark)
	if len(asked) == 0 || len(asked) != len(asked.Where(audit.Filter{Verbs: []string{"get"}, Resources: []string{"leases"}})) {
		t.Errorf("the standby asked, instead of reading the lease now and then:\n%s", asked)
	}
	for km, want := range map[*kit.Kubemirror]float64{leader: 1, standby: 0} {
		if m := km.Metrics(); !m.Has("leader_election_master_status") || m.Sum("leader_election_master_status") != want {
			t.Errorf("leader_election_master_status of %s is %v, want %v", km.Name(), m.Sum("leader_election_master_status"), want)
		}
	}
}

func TestALeaderThatIsAskedToEndHandsOver(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	leader, standby, src := startTwo(env)
	first := leads(env, "")
	mark := env.Mark()
	if code := leader.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	stopped := time.Now()
	second := leads(env, first)
	works(env, src, 5*time.Second, "changed")
	if took := time.Since(stopped); took > 6*time.Second {
		t.Errorf("the standby took %v to take over", took)
	}
	released := requestsOf(env, leader, mark).Where(audit.Filter{Verbs: []string{"update"}, Resources: []string{"leases"}})
	if len(released) == 0 {
		t.Error("the leader never wrote the lease when it went")
	}

	t.Log("the last one leaves the lease to nobody")
	if code := standby.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if got := holder(env.Get(leaseOf(env))); got != "" {
		t.Errorf("the lease is held by %q, which was %q", got, second)
	}
	begin := time.Now()
	env.Start("--resource-types=ConfigMap.v1")
	works(env, src, 5*time.Second, "changed again")
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("the next one took %v", took)
	}
}

func TestAStandbyThatIsAskedToEndEnds(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	_, standby, src := startTwo(env)
	first := leads(env, "")
	if code := standby.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	works(env, src, time.Minute, "changed")
	if got := holder(env.Get(leaseOf(env))); got != first {
		t.Errorf("the lease is held by %q, was by %q", got, first)
	}
}

func TestALeaderThatIsKilledIsReplacedWhenItsLeaseRunsOut(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	leader, _, src := startTwo(env)
	first := leads(env, "")
	leader.Kill()
	env.Patch(src, `{"data":{"key":"meanwhile"}}`)
	late := env.Namespace("late")
	leads(env, first)
	env.WaitFor(src.In(env.Name("a")), "has what changed meanwhile", hasData("meanwhile"))
	env.WaitFor(src.In(late), "is there", hasData("meanwhile"))
	waitForMirrors(env, src, "a", "late")
}

func TestALeaderThatLosesItsLeaseEnds(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	leader, standby, src := startTwo(env)
	said := leader.Log()
	mark := env.Mark()
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	env.Patch(leaseOf(env), fmt.Sprintf(`{"spec":{"holderIdentity":"somebody else","leaseDurationSeconds":5,"renewTime":%q,"acquireTime":%[1]q}}`, now))
	if code := leader.WaitExit(); code != 1 {
		t.Errorf("exit status %d", code)
	}
	lines := strings.Split(strings.TrimSpace(strings.TrimPrefix(leader.Log(), said)), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "lost the lease") {
		t.Errorf("its last line is %q", last)
	}
	if len(lines) > 2 { // one of the log, one of the end
		t.Errorf("it said:\n%s", strings.Join(lines, "\n"))
	}
	if updates := requestsOf(env, leader, mark).Where(audit.Filter{Verbs: []string{"update"}, Resources: []string{"leases"}}); len(updates) > 1 {
		t.Errorf("it went on with the lease that another has:\n%s", updates)
	}

	t.Log("the standby waits for the other, and takes over when that one's lease runs out")
	leads(env, "somebody else")
	works(env, src, time.Minute, "changed")
	if standby.Ended() {
		t.Error("the standby has ended")
	}
}

func TestWithoutAnElectionNoLeaseIsAskedFor(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	mark := env.Mark()
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(source(src, "target-namespaces=all"))
	waitForMirrors(env, src, "a")
	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if asked := requestsOf(env, km, mark).Where(audit.Filter{Resources: []string{"leases"}}); len(asked) > 0 {
		t.Errorf("it asked:\n%s", asked)
	}
	if o := env.Find(leaseOf(env)); o != nil {
		t.Errorf("there is a lease: %v", o)
	}
}

// TestAProcessThatEndsInTheMidstOfItsWorkLeavesTheRestToTheNext has it slow enough
// to be caught at it.
func TestAProcessThatEndsInTheMidstOfItsWorkLeavesTheRestToTheNext(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	const targets = 100
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	for i := range targets {
		env.Namespace(fmt.Sprintf("n%03d", i))
	}
	mark := env.Mark()
	km := env.Start("--resource-types=ConfigMap.v1", "--rate-limit-qps=20", "--rate-limit-burst=1")
	leads(env, "")
	standby := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=all"))
	env.Eventually("it is in the midst of it", func(context.Context) error {
		if n := len(mirrorsOf(env, src)); n < 10 {
			return fmt.Errorf("%d mirrors", n)
		}
		return nil
	})
	begin := time.Now()
	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v to end", took)
	}
	half := km.Since(mark).Where(audit.Filter{Verbs: []string{"create"}, Resources: []string{"configmaps"}})
	if len(half) >= targets {
		t.Fatalf("it was done already: %d creates", len(half))
	}
	env.WaitFor(src, "is done by the next", kit.HasStatus("100/100 synced"))
	if n := len(mirrorsOf(env, src)); n != targets {
		t.Errorf("%d mirrors", n)
	}
	rest := standby.Since(mark).Where(audit.Filter{Verbs: []string{"create"}, Resources: []string{"configmaps"}})
	if len(half)+len(rest) != targets {
		t.Errorf("%d creates of the first and %d of the next, for %d targets", len(half), len(rest), targets)
	}
	for _, create := range append(half, rest...) {
		if create.Code != http.StatusCreated {
			t.Errorf("%s", create)
		}
	}
	if errs := errors.Join(hasFinalizers(ourFinalizer)(env.Get(src)), hasFailedIn()(env.Get(src))); errs != nil {
		t.Error(errs)
	}
	if updates := standby.Since(mark).Where(audit.Filter{Verbs: []string{"update", "delete"}, Resources: []string{"configmaps"}}); len(updates) > 0 {
		t.Errorf("what the first had done, the next did again:\n%s", updates)
	}
}
