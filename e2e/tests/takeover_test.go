package tests

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// What the audit log tells of who wrote when. A released lease is taken over within a
// second, and one whose holder is dead within its duration and three seconds.
const (
	leaseDuration    = 15 * time.Second
	takenWhenFree    = time.Second
	takenWhenExpired = leaseDuration + 3*time.Second
)

// replicas are processes that compete for one lease.
type replicas struct {
	env  *kit.Env
	src  kit.Ref
	mark audit.Mark
	all  []*kit.Kubemirror
}

// startReplicas starts a leader and then the others, with a source and its mirror in a.
func startReplicas(t *testing.T, n int) *replicas {
	env := kit.New(t)
	r := &replicas{env: env, src: kit.Object(configMap, env.Namespace("src"), "settings"), mark: env.Mark()}
	env.Namespace("a")
	r.add()
	leads(env, "")
	for range n - 1 {
		r.add()
	}
	env.Apply(source(r.src, "target-namespaces=all"))
	waitForMirrors(env, r.src, "a")
	return r
}

func (r *replicas) add() { r.all = append(r.all, r.env.Start("--resource-types=ConfigMap.v1")) }

// requests are all that the replicas have asked, in order.
func (r *replicas) requests() audit.Requests {
	var all audit.Requests
	for _, km := range r.all {
		all = append(all, requestsOf(r.env, km, r.mark)...)
	}
	slices.SortStableFunc(all, func(a, b audit.Request) int { return a.Received.Compare(b.Received) })
	return all
}

// leader is who wrote the lease last.
func (r *replicas) leader() *kit.Kubemirror {
	writes := r.requests().Where(writesOf("leases"))
	for _, w := range slices.Backward(writes) {
		if w.Code < 300 {
			return r.named(w.User)
		}
	}
	return nil
}

func (r *replicas) named(user string) *kit.Kubemirror {
	return r.all[slices.IndexFunc(r.all, func(km *kit.Kubemirror) bool { return km.User == user })]
}

// takenAfter is how long after a moment the lease was first written by another process
// than the one that had it; it waits for that.
func (r *replicas) takenAfter(begin time.Time, from *kit.Kubemirror) (took time.Duration, by *kit.Kubemirror) {
	r.env.Eventually("another has the lease", func(context.Context) error {
		for _, w := range r.requests().Where(writesOf("leases")) {
			if w.User != from.User && w.Code < 300 && w.Received.After(begin) {
				took = w.Received.Sub(begin)
				by = r.named(w.User)
				return nil
			}
		}
		return fmt.Errorf("%s was the last", from.User)
	})
	return took, by
}

// neverTwo says that each replica wrote in one go: once another has written, it never
// does again.
func (r *replicas) neverTwo(t *testing.T) {
	t.Helper()
	done, last := map[string]bool{}, ""
	for _, w := range r.requests() {
		if !w.IsWrite() || w.Resource == "leases" {
			continue
		}
		if w.User != last {
			done[last], last = true, w.User
		}
		if done[w.User] {
			t.Errorf("%s, after another had written", w)
		}
	}
}

// TestReplicasThatAreRolledHandOverWithinASecondEach is a rollout: one comes, one goes.
func TestReplicasThatAreRolledHandOverWithinASecondEach(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r := startReplicas(t, n)
			for round := range n {
				leader := r.leader()
				r.add()
				leader.Stop()
				var released time.Time
				for _, w := range requestsOf(r.env, leader, r.mark).Where(writesOf("leases")) {
					released = w.Received // the last one
				}
				if took, _ := r.takenAfter(released, leader); took > takenWhenFree {
					t.Errorf("round %d: the lease that was released was taken after %v", round, took)
				}
				works(r.env, r.src, 5*time.Second, fmt.Sprint("after ", round))
			}
			r.neverTwo(t)
		})
	}
}

func TestAKilledLeadersLeaseIsTakenWhenItHasRunOut(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r := startReplicas(t, n)
			leader := r.leader()
			leader.Kill()
			killed := time.Now()
			if took, _ := r.takenAfter(killed, leader); took > takenWhenExpired {
				t.Errorf("it was taken after %v", took)
			}
			works(r.env, r.src, 5*time.Second, "changed")
			r.neverTwo(t)
		})
	}
}

