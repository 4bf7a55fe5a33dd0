package tests

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/e2e/faultproxy"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// What breaks in a history: processes end, requests fail, watches miss what happens.

// replica is a process of a history, behind a proxy.
type replica struct {
	*kit.Kubemirror
	proxy *faultproxy.Proxy
}

// writeFaults are what may befall a write.
var writeFaults = []struct {
	name  string
	fault faultproxy.Fault
}{
	{"killed before", faultproxy.Killed}, {"killed after", faultproxy.KilledAfter}, {"lands after the process is dead", faultproxy.LandsAfterDeath},
	{"cut before", faultproxy.Cut}, {"done and not answered", faultproxy.Unanswered}, {"answered late", faultproxy.AnsweredLate}, {"late", faultproxy.Late},
	{"409", faultproxy.Conflict}, {"429", faultproxy.TooMany}, {"500", faultproxy.Broken}, {"503", faultproxy.Away}, {"done, and 504", faultproxy.TimedOut},
}

// start starts what doesn't run: one process, or three that compete for a lease. It waits
// for none: what has been armed may kill it before it is ready.
func (h *history) start() {
	for i := range h.replicas {
		if h.replicas[i].Kubemirror == nil || h.replicas[i].Ended() {
			h.replicas[i] = h.launch(fmt.Sprint("kubeconfig-", len(h.steps), "-", i))
		}
	}
}

func (h *history) launch(kubeconfig string) replica {
	flags := []string{"--resource-types=ConfigMap.v1", "-v=4"}
	if len(h.replicas) == 1 {
		flags = append(flags, "--leader-elect=false")
	}
	var r replica
	r.Kubemirror = h.env.Launch(kit.Launch{Flags: flags, Through: func(config *rest.Config) (path string, err error) {
		if r.proxy, err = faultproxy.New(config); err != nil {
			return "", err
		}
		path = filepath.Join(h.dir, kubeconfig)
		return path, r.proxy.Kubeconfig(path)
	}})
	h.cleanup(func() { _ = r.proxy.Close() })
	r.proxy.Owner(r.Kill)
	return r
}

// kill kills one of the replicas.
func (h *history) kill() { h.replicas[h.random.IntN(len(h.replicas))].Kill() }

// breakSomething has one of the next writes fail, or the watches miss something.
func (h *history) breakSomething() {
	r := h.replicas[h.random.IntN(len(h.replicas))]
	switch n := h.random.IntN(6); {
	case n < 4:
		nth, fault := 1+h.random.IntN(3), writeFaults[h.random.IntN(len(writeFaults))]
		h.note("write %d from now on: %s", nth, fault.name)
		r.proxy.Arm(nth, nil, fault.fault)
	case n < 5:
		h.note("all watches break")
		r.proxy.Break(faultproxy.Watches{})
	default:
		times := 1 + h.random.IntN(2)
		h.note("watches of ConfigMaps break, and have expired %d times", times)
		r.proxy.Expire(faultproxy.Watches{Resource: "configmaps"}, times)
	}
}
