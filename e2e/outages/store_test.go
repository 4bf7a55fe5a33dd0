package outages

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestI2AndI5AStoreThatIsKilledInTheMidstOfWorkLosesNothingAndDeletesNothing(t *testing.T) {
	env, src := place(t, 30)
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--rate-limit-qps=20", "--rate-limit-burst=5")
	env.Apply(fmt.Sprintf(source, "one"))
	waitForAll(env, 30, "one")
	before := mirrors(env)
	mark := env.Mark()
	env.Apply(fmt.Sprintf(source, "two"))
	env.Eventually("it has begun", func(context.Context) error {
		if n := len(km.Since(mark).Where(audit.Filter{Verbs: []string{"update"}})); n < 5 {
			return fmt.Errorf("%d updates", n)
		}
		return nil
	})

	env.ControlPlane().KillEtcd()
	env.Eventually("the server has noticed", func(ctx context.Context) error {
		if env.ControlPlane().Healthy(ctx) == nil {
			return fmt.Errorf("it says that it is ready")
		}
		return nil
	})
	if err := env.ControlPlane().StartEtcd(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForAll(env.Within(2*time.Minute), 30, "two")
	if after := mirrors(env); !maps.Equal(before, after) {
		t.Errorf("mirrors were deleted and made anew:\nbefore %v\nafter  %v", before, after)
	}
	env.Within(2*time.Minute).WaitFor(src, "says so", kit.HasStatus("30/30 synced"))
	wroteOnce(t, km, mark)
}

// wroteOnce fails the test where the server took one change of a mirror more than once, but
// for those in these namespaces.
func wroteOnce(t *testing.T, km *kit.Kubemirror, mark audit.Mark, but ...string) {
	t.Helper()
	times := map[string]int{}
	for _, r := range km.Since(mark).Where(audit.Filter{Verbs: []string{"update"}}) {
		if r.Code == 200 {
			times[r.Namespace]++
		}
	}
	for namespace, n := range times {
		if n > 1 && !slices.Contains(but, namespace) {
			t.Errorf("the mirror in %s was written %d times", namespace, n)
		}
	}
}

func TestI2AndI5HistoryThatIsCompactedWhileAProcessSleepsIsNotMissed(t *testing.T) {
	env, src := place(t, 10)
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(fmt.Sprintf(source, "one"))
	waitForAll(env, 10, "one")
	before := mirrors(env)
	if err := km.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"two", "three"} {
		env.Apply(fmt.Sprintf(source, value))
	}
	gone := src.In(env.Name("n03"))
	env.Delete(gone)
	env.WaitGone(gone)
	drifted := src.In(env.Name("n04"))
	env.Patch(drifted, `{"data":{"key":"somebody's"}}`)
	if err := env.ControlPlane().CompactEtcd(t.Context()); err != nil {
		t.Fatal(err)
	}
	env.ControlPlane().StopAPIServer() // what it remembers of changes goes too
	if err := env.ControlPlane().StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	mark := env.Mark()
	if err := km.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	waitForAll(env.Within(time.Minute), 10, "three")
	after := mirrors(env)
	delete(before, gone.Namespace)
	delete(after, gone.Namespace)
	if !maps.Equal(before, after) {
		t.Errorf("mirrors were deleted and made anew:\nbefore %v\nafter  %v", before, after)
	}
	if deleted := km.Since(mark).Where(audit.Filter{Verbs: []string{"delete"}}); len(deleted) > 0 {
		t.Errorf("it deleted:\n%s", deleted)
	}
	wroteOnce(t, km, mark, drifted.Namespace) // which may be put right before the source is heard of
}

// An API server serves before it has read the roles, and refuses until then what they
// grant. Nobody is to be told of that.
func TestAnAPIServerThatComesBackIsNotTakenForOneThatRefuses(t *testing.T) {
	env, src := place(t, 20)
	env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(fmt.Sprintf(source, "0"))
	waitForAll(env, 20, "0")
	for round := range 3 {
		value := fmt.Sprint(round + 1)
		env.Apply(fmt.Sprintf(source, value))
		env.ControlPlane().StopAPIServer()
		if err := env.ControlPlane().StartAPIServer(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitForAll(env.Within(time.Minute), 20, value)
	}
	env.Within(time.Minute).WaitFor(src, "says that all is well", kit.HasStatus("20/20 synced"))
	for _, event := range env.Events(src) {
		if event.Reason == "WriteRefused" {
			t.Errorf("its author was told: %s", event)
		}
	}
}
