package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/e2e/faultproxy"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/oracle"
)

const (
	domain    = "kubemirror.raczylo.com/"
	configMap = "ConfigMap"
	secret    = "Secret"
)

// world is one test's part of the cluster, its kubemirror behind a proxy, and what its
// authors know of what they did.
type world struct {
	t   *testing.T
	env *kit.Env
	// somebody has other hands than the sources' authors.
	somebody *kit.Env
	// km is the process that mirrors, behind a proxy; nil where a test has others.
	km     *kit.Kubemirror
	proxy  *faultproxy.Proxy
	starts int

	foreign, sources, before map[oracle.Place]string
}

// newWorld makes the world, with these namespaces, and starts kubemirror in it.
func newWorld(t *testing.T, namespaces ...string) *world {
	w := emptyWorld(t, namespaces...)
	w.start()
	return w
}

// emptyWorld makes the world, with these namespaces, and nobody who mirrors.
func emptyWorld(t *testing.T, namespaces ...string) *world {
	env := kit.New(t).Within(2 * time.Minute)
	w := &world{
		t: t, env: env, somebody: env.As("somebody"),
		foreign: map[oracle.Place]string{}, sources: map[oracle.Place]string{}, before: map[oracle.Place]string{},
	}
	for _, name := range namespaces {
		w.namespace(name)
	}
	return w
}

// start starts the one process that mirrors.
func (w *world) start() { w.km, w.proxy = w.launch("--leader-elect=false") }

// launch starts a process behind a proxy of its own.
func (w *world) launch(flags ...string) (*kit.Kubemirror, *faultproxy.Proxy) {
	w.starts++
	var proxy *faultproxy.Proxy
	km := w.env.Launch(kit.Launch{
		Flags: append([]string{"--resource-types=ConfigMap.v1,Secret.v1", "-v=4"}, flags...),
		Through: func(config *rest.Config) (string, error) {
			var err error
			if proxy, err = faultproxy.New(config); err != nil {
				return "", err
			}
			path := filepath.Join(w.t.TempDir(), fmt.Sprint("kubeconfig-", w.starts))
			return path, proxy.Kubeconfig(path)
		},
	})
	w.t.Cleanup(func() { _ = proxy.Close() })
	proxy.Owner(km.Kill)
	km.WaitReady()
	return km, proxy
}

// eventually is Env.Eventually with a process that is started again when it has been killed.
func (w *world) eventually(what string, ask func() error) {
	w.t.Helper()
	w.env.Eventually(what, func(context.Context) error {
		if w.km != nil && w.km.Ended() {
			w.start()
		}
		return ask()
	})
}

// run is the label of the world's namespaces, by which they are found.
func (w *world) run() string { return "faults.example.com/run=" + w.env.Prefix() }

func (w *world) namespace(suffix string, labels ...string) {
	w.env.Namespace(suffix, append(labels, w.run())...)
}

// at is an object by its namespace's suffix.
func (w *world) at(kind, suffix, name string) kit.Ref {
	return kit.Object(kind, w.env.Name(suffix), name)
}

// state is the world now.
func (w *world) state() *oracle.State {
	s := &oracle.State{
		Namespaces: w.env.List("Namespace", "", w.run()),
		Included:   []string{w.env.Prefix() + "-*"}, Honoured: []string{w.env.Prefix() + "-*"},
		Foreign: w.foreign, Sources: w.sources, Before: w.before, Unseen: w.starts > 1,
	}
	for i := range s.Namespaces {
		for _, kind := range []string{configMap, secret} {
			s.Objects = append(s.Objects, w.env.List(kind, s.Namespaces[i].GetName(), "")...)
		}
	}
	return s
}

// look is the time between two looks at all of the world, which cost something.
const look = 60 * time.Millisecond

// converge waits until the world is as the oracle says.
func (w *world) converge(after string) {
	w.t.Helper()
	var s *oracle.State
	w.eventually(after+": all is as it should be", func() error {
		<-time.After(look)
		s = w.state()
		return s.Check()
	})
	w.before = s.Mirrors()
}

