package install

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// "helm test" takes a node to run its Pod, and there is none here. Its program is
// run against a real kubemirror, with the Service's name put right.
func TestTheProgramOfHelmTestTellsAControllerThatAnswers(t *testing.T) {
	wget := ""
	for _, name := range []string{"busybox", "wget"} {
		if found, err := exec.LookPath(name); err == nil && wget == "" {
			wget = found
		}
	}
	if wget == "" {
		t.Skip("there is neither busybox nor wget here")
	}
	env := kit.New(t)
	for _, secure := range []string{"false", "true"} {
		t.Run("secure "+secure, func(t *testing.T) {
			objects := decode(t, must(t, "render the chart", helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"), "--set=secureMetrics.enabled="+secure)))
			pod := &corev1.Pod{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(of(t, objects, "Pod", "kubemirror-test").Object, pod); err != nil {
				t.Fatal(err)
			}
			km := env.Start("--metrics-secure="+secure, "--health-probe-bind-address=localhost:0")
			command := slices.Clone(pod.Spec.Containers[0].Command)
			program := command[len(command)-1]
			if strings.HasSuffix(wget, "busybox") {
				program = strings.Replace(program, "wget ", wget+" wget ", 1)
			}
			for _, address := range []struct {
				host string
				good bool
			}{{km.Address("metrics"), true}, {"127.0.0.1:1", false}, {km.Address("probes"), false}} {
				command[len(command)-1] = strings.Replace(program, "kubemirror:8080", address.host, 1)
				if got := run(t, "", command[0], command[1:]...); (got.code == 0) != address.good {
					t.Errorf("%q: %s", command[len(command)-1], got)
				}
			}
			km.Stop()
		})
	}
}

func TestTheNetworkPolicyLetsHelmTestIn(t *testing.T) {
	objects := decode(t, must(t, "render the chart", helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"),
		"--set=networkPolicy.enabled=true", "--set-json", `networkPolicy.metricsFrom=[{"namespaceSelector":{"matchLabels":{"name":"monitoring"}}}]`)))
	policy := &networkingv1.NetworkPolicy{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(of(t, objects, "NetworkPolicy", "kubemirror").Object, policy); err != nil {
		t.Fatal(err)
	}
	pod := labels.Set(of(t, objects, "Pod", "kubemirror-test").GetLabels())
	selects := func(selector *metav1.LabelSelector) bool {
		s, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		return s.Matches(pod)
	}
	if selects(&policy.Spec.PodSelector) {
		t.Error("the policy is for the test's Pod too, which may then reach nothing but the API server")
	}
	if !slices.ContainsFunc(policy.Spec.Ingress[0].From, func(from networkingv1.NetworkPolicyPeer) bool {
		return from.NamespaceSelector == nil && selects(from.PodSelector) // a nil selector selects nothing
	}) {
		t.Errorf("none of %v is the test's Pod, with labels %v", policy.Spec.Ingress[0].From, pod)
	}
}
