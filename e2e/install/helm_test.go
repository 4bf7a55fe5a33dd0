package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// system is where users install; the chart's defaults are compared with it.
const system = "kubemirror-system"

// helmModule pins helm.
var helmModule = sync.OnceValues(func() (string, error) {
	dir, err := root()
	return "-modfile=" + filepath.Join(dir, "tools", "helm", "go.mod"), err
})

// buildHelm has Go build helm, and keep it: minutes, the first time.
var buildHelm sync.Once

// helm runs helm, built from the module that pins it.
func helm(t testing.TB, args ...string) outcome {
	t.Helper()
	pinned, err := helmModule()
	if err != nil {
		t.Fatal(err)
	}
	buildHelm.Do(func() {
		must(t, "build helm", runWithin(t, 15*time.Minute, "", "go", "-C", path(t), "tool", pinned, "helm", "version"))
	})
	return run(t, "", "go", append([]string{"-C", path(t), "tool", pinned, "helm"}, args...)...)
}

// render is what the chart makes of the flags, hooks left out.
func render(t testing.TB, flags ...string) []*unstructured.Unstructured {
	t.Helper()
	return decode(t, must(t, "render the chart", helm(t, append([]string{
		"template", "kubemirror", path(t, "charts", "kubemirror"), "--namespace=" + system, "--no-hooks"}, flags...)...)))
}

// decode reads the objects of a YAML stream.
func decode(t testing.TB, text string) []*unstructured.Unstructured {
	t.Helper()
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		o := &unstructured.Unstructured{}
		err := documents.Decode(o)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("read %s: %v", text, err)
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}

// of is the one object of a kind and name.
func of(t testing.TB, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == kind && o.GetName() == name {
			return o
		}
	}
	t.Fatalf("there is no %s %q", kind, name)
	return nil
}

// deployment is the controller's, as a Go value.
func deployment(t testing.TB, o *unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// account writes the kubeconfig that a Pod of that service account would have: a
// real token, and the Pod's namespace as the one that the process runs in.
func account(t testing.TB, env *kit.Env, namespace, name string) string {
	t.Helper()
	config := kubeconfig(t, env, "system:serviceaccount:"+namespace+":"+name)
	token := strings.TrimSpace(must(t, "get a token", run(t, "", "kubectl", "--kubeconfig="+admin(t, env), "-n", namespace, "create", "token", name)))
	text := must(t, "read the kubeconfig", run(t, "", "kubectl", "--kubeconfig="+config, "config", "view", "--raw", "--minify", "--flatten", "-o=json"))
	var file map[string]any
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	user := file["users"].([]any)[0].(map[string]any)
	user["user"] = map[string]any{"token": token}
	file["contexts"].([]any)[0].(map[string]any)["context"].(map[string]any)["namespace"] = namespace
	changed, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(written, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return written
}

// release installs the chart, and takes it away after the test. It returns what helm
// says.
func release(t *testing.T, env *kit.Env, namespace string, flags ...string) string {
	t.Helper()
	config := "--kubeconfig=" + admin(t, env)
	said := must(t, "install the chart", helm(t, append([]string{
		"install", "kubemirror", path(t, "charts", "kubemirror"), "--namespace=" + namespace, config}, flags...)...))
	t.Cleanup(func() {
		if o := helm(t, "uninstall", "kubemirror", "--namespace="+namespace, config, "--no-hooks", "--ignore-not-found"); o.code != 0 {
			t.Errorf("take the chart away: %s", o)
		}
		// Kubernetes' own controller fills in a role that others add to, and makes one anew that
		// has gone just then: the next release would find it and stop.
		forgetRole(t, env)
	})
	return said
}

// start runs the controller as the Deployment in the cluster says, and waits until
// it is ready.
func start(t testing.TB, env *kit.Env, namespace string) *kit.Kubemirror {
	t.Helper()
	km := launch(t, env, namespace)
	km.WaitReady()
	return km
}

// launch runs the controller as the Deployment in the cluster says: its arguments,
// as its service account. Only where it serves is of the test's choosing.
func launch(t testing.TB, env *kit.Env, namespace string) *kit.Kubemirror {
	t.Helper()
	d := deployment(t, env.Get(kit.Object("Deployment.v1.apps", namespace, "kubemirror")))
	pod := d.Spec.Template.Spec
	var environment []string
	for _, e := range pod.Containers[0].Env {
		environment = append(environment, e.Name+"="+e.Value)
	}
	km := env.Launch(kit.Launch{
		Kubeconfig: account(t, env, namespace, pod.ServiceAccountName),
		Flags: append(append([]string{}, pod.Containers[0].Args...), "--leader-election-namespace="+namespace,
			"--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0"),
		Env: environment,
	})
	km.User = fmt.Sprintf("system:serviceaccount:%s:%s", namespace, pod.ServiceAccountName)
	return km
}

// forgetRole deletes the role of the types, if it is there without a release.
func forgetRole(t *testing.T, env *kit.Env) {
	t.Helper()
	must(t, "delete the role", run(t, "", "kubectl", "--kubeconfig="+admin(t, env), "delete", "clusterrole", "kubemirror-types", "--ignore-not-found"))
}