// settle waits until the process is dead, and reports whether it is; or until all is as
// it should be.
func (w *world) settle(after string) (dead bool) {
	w.t.Helper()
	w.env.Eventually(after+": the process is dead, or all is as it should be", func(context.Context) error {
		<-time.After(look)
		if dead = w.km.Ended(); dead {
			return nil
		}
		return w.state().Check()
	})
	if dead {
		w.before = w.state().Mirrors()
	}
	return dead
}

// create has an author make a source.
func (w *world) create(r kit.Ref, value string, annotations ...string) {
	keys := ""
	for _, annotation := range append([]string{"sync=true"}, annotations...) {
		key, text, _ := strings.Cut(annotation, "=")
		keys += fmt.Sprintf("\n    %s%s: %q", domain, key, text)
	}
	content := fmt.Sprintf("data: {key: %q}", value)
	if r.Kind == secret {
		content = fmt.Sprintf("type: example.com/%s\nstringData: {key: %q}", value, value)
	}
	w.author(w.env.Apply(fmt.Sprintf(`
apiVersion: v1
kind: %s
metadata:
  namespace: %s
  name: %s
  labels: {%senabled: "true", team: blue, app.kubernetes.io/instance: theirs}
  annotations:
    example.com/note: hello%s
%s
`, r.Kind, r.Namespace, r.Name, domain, keys, content)))
}

// author keeps a source as its author has left it.
func (w *world) author(o *unstructured.Unstructured) { w.sources[oracle.PlaceOf(o)] = oracle.Author(o) }

// patch has the author of a source change it.
func (w *world) patch(r kit.Ref, patch string) {
	w.t.Helper()
	o := w.env.PatchIfThere(r, patch)
	if o == nil {
		w.t.Fatalf("%s is not there", r)
	}
	w.author(o)
}

// annotate has the author of a source set annotations of ours, written key=value, or
// take them away, written key-.
func (w *world) annotate(r kit.Ref, changes ...string) {
	w.t.Helper()
	var fields []string
	for _, change := range changes {
		key, value, sets := strings.Cut(change, "=")
		text := fmt.Sprintf("%q", strings.ReplaceAll(value, "PREFIX", w.env.Prefix()))
		if !sets {
			key, text = strings.TrimSuffix(key, "-"), "null"
		}
		fields = append(fields, fmt.Sprintf("%q:%s", domain+key, text))
	}
	w.patch(r, `{"metadata":{"annotations":{`+strings.Join(fields, ",")+`}}}`)
}

// delete has the author of a source delete it.
func (w *world) delete(r kit.Ref) {
	w.env.Delete(r)
	delete(w.sources, oracle.Place{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
}

// waitGone waits until an object has gone.
func (w *world) waitGone(r kit.Ref) {
	w.t.Helper()
	w.eventually(r.String()+" is gone", func() error {
		if w.env.Find(r) != nil {
			return errors.New("it is there")
		}
		return nil
	})
}

// tamper has somebody change a mirror.
func (w *world) tamper(r kit.Ref, patch string) {
	w.t.Helper()
	if w.somebody.PatchIfThere(r, patch) == nil {
		w.t.Fatalf("%s is not there", r)
	}
}

// occupy has somebody make an object of their own.
func (w *world) occupy(r kit.Ref) {
	o := w.somebody.Apply(fmt.Sprintf("{apiVersion: v1, kind: %s, metadata: {namespace: %s, name: %s}, data: {key: dGhlaXJz}}", r.Kind, r.Namespace, r.Name))
	w.foreign[oracle.PlaceOf(o)] = oracle.Whole(o)
}

// vacate has them delete it.
func (w *world) vacate(r kit.Ref) {
	w.somebody.Delete(r)
	delete(w.foreign, oracle.Place{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
}
