package install

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// everything turns on all that the chart has.
const everything = `
commonLabels: {team: platform}
commonAnnotations: {example.com/owner: platform}
image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
imagePullSecrets: [{name: registry}]
replicas: 3
controller:
  resourceTypes: [Secret.v1, ConfigMap.v1, Ingress.v1.networking.k8s.io, NetworkPolicy.v1.networking.k8s.io, Gateway.v1.gateway.networking.k8s.io, Ibex.v1.example.com]
  logLevel: debug
  loggingFormat: json
extraArgs: [--transform-max-rules=20]
extraEnv: [{name: GODEBUG, value: http2debug=1}]
extraEnvFrom: [{configMapRef: {name: more}}]
serviceAccount: {create: false, name: theirs}
rbac: {plurals: {Ibex.v1.example.com: ibices}}
policies: {authors: {enabled: true}, mirrors: {enabled: true}, trustedUsers: ["system:serviceaccount:a:b"], trustedGroups: [team]}
podLabels: {tier: infra}
podAnnotations: {example.com/scrape: "true"}
nodeSelector: {kubernetes.io/os: linux}
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: zone, labelSelector: {matchLabels: {a: b}}}}]}}
tolerations: [{operator: Exists}]
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {a: b}}}]
priorityClassName: system-cluster-critical
networkPolicy: {enabled: true, metricsFrom: [{namespaceSelector: {}}]}
service: {annotations: {example.com/port: "1"}}
secureMetrics: {enabled: true, certificateSecret: metrics-tls}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
prometheusRule: {enabled: true, labels: {release: prometheus}}
dashboard: {enabled: true}
`

