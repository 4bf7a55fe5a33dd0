package install

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// operator pins the Prometheus Operator's module: its definitions of ServiceMonitor
// and PrometheusRule are files in it. Nothing of it is built, so that no go.mod
// need require all that it does.
const (
	operator    = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
	operatorSum = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
)

// defineOperator has the API server know the kinds of the Prometheus Operator.
func defineOperator(t *testing.T, env *kit.Env) {
	t.Helper()
	var module struct{ Dir, Sum string }
	text := must(t, "get the Prometheus Operator's module", run(t, "", "go", "-C", t.TempDir(), "mod", "download", "-json", operator))
	if err := json.Unmarshal([]byte(text), &module); err != nil {
		t.Fatal(err)
	}
	if module.Sum != operatorSum {
		t.Fatalf("%s has the sum %s, want %s", operator, module.Sum, operatorSum)
	}
	for _, kind := range []string{"servicemonitors", "prometheusrules"} {
		definition, err := os.ReadFile(filepath.Join(module.Dir, "example", "prometheus-operator-crd", "monitoring.coreos.com_"+kind+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		env.Apply(string(definition))
	}
}

func TestTheServerTakesTheManifestsOfMonitoring(t *testing.T) {
	env := kit.New(t)
	defineOperator(t, env)
	env.WaitGone(kit.Object("Namespace", "", system)) // where another test has left it
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	env.Eventually("the server takes them", func(ctx context.Context) error { // its definitions are a moment old
		o := run(t, "", "kubectl", "--kubeconfig="+admin(t, env), "apply", "--dry-run=server", "--validate=strict", "--server-side", "-k", path(t, "manifests", "monitoring"))
		if n := strings.Count(o.out, "serverside-applied"); o.code != 0 || n != 3 {
			return errors.New(o.String())
		}
		return ctx.Err()
	})
}

func TestTheServerTakesTheServiceMonitorOfSecureMetrics(t *testing.T) {
	env := kit.New(t)
	defineOperator(t, env)
	namespace := env.Namespace("system")
	for _, flags := range [][]string{
		{"--set=secureMetrics.enabled=true"},
		{"--set=secureMetrics.enabled=true,secureMetrics.certificateSecret=metrics"},
		{"--set=secureMetrics.enabled=true,serviceMonitor.tlsConfig.serverName=kubemirror"},
	} {
		for _, o := range render(t, append(flags, monitored)...) {
			if o.GetKind() != "ServiceMonitor" {
				continue
			}
			o.SetNamespace(namespace)
			env.Eventually("the server takes it", func(ctx context.Context) error { // its definition is a moment old
				if got := run(t, text(t, o), "kubectl", "--kubeconfig="+admin(t, env), "apply", "--dry-run=server", "--validate=strict", "-f-"); got.code != 0 {
					return errors.New(got.String())
				}
				return ctx.Err()
			})
		}
	}
}

func TestTheServiceMonitorSelectsTheService(t *testing.T) {
	for name, flags := range map[string][]string{
		"the defaults":           nil,
		"another name":           {"--set=nameOverride=mirrors"},
		"another name in full":   {"--set=fullnameOverride=the-mirrors"},
		"labels on every object": {"--set=commonLabels.team=platform"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, append([]string{monitored}, flags...)...)
			var monitor *unstructured.Unstructured
			var service *corev1.Service
			var rules string
			for _, o := range objects {
				switch o.GetKind() {
				case "ServiceMonitor":
					monitor = o
				case "PrometheusRule":
					rules = text(t, o)
				case "Service":
					service = &corev1.Service{}
					if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, service); err != nil {
						t.Fatal(err)
					}
				}
			}
			selector, _, err := unstructured.NestedStringMap(monitor.Object, "spec", "selector", "matchLabels")
			if err != nil || len(selector) == 0 || !labels.SelectorFromSet(selector).Matches(labels.Set(service.Labels)) || monitor.GetNamespace() != service.Namespace {
				t.Errorf("it selects %v (%v) in %s; the Service in %s has %v", selector, err, monitor.GetNamespace(), service.Namespace, service.Labels)
			}
			endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
			if err != nil || len(endpoints) != 1 || endpoints[0].(map[string]any)["port"] != service.Spec.Ports[0].Name {
				t.Errorf("it scrapes %v (%v); the Service has the ports %v", endpoints, err, service.Spec.Ports)
			}
			// The Operator names the job after the Service.
			if want := `{job="` + service.Name + `",namespace="` + service.Namespace + `"`; !strings.Contains(rules, want) || strings.Contains(rules, "JOB") || strings.Contains(rules, "NAMESPACE") {
				t.Errorf("the rules don't select %s only:\n%s", want, rules)
			}
			pod := deployment(t, of(t, objects, "Deployment", service.Name)).Spec.Template
			if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.Labels)) {
				t.Errorf("the Service selects %v; the Pods have %v", service.Spec.Selector, pod.Labels)
			}
			for _, port := range pod.Spec.Containers[0].Ports {
				if port.Name == service.Spec.Ports[0].TargetPort.StrVal {
					return
				}
			}
			t.Errorf("the Pods have no port %s", service.Spec.Ports[0].TargetPort.StrVal)
		})
	}
}
