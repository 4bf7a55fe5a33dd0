package install

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

var update = flag.Bool("update", false, "write the manifests anew from the chart; see \"make manifests\"")

// manifests are the files of a folder of manifests/, by the kinds that each has, or
// the kinds and names where that matters.
type manifests map[string][]string

var (
	base = manifests{
		"rbac.yaml":       {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"},
		"deployment.yaml": {"Deployment", "PodDisruptionBudget"},
		"service.yaml":    {"Service"},
		"leash.yaml":      {"ValidatingAdmissionPolicy kubemirror-leash", "ValidatingAdmissionPolicyBinding kubemirror-leash"},
		"sources.yaml":    {"ValidatingAdmissionPolicy kubemirror-sources", "ValidatingAdmissionPolicyBinding kubemirror-sources"},
		"warnings.yaml":   {"ValidatingAdmissionPolicy kubemirror-warnings", "ValidatingAdmissionPolicyBinding kubemirror-warnings"},
		"forgeries.yaml":  {"ValidatingAdmissionPolicy kubemirror-forgeries", "ValidatingAdmissionPolicyBinding kubemirror-forgeries"},
		"namespaces.yaml": {"ValidatingAdmissionPolicy kubemirror-namespaces", "ValidatingAdmissionPolicyBinding kubemirror-namespaces"},
	}
	monitoring = manifests{
		"servicemonitor.yaml": {"ServiceMonitor"},
		"rules.yaml":          {"PrometheusRule"},
		"dashboard.yaml":      {"ConfigMap"},
	}
)

// monitored are the flags that have the chart make manifests/monitoring too.
const monitored = "--set=serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true"

// plain is what the chart makes of the flags, less what only Helm has a use for.
func plain(t *testing.T, flags ...string) []*unstructured.Unstructured {
	t.Helper()
	objects := render(t, flags...)
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
		base.write(t, want, "manifests")
	}
	got := built(t, "manifests")
	delete(got, kit.Object("Namespace.v1", "", system)) // Helm makes it with --create-namespace
	equal(t, got, want)
}

func TestTheManifestsOfMonitoringAreTheChartsWithThatTurnedOn(t *testing.T) {
	want := extra(t)
	if *update {
		monitoring.write(t, want, "manifests", "monitoring")
	}
	equal(t, built(t, "manifests", "monitoring"), want)
}

// extra is what the chart makes in addition when monitoring is turned on.
func extra(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	before := map[kit.Ref]bool{}
	for _, o := range plain(t) {
		before[kit.RefTo(o)] = true
	}
	return slices.DeleteFunc(plain(t, monitored), func(o *unstructured.Unstructured) bool { return before[kit.RefTo(o)] })
}

// built is what kustomize makes of a folder.
func built(t *testing.T, folder ...string) map[kit.Ref]*unstructured.Unstructured {
	t.Helper()
	got := map[kit.Ref]*unstructured.Unstructured{}
	for _, o := range decode(t, must(t, "build the manifests", run(t, "", "kubectl", "kustomize", path(t, folder...)))) {
		got[kit.RefTo(o)] = o
	}
	return got
}

func equal(t *testing.T, got map[kit.Ref]*unstructured.Unstructured, want []*unstructured.Unstructured) {
	t.Helper()
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

// write writes the files of a folder, but for those that no chart has.
func (m manifests) write(t *testing.T, objects []*unstructured.Unstructured, folder ...string) {
	t.Helper()
	for name, kinds := range m {
		file := "# The chart's default rendering; \"make manifests\" writes it.\n"
		for _, kind := range kinds {
			for _, o := range objects {
				if strings.HasPrefix(o.GetKind()+" "+o.GetName()+" ", kind+" ") {
					file += "---\n" + text(t, o)
				}
			}
		}
		if err := os.WriteFile(filepath.Join(path(t, folder...), name), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
