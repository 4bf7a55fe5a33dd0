package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/faultproxy"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/oracle"
)

// replica is one of several processes that compete for the lease, each behind a proxy of
// its own: what one sees late another sees at once.
type replica struct {
	*kit.Kubemirror
	proxy *faultproxy.Proxy
}

func (w *world) compete() replica {
	km, proxy := w.launch("--leader-elect=true")
	return replica{km, proxy}
}

// waitLeads waits until a replica has the lease.
func (w *world) waitLeads(r replica) {
	w.t.Helper()
	w.eventually(r.Name()+" leads", func() error {
		if r.Metrics().Sum("leader_election_master_status") != 1 {
			return errors.New("it does not")
		}
		return nil
	})
}

// onItsWay is a write that has left the process and reaches the server when it is let go.
type onItsWay struct{ left, goes, landed chan struct{} }

func (r replica) holdUp(method string) onItsWay {
	o := onItsWay{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	r.proxy.Arm(1, func(w faultproxy.Write) bool { return w.Method == method }, func(x *faultproxy.Exchange) {
		close(o.left)
		<-o.goes
		x.Forward()
		close(o.landed)
	})
	return o
}

func (w *world) await(what string, done <-chan struct{}) {
	w.t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		w.t.Fatalf("a minute has passed, and still not: %s", what)
	}
}

// TestI1AndI2AReplicaThatSeesOnlyAPartUndoesNothing has the one that leads, the one that
// comes after it, and that one again when it leads see nothing of some watches, while
// another sees all; and a write of the first land when all has changed and it is dead.
func TestI1AndI2AReplicaThatSeesOnlyAPartUndoesNothing(t *testing.T) {
	t.Parallel()
	for write, row := range map[string]struct {
		method string
		unseen faultproxy.Watches
		// asks has the first replica write, overtakes is what happens before that lands.
		asks, overtakes func(*world)
	}{
		"a replacement lands late, and sources are not seen": {
			http.MethodPut, faultproxy.Watches{Selector: domain + "enabled"},
			patches((*world).a, `{"data":{"key":"two"}}`),
			func(w *world) {
				w.tamper(w.a().In(w.env.Name("n1")), `{"data":{"key":"theirs"}}`)
				w.patch(w.a(), `{"data":{"key":"three"}}`)
			},
		},
		"a deletion lands late, and mirrors are not seen": {
			http.MethodDelete, mirrors,
			annotates((*world).a, "target-namespaces=PREFIX-n0"),
			func(w *world) {
				w.patch(w.a(), `{"data":{"key":"two"}}`)
				w.annotate(w.a(), "target-namespaces=PREFIX-n0,PREFIX-n1")
			},
		},
		"a creation lands late, and nothing is seen": {
			http.MethodPost, faultproxy.Watches{},
			annotates((*world).a, "target-namespaces=PREFIX-n0,PREFIX-n1,PREFIX-n2"),
			annotates((*world).a, "target-namespaces=PREFIX-n0,PREFIX-n1"),
		},
		"a finalizer lands late, and namespaces are not seen": {
			http.MethodPatch, faultproxy.Watches{Resource: "namespaces"},
			func(w *world) { w.create(w.c(), "one", "target-namespaces=PREFIX-n2") },
			func(w *world) {
				w.delete(w.c())
				w.waitGone(w.c())
				w.refuse("n2", `"false"`)
				w.create(w.c(), "two", "target-namespaces=PREFIX-n1,PREFIX-n2")
			},
		},
	} {
		t.Run(write, func(t *testing.T) {
			t.Parallel()
			w := emptyWorld(t, "src", "n0", "n1", "n2")
			j := &journal{world: w, begin: w.env.Mark(), sources: map[oracle.Place]bool{}}
			first := w.compete()
			w.waitLeads(first)
			second := w.compete()
			j.next("a source comes", false)
			w.create(w.a(), "one", "target-namespaces=PREFIX-n0,PREFIX-n1")
			j.changed()
			w.converge("a source comes")

			j.next("the one that leads sees a part, and dies", false)
			late := first.holdUp(row.method)
			row.asks(w)
			j.changed()
			w.await("the write has left", late.left)
			first.proxy.Freeze(row.unseen)
			unseen := second.proxy.Freeze(row.unseen)
			mark := w.env.Mark()
			row.overtakes(w)
			j.changed()
			first.Kill()
			w.waitLeads(second)
			w.env.Consistently("the one that leads now doesn't write, for it has not seen all", time.Second, func(context.Context) error {
				if wrote := second.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(wrote) > 0 {
					return fmt.Errorf("it asked:\n%s", wrote)
				}
				return nil
			})
			unseen.Release()
			w.converge("the next one sees all")
			right := w.before
			close(late.goes)
			w.await("the late write has been answered", late.landed)
			w.converge("the write of the first has landed")
			if !maps.Equal(right, w.before) {
				t.Error("all was right, and the write of the first has changed a mirror")
			}

			j.next("the next one sees a part again", false)
			third := w.compete()
			unseen = second.proxy.Freeze(row.unseen)
			for _, change := range []func(*world){
				tampers((*world).a, "n0", `{"data":{"key":"theirs"}}`),
				patches((*world).a, `{"data":{"key":"four"}}`),
				refuses("n1", `"false"`),
				func(w *world) { w.create(w.d(), "one", "target-namespaces=PREFIX-n0,PREFIX-n2") },
				func(w *world) { w.occupy(w.d().In(w.env.Name("n1"))) },
				annotates((*world).d, "target-namespaces=PREFIX-n0,PREFIX-n1"),
				refuses("n1", "null"),
			} {
				change(w)
				j.changed()
			}
			unseen.Release()
			w.converge("it sees all again")
			second.WaitQuiet(time.Second)

			mark = w.env.Mark()
			second.Stop()
			w.waitLeads(third)
			third.WaitQuiet(time.Second)
			if wrote := third.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(wrote) > 0 {
				t.Errorf("all was right, and the third wrote:\n%s", wrote)
			}
			w.converge("the third one leads")
			j.judge()
			w.neverBack(j.begin)
		})
	}
}

// neverBack fails the test where a mirror that was written from a source was written from
// an earlier version of it later.
func (w *world) neverBack(begin audit.Mark) {
	w.t.Helper()
	type made struct{ place, uid string }
	newest := map[made]uint64{}
	prefix := w.env.Prefix() + "-"
	for write, err := range w.env.Audit().Writes(begin, prefix) {
		if err != nil {
			w.t.Fatal(err)
		}
		var sent struct {
			Metadata struct{ Annotations map[string]string }
		}
		if !strings.HasPrefix(write.User, prefix+"kubemirror-") || write.Code >= http.StatusMultipleChoices || json.Unmarshal(write.Sent, &sent) != nil {
			continue
		}
		from := sent.Metadata.Annotations
		var version uint64
		if _, err := fmt.Sscan(from[domain+"source-resource-version"], &version); err != nil {
			continue // no mirror
		}
		mirror := made{write.Namespace + "/" + write.Name, from[domain+"source-uid"]}
		if version < newest[mirror] {
			w.t.Errorf("%s: made of version %d of its source, after version %d", write.Request, version, newest[mirror])
		}
		newest[mirror] = max(newest[mirror], version)
	}
	if len(newest) == 0 {
		w.t.Error("the server's log has no mirror")
	}
}
