package install

import (
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

var update = flag.Bool("update", false, "write the manifests anew from the chart; see \"make manifests\"")

// manifests has the file of each kind in manifests/.
var manifests = map[string][]string{
	"rbac.yaml":       {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"},
	"deployment.yaml": {"Deployment", "PodDisruptionBudget"},
	"service.yaml":    {"Service"},
	"leash.yaml":      {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"},
}

// plain is what the chart makes with its defaults, less what only Helm has a use
// for.
func plain(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	objects := render(t)
	for _, o := range objects {
		labels := o.GetLabels()
		delete(labels, "helm.sh/chart")
		delete(labels, "app.kubernetes.io/managed-by")
		o.SetLabels(labels)
	}
	return objects
}

func TestTheManifestsAreTheDefaultRenderingOfTheChart(t *testing.T) {
	want := plain(t)
	if *update {
		write(t, want)
	}
	built := must(t, "build the manifests", run(t, "", "kubectl", "kustomize", path(t, "manifests")))
	got := map[kit.Ref]*unstructured.Unstructured{}
	for _, o := range decode(t, built) {
		got[kit.RefTo(o)] = o
	}
	delete(got, kit.Object("Namespace.v1", "", system)) // Helm makes it with --create-namespace
	for _, o := range want {
		r := kit.RefTo(o)
		if !reflect.DeepEqual(got[r], o) {
			t.Errorf("%s differs; \"make manifests\" writes them anew. The chart has\n%s\nand the manifests\n%s", r, text(t, o), text(t, got[r]))
		}
		delete(got, r)
	}
	for r := range got {
		t.Errorf("the manifests have %s, and the chart has not", r)
	}
}

func TestTheServerTakesTheManifests(t *testing.T) {
	env := kit.New(t)
	config := "--kubeconfig=" + admin(t, env)
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}") // a dry run makes none
	out := must(t, "apply", run(t, "", "kubectl", config, "apply", "--dry-run=server", "--validate=strict", "--server-side", "--force-conflicts", "-k", path(t, "manifests")))
	if n := strings.Count(out, "serverside-applied"); n != len(plain(t))+1 {
		t.Errorf("the server took %d objects:\n%s", n, out)
	}
}

func text(t *testing.T, o *unstructured.Unstructured) string {
	t.Helper()
	if o == nil {
		return "nothing"
	}
	y, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(y)
}

// write writes the files of manifests/ but for those that no chart has.
func write(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	for name, kinds := range manifests {
		file := "# The chart's default rendering; \"make manifests\" writes it.\n"
		for _, kind := range kinds {
			for _, o := range objects {
				if o.GetKind() == kind {
					file += "---\n" + text(t, o)
				}
			}
		}
		if err := os.WriteFile(path(t, "manifests", name), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