// TestI2ALeaderThatIsStoppedPastItsLeaseWritesNothingWhenItGoesOn wakes it up while there is
// much to write.
func TestI2ALeaderThatIsStoppedPastItsLeaseWritesNothingWhenItGoesOn(t *testing.T) {
	t.Parallel()
	r := startReplicas(t, 3)
	leader := r.leader()
	if err := leader.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	r.env.Patch(r.src, `{"data":{"key":"while it is stopped"}}`)
	took, next := r.takenAfter(stopped, leader)
	if took > takenWhenExpired {
		t.Errorf("it was taken after %v", took)
	}
	mirror := r.src.In(r.env.Name("a"))
	r.env.WaitFor(mirror, "is the next one's", hasData("while it is stopped"))
	change := func(n int) { r.env.Patch(r.src, fmt.Sprintf(`{"data":{"key":"change %d"}}`, n)) }
	for n := range 20 {
		change(n)
	}
	if err := leader.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		change(20 + n)
	}
	if code := leader.WaitExit(); code != 1 {
		t.Errorf("it ended with the status %d", code)
	}
	r.env.WaitFor(mirror, "has the last change", hasData("change 39"))
	if next.Ended() {
		t.Error("the one that works now has ended")
	}
	r.neverTwo(t)
}

// wire carries connections to the API server until it is cut; then what is on its way
// stays there, as when a cable is pulled.
type wire struct {
	listener net.Listener
	to       string
	cut      chan struct{}
}

func newWire(t *testing.T, to string) *wire {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	w := &wire{listener: listener, to: to, cut: make(chan struct{})}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.to)
			if err != nil {
				_ = near.Close()
				continue
			}
			go w.carry(far, near)
			go w.carry(near, far)
		}
	}()
	return w
}

func (w *wire) carry(to io.Writer, from io.ReadCloser) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-w.cut:
			return
		default:
		}
		if err != nil {
			_ = from.Close()
			if c, ok := to.(io.Closer); ok {
				_ = c.Close()
			}
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// over is a kubeconfig like another, with the API server at the end of the wire.
func (w *wire) over(t *testing.T, kubeconfig, url string) string {
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text = []byte(strings.ReplaceAll(string(text), url, "https://"+w.listener.Addr().String()))
	if err := os.WriteFile(path, text, 0o600); err != nil { //nolint:gosec // a folder of the test's own
		t.Fatal(err)
	}
	return path
}

func TestALeaderThatIsCutOffGivesUpBeforeAnotherWorks(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	r := &replicas{env: env, src: kit.Object(configMap, env.Namespace("src"), "settings"), mark: env.Mark()}
	env.Namespace("a")
	url := env.ControlPlane().URL()
	kubeconfig, err := env.ControlPlane().Kubeconfig(env.Prefix()+"-kubemirror-1", kit.Controllers)
	if err != nil {
		t.Fatal(err)
	}
	cable := newWire(t, strings.TrimPrefix(url, "https://"))
	leader := env.Launch(kit.Launch{Flags: []string{"--resource-types=ConfigMap.v1"}, Kubeconfig: cable.over(t, kubeconfig, url)})
	r.all = append(r.all, leader)
	leader.WaitReady()
	leads(env, "")
	r.add()
	env.Apply(source(r.src, "target-namespaces=all"))
	waitForMirrors(env, r.src, "a")

	close(cable.cut)
	cutOff := time.Now()
	env.Patch(r.src, `{"data":{"key":"meanwhile"}}`)
	took, _ := r.takenAfter(cutOff, leader)
	if took > takenWhenExpired {
		t.Errorf("it was taken after %v", took)
	}
	if code := leader.WaitExit(); code != 1 {
		t.Errorf("it ended with the status %d", code)
	}
	env.WaitFor(r.src.In(env.Name("a")), "has what changed meanwhile", hasData("meanwhile"))
	r.neverTwo(t)
}

// TestAtRestALeaseCostsAWriteInTwoSecondsAndAStandbyTwoReadsASecond counts them.
func TestAtRestALeaseCostsAWriteInTwoSecondsAndAStandbyTwoReadsASecond(t *testing.T) {
	t.Parallel()
	r := startReplicas(t, 2)
	leader, standby := r.all[0], r.all[1]
	leader.WaitQuiet(time.Second)
	r.mark = r.env.Mark()
	const span = 10 * time.Second
	<-time.After(span) // what is counted is what happens in a time
	leading, waiting := requestsOf(r.env, leader, r.mark), requestsOf(r.env, standby, r.mark)
	if n := len(leading); n > 6 || len(leading.Where(writesOf("leases"))) != n {
		t.Errorf("the leader asked in %v:\n%s", span, leading)
	}
	if n := len(waiting); n < 12 || n > 34 || len(waiting.Where(audit.Filter{Verbs: []string{"get"}, Resources: []string{"leases"}})) != n {
		t.Errorf("the standby asked in %v:\n%s", span, waiting)
	}
}
