package outages

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

const source = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: db
  namespace: PREFIX-src
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: "PREFIX-n*"
data: {key: %q}
`

// place makes a source's namespace and so many for its mirrors.
func place(t *testing.T, targets int) (*kit.Env, kit.Ref) {
	env := kit.New(t)
	src := kit.Object("ConfigMap", env.Namespace("src"), "db")
	for i := range targets {
		env.Namespace(fmt.Sprintf("n%02d", i))
	}
	return env, src
}

// mirrors has the UID of each mirror by its namespace.
func mirrors(env *kit.Env) map[string]types.UID {
	uids := map[string]types.UID{}
	for _, o := range env.List("ConfigMap", "", "kubemirror.raczylo.com/mirror=true") {
		if strings.HasPrefix(o.GetNamespace(), env.Prefix()) {
			uids[o.GetNamespace()] = o.GetUID()
		}
	}
	return uids
}

// waitForAll waits until each target has a mirror with that value.
func waitForAll(env *kit.Env, targets int, value string) {
	env.Eventually("every target has the source's content", func(context.Context) error {
		right := 0
		for _, o := range env.List("ConfigMap", "", "kubemirror.raczylo.com/mirror=true") {
			data, _ := o.Object["data"].(map[string]any)
			if strings.HasPrefix(o.GetNamespace(), env.Prefix()) && data["key"] == value {
				right++
			}
		}
		if right != targets {
			return fmt.Errorf("%d of %d have", right, targets)
		}
		return nil
	})
}

func TestI2AndI5AnOutageInTheMidstOfWorkLosesNothingAndDeletesNothing(t *testing.T) {
	env, _ := place(t, 30)
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--rate-limit-qps=20", "--rate-limit-burst=5")
	env.Apply(fmt.Sprintf(source, "one"))
	waitForAll(env, 30, "one")
	before := mirrors(env)
	env.Apply(fmt.Sprintf(source, "two"))

	env.ControlPlane().StopAPIServer()
	env.Eventually("the process has noticed", func(context.Context) error {
		if km.Metrics().Sum("rest_client_requests_total", `code="<error>"`) < 5 {
			return fmt.Errorf("fewer than five requests have failed")
		}
		return nil
	})
	if err := env.ControlPlane().StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForAll(env.Within(time.Minute), 30, "two")
	if after := mirrors(env); !maps.Equal(before, after) {
		t.Errorf("mirrors were deleted and made anew:\nbefore %v\nafter  %v", before, after)
	}
	if code := km.Stop(); code != 0 {
		t.Errorf("exit status %d", code)
	}
}

func TestAServerThatHangsForAWhileIsWaitedFor(t *testing.T) {
	env, src := place(t, 3)
	env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false")
	env.Apply(fmt.Sprintf(source, "one"))
	waitForAll(env, 3, "one")
	if err := env.ControlPlane().PauseAPIServer(); err != nil {
		t.Fatal(err)
	}
	<-time.After(3 * time.Second) // as long as the server is to hang
	if err := env.ControlPlane().ResumeAPIServer(); err != nil {
		t.Fatal(err)
	}
	env.Patch(src, `{"data":{"key":"two"}}`)
	waitForAll(env, 3, "two")
}

func TestALeaderWithoutAServerGivesUpTheLeaseAndEnds(t *testing.T) {
	env, _ := place(t, 1)
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(fmt.Sprintf(source, "one"))
	waitForAll(env, 1, "one")
	env.ControlPlane().StopAPIServer()
	code := km.WaitExit()
	if err := env.ControlPlane().StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code != 1 {
		t.Errorf("exit status %d, want 1", code)
	}
	lines := strings.Split(strings.TrimSpace(km.Log()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "kubemirror: lost the lease") {
		t.Errorf("its last line is %q", last)
	}
	env.Start("--resource-types=ConfigMap.v1")
	env.Apply(fmt.Sprintf(source, "two"))
	waitForAll(env, 1, "two")
}

// TestAnOutageMakesNoStormOfStatuses has many mirrors come back one by one.
func TestAnOutageMakesNoStormOfStatuses(t *testing.T) {
	const sources, targets = 5, 12
	env, _ := place(t, targets)
	for i := range sources {
		env.Apply(strings.Replace(fmt.Sprintf(source, "one"), "name: db", fmt.Sprintf("name: db-%d", i), 1))
	}
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--rate-limit-qps=10", "--rate-limit-burst=1")
	waitForAll(env, sources*targets, "one")
	km.WaitQuiet(time.Second)
	for i := range sources {
		env.Patch(kit.Object("ConfigMap", env.Name("src"), fmt.Sprintf("db-%d", i)), `{"data":{"key":"two"}}`)
	}
	env.ControlPlane().StopAPIServer()
	env.Eventually("the process has noticed", func(context.Context) error {
		if km.Metrics().Sum("rest_client_requests_total", `code="<error>"`) < 50 {
			return fmt.Errorf("fewer than fifty requests have failed")
		}
		return nil
	})
	if tried := km.Metrics().Sum("rest_client_requests_total", `code="<error>"`, `method="PATCH"`); tried > sources*6 {
		t.Errorf("while the server was away, it tried %v times to write on %d sources", tried, sources)
	}
	mark := env.Mark()
	begin := time.Now()
	if err := env.ControlPlane().StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForAll(env.Within(time.Minute), sources*targets, "two")
	km.WaitQuiet(3 * time.Second)
	last := map[string]time.Time{}
	for _, r := range km.Since(mark).Where(audit.Filter{Verbs: []string{"patch"}}) {
		if gap := r.Received.Sub(last[r.Name]); gap < 1900*time.Millisecond {
			t.Errorf("%s: %v after the one before", r, gap)
		}
		last[r.Name] = r.Received
	}
	t.Logf("the storm was over after %v", time.Since(begin))
	for i := range sources {
		src := kit.Object("ConfigMap", env.Name("src"), fmt.Sprintf("db-%d", i))
		if got, want := env.Get(src).GetAnnotations()["kubemirror.raczylo.com/sync-status"], fmt.Sprintf("%d/%[1]d synced", targets); got != want {
			t.Errorf("%s says %q in the end, want %q", src, got, want)
		}
	}
}