// file writes values for helm's --values.
func file(t testing.TB, text string) string {
	t.Helper()
	name := t.TempDir() + "/values.yaml"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTheServerTakesEveryObjectOfTheChartWithAllOfItTurnedOn(t *testing.T) {
	env := kit.New(t)
	namespace := env.Namespace("system", "pod-security.kubernetes.io/enforce=restricted")
	apply := func(objects []*unstructured.Unstructured) string {
		var text strings.Builder
		for _, o := range objects {
			if strings.HasPrefix(o.GetAPIVersion(), "monitoring.coreos.com/") {
				continue // of the Prometheus Operator, which is not here
			}
			y, err := yaml.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			text.WriteString("---\n" + string(y))
		}
		return must(t, "apply", run(t, text.String(), "kubectl", "--kubeconfig="+admin(t, env), "apply", "--dry-run=server", "--validate=strict", "-f-"))
	}
	all := decode(t, must(t, "render", helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"), "--namespace="+namespace, "--values="+file(t, everything))))
	if out := apply(all); strings.Count(out, "server dry run") < 15 {
		t.Errorf("the server took only\n%s", out)
	}
	for _, o := range all {
		if o.GetLabels()["team"] != "platform" || o.GetAnnotations()["example.com/owner"] != "platform" {
			t.Errorf("%s %s has the labels %v and the annotations %v", o.GetKind(), o.GetName(), o.GetLabels(), o.GetAnnotations())
		}
	}

	t.Log("the Pods are taken under pod security \"restricted\"")
	pod := deployment(t, of(t, all, "Deployment", "kubemirror")).Spec.Template
	pod.Spec.PriorityClassName = "" // its admission plugin looks for quotas
	pod.Name, pod.Namespace = "pod", namespace
	o, err := yaml.Marshal(corev1.Pod{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec})
	if err != nil {
		t.Fatal(err)
	}
	must(t, "apply the Pod", run(t, "apiVersion: v1\nkind: Pod\n"+string(o), "kubectl", "--kubeconfig="+admin(t, env), "apply", "--dry-run=server", "-f-"))

	t.Log("the types get their own resource names")
	rules := fmt.Sprint(of(t, all, "ClusterRole", "kubemirror-types").Object["rules"])
	for _, want := range []string{"configmaps secrets", "ingresses networkpolicies", "gateways", "ibices"} {
		if !strings.Contains(rules, want) {
			t.Errorf("the rules %s lack %q", rules, want)
		}
	}
	if strings.Contains(rules, "*") {
		t.Errorf("the rules %s have a wildcard", rules)
	}
}

func TestHelmFindsNothingWrongWithTheChartAndItsValueFiles(t *testing.T) {
	chart := path(t, "charts", "kubemirror")
	must(t, "lint", helm(t, "lint", "--strict", chart))
	for _, name := range []string{"high-throughput", "multi-tenant", "development"} {
		must(t, "lint "+name, helm(t, "lint", "--strict", chart, "--values="+filepath.Join(chart, "values-"+name+".yaml")))
	}
}

func TestAValueThatTheChartDoesNotHaveIsAnError(t *testing.T) {
	for _, row := range [][2]string{
		{"controller.maxTarget=5", "maxTarget"},
		{"replica=2", "replica"},
		{"controller.resourceTypes={Secret}", "resourceTypes"},
		{"controller.workerThreads=0", "workerThreads"},
		{"controller.discoveryInterval=5", "discoveryInterval"},
		{"image.digest=latest", "digest"},
		{"resources.limits.memory=1Zi", "resources.limits.memory"},
		{"policies.trustedGroups={team,system:authenticated}", "policies.trustedGroups: system:authenticated: everybody is in it"},
		{"policies.trustedGroups={system:unauthenticated}", "everybody is in it"},
		{"policies.trustedGroups={system:serviceaccounts}", "everybody is in it"},
		{"policies.trustedUsers={system:anonymous}", "policies.trustedUsers: system:anonymous"},
		{"rbac.mode=all", "mode"},
		{"policies.authors.enabled=true,policies.sources.enabled=false", "policies.sources.enabled beside it"},
		{"policies.authors.enabled=true --kube-version=1.35.9", "Kubernetes has from 1.36 on, and this is v1.35.9"},
	} {
		got := helm(t, append([]string{"template", "kubemirror", path(t, "charts", "kubemirror")}, strings.Fields("--set="+row[0])...)...)
		if got.code == 0 || !strings.Contains(got.errors, row[1]) {
			t.Errorf("%s: %s", row[0], got)
		}
	}
	got := helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"), "--set=replicas=2,controller.leaderElect=false")
	if got.code == 0 || !strings.Contains(got.errors, "leaderElect") {
		t.Errorf("two replicas without a lease: %s", got)
	}
	got = helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"), "--set=secureMetrics.enabled=true,controller.healthProbeBindAddress=:8080")
	if got.code == 0 || !strings.Contains(got.errors, "metricsBindAddress") {
		t.Errorf("secure metrics at the address of the probes: %s", got)
	}
}

func TestTheReadmeOfTheChartHasEveryValueAndItsDefault(t *testing.T) {
	readme, err := os.ReadFile(path(t, "charts", "kubemirror", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	flatten(values, "", defaults(t))
	listed := map[string]string{}
	for line := range strings.Lines(string(readme)) {
		if cells := strings.Split(line, " | "); len(cells) > 2 && strings.HasPrefix(line, "| `") {
			listed[strings.Trim(cells[0], "| `")] = cells[1]
		}
	}
	for name, value := range values {
		cell, there := listed[name]
		if !there {
			t.Errorf("README.md lacks %s", name)
		} else if value != "" && value != strings.Trim(cell, `"`+"`") {
			t.Errorf("README.md says that %s is %s by default; it is %s", name, cell, value)
		}
	}
	for name := range listed {
		if _, there := values[name]; !there && !strings.HasPrefix(name, "values-") {
			t.Errorf("README.md has %s, and the chart has not", name)
		}
	}
}

// whole are values that are one thing to a reader.
var whole = []string{"podSecurityContext", "securityContext", "dashboard.labels"}

// flatten gives each value its name and its default as text; empty text is not
// compared.
func flatten(out map[string]string, prefix string, values map[string]any) {
	for key, value := range values {
		name := strings.TrimPrefix(prefix+"."+key, ".")
		inner, isMap := value.(map[string]any)
		switch {
		case slices.Contains(whole, name) || name == "controller.rateLimitQPS": // 50 and 50.0 are the same
			out[name] = ""
		case isMap && len(inner) > 0:
			flatten(out, name, inner)
		case isMap:
			out[name] = "{}"
		case value == nil:
			out[name] = "null"
		default:
			out[name] = strings.ReplaceAll(fmt.Sprint(value), " ", ", ")
		}
	}
}

func TestDefinitionsAreWatchedOnlyWhereATypeComesWithOne(t *testing.T) {
	for types, want := range map[string]bool{
		"Secret.v1": false, "Ingress.v1.networking.k8s.io": false, "Secret.v1,Widget.v1.example.com": true, "Gateway.v1.gateway.networking.k8s.io": true, "Lease.v1.coordination.k8s.io": false,
	} {
		rules := fmt.Sprint(of(t, render(t, "--set=controller.resourceTypes={"+types+"}"), "ClusterRole", "kubemirror").Object["rules"])
		if got := strings.Contains(rules, "customresourcedefinitions") && strings.Contains(rules, "apiservices"); got != want {
			t.Errorf("with the types %q it may watch definitions: %v", types, got)
		}
	}
}

func TestTheMemoryLimitOfGoFollowsTheContainers(t *testing.T) {
	for limit, want := range map[string]string{"512Mi": "483183820", "1Gi": "966367641", "1500M": "1350000000", "1.5Gi": "1449551462"} {
		if env := environment(t, "--set-string=resources.limits.memory="+limit); len(env) != 2 || env["GOMEMLIMIT"] != want {
			t.Errorf("with a limit of %s the environment is %v, want GOMEMLIMIT=%s", limit, env, want)
		}
	}
	if env := environment(t, "--set=resources.limits=null"); len(env) != 1 || env["GOMEMLIMIT"] != "" {
		t.Errorf("without a limit the environment is %v", env)
	}
}

func TestOneCoreRunsTheControllerUnlessAnotherNumberIsSet(t *testing.T) {
	for flag, want := range map[string]string{"": "1", "--set=controller.goMaxProcs=4": "4", "--set=controller.goMaxProcs=null": ""} {
		if env := environment(t, strings.Fields(flag)...); env["GOMAXPROCS"] != want {
			t.Errorf("with %q the environment is %v, want GOMAXPROCS=%s", flag, env, want)
		}
	}
}

// environment is that of the controller in the rendered chart.
func environment(t *testing.T, flags ...string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, v := range deployment(t, of(t, render(t, flags...), "Deployment", "kubemirror")).Spec.Template.Spec.Containers[0].Env {
		env[v.Name] = v.Value
	}
	return env
}
