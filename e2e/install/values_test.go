package install

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// set is a value of the chart that is not the default, and what it brings into what
// the chart renders, or takes out of it.
type set struct{ name, value, brings, takes string }

// marked are values that can all be set at once, and so are bare.
var (
	marked = []set{
		{name: "nameOverride", value: "other", brings: "app.kubernetes.io/name: other"},
		{name: "commonLabels", value: "{mark: label}", brings: "mark: label"},
		{name: "commonAnnotations", value: "{mark: annotation}", brings: "mark: annotation"},
		{name: "image.repository", value: "example.com/kubemirror", brings: "example.com/kubemirror:v9"},
		{name: "image.tag", value: "v9", brings: "example.com/kubemirror:v9"},
		{name: "image.pullPolicy", value: "Always", brings: "imagePullPolicy: Always"},
		{name: "imagePullSecrets", value: "[{name: pull}]", brings: "name: pull\n"},
		{name: "replicas", value: "7", brings: "replicas: 7"},
		{name: "controller.resourceTypes", value: "[Secret.v1]", brings: "--resource-types=Secret.v1"},
		{name: "controller.discoveryInterval", value: "7m", brings: "--discovery-interval=7m"},
		{name: "controller.maxTargets", value: "7", brings: "--max-targets=7"},
		{name: "controller.workerThreads", value: "7", brings: "--worker-threads=7"},
		{name: "controller.goMaxProcs", value: "7", brings: "name: GOMAXPROCS\n              value: \"7\""},
		{name: "controller.rateLimitQPS", value: "7", brings: "--rate-limit-qps=7"},
		{name: "controller.rateLimitBurst", value: "7", brings: "--rate-limit-burst=7"},
		{name: "controller.excludedNamespaces", value: "a", brings: "--excluded-namespaces=a"},
		{name: "controller.includedNamespaces", value: "b", brings: "--included-namespaces=b"},
		{name: "controller.sourceNamespaces", value: "c", brings: "--source-namespaces=c"},
		{name: "controller.stripMetadata", value: "d", brings: "--strip-metadata=d"},
		{name: "controller.metricsBindAddress", value: ":7070", brings: "--metrics-bind-address=:7070"},
		{name: "controller.healthProbeBindAddress", value: ":7071", brings: "--health-probe-bind-address=:7071"},
		{name: "controller.logLevel", value: "debug", brings: "value: debug"},
		{name: "controller.loggingFormat", value: "json", brings: "--logging-format=json"},
		{name: "secureMetrics.enabled", value: "true", brings: "--metrics-secure\n"},
		{name: "secureMetrics.certificateSecret", value: "metrics-tls", brings: "secretName: metrics-tls"},
		{name: "extraArgs", value: "[--mark]", brings: "--mark"},
		{name: "extraEnv", value: "[{name: MARK, value: x}]", brings: "name: MARK"},
		{name: "extraEnvFrom", value: "[{configMapRef: {name: mark}}]", brings: "configMapRef:"},
		{name: "resources.limits.cpu", value: "7", brings: "cpu: 7\n"},
		{name: "resources.limits.memory", value: "777Mi", brings: "memory: 777Mi"},
		{name: "resources.requests.cpu", value: "77m", brings: "cpu: 77m"},
		{name: "resources.requests.memory", value: "77Mi", brings: "memory: 77Mi"},
		{name: "serviceAccount.name", value: "named", brings: "serviceAccountName: named"},
		{name: "serviceAccount.annotations", value: "{mark: account}", brings: "mark: account"},
		{name: "rbac.aggregate", value: "true", brings: "aggregationRule:"},
		{name: "rbac.plurals", value: "{Secret.v1: secretses}", brings: "- secretses"},
		{name: "policies.authors.enabled", value: "true", brings: "- --authorize-authors="},
		{name: "policies.mirrors.enabled", value: "true", brings: "-mirrors\n"},
		{name: "policies.trustedUsers", value: "[mark:user]", brings: `"mark:user"`},
		{name: "policies.trustedGroups", value: "[mark:group]", brings: `"mark:group"`},
		{name: "cleanup.deleteMirrors", value: "true", brings: "--delete-mirrors=true"},
		{name: "cleanup.deadlineSeconds", value: "77", brings: "activeDeadlineSeconds: 77"},
		{name: "podSecurityContext", value: "{runAsUser: 777}", brings: "runAsUser: 777"},
		{name: "securityContext", value: "{runAsUser: 778}", brings: "runAsUser: 778"},
		{name: "podLabels", value: "{mark: pod}", brings: "mark: pod"},
		{name: "podAnnotations", value: "{note: pod}", brings: "note: pod"},
		{name: "nodeSelector", value: "{mark: node}", brings: "mark: node"},
		{name: "affinity", value: "{podAntiAffinity: {}}", brings: "podAntiAffinity:"},
		{name: "tolerations", value: "[{key: mark}]", brings: "- key: mark"},
		{name: "topologySpreadConstraints", value: "[{topologyKey: mark}]", brings: "- topologyKey: mark"},
		{name: "priorityClassName", value: "high", brings: "priorityClassName: high"},
		{name: "terminationGracePeriodSeconds", value: "77", brings: "terminationGracePeriodSeconds: 77"},
		{name: "podDisruptionBudget.maxUnavailable", value: "7", brings: "maxUnavailable: 7"},
		{name: "networkPolicy.enabled", value: "true", brings: "kind: NetworkPolicy"},
		{name: "networkPolicy.metricsFrom", value: "[{podSelector: {matchLabels: {mark: from}}}]", brings: "mark: from"},
		{name: "networkPolicy.apiServerPorts", value: "[7443]", brings: "port: 7443"},
		{name: "service.annotations", value: "{mark: service}", brings: "mark: service"},
		{name: "serviceMonitor.enabled", value: "true", brings: "kind: ServiceMonitor"},
		{name: "serviceMonitor.interval", value: "77s", brings: "interval: 77s"},
		{name: "serviceMonitor.tlsConfig", value: "{caFile: /mark/ca.crt}", brings: "caFile: /mark/ca.crt"},
		{name: "serviceMonitor.bearerTokenFile", value: "/mark/token", brings: "bearerTokenFile: /mark/token"},
		{name: "serviceMonitor.labels", value: "{mark: monitor}", brings: "mark: monitor"},
		{name: "prometheusRule.enabled", value: "true", brings: "kind: PrometheusRule"},
		{name: "prometheusRule.labels", value: "{mark: rule}", brings: "mark: rule"},
		{name: "dashboard.enabled", value: "true", brings: "-dashboard\n"},
		{name: "dashboard.labels", value: "{mark: dashboard}", brings: "mark: dashboard"},
		{name: "tests.image", value: "example.com/test", brings: "example.com/test"},
	}
	bare = []set{
		{name: "fullnameOverride", value: "whole", brings: "name: whole\n"},
		{name: "image.digest", value: "sha256:" + strings.Repeat("0", 64), brings: "@sha256:0000"},
		{name: "controller.leaderElect", value: "false", takes: "kind: Role\n"},
		{name: "serviceAccount.create", value: "false", takes: "\nkind: ServiceAccount\n"},
		{name: "serviceAccount.name", value: "theirs", brings: "serviceAccountName: theirs"},
		{name: "rbac.create", value: "false", takes: "\nkind: ClusterRole\n"},
		{name: "leash.enabled", value: "false", takes: "-leash\n"},
		{name: "policies.sources.enabled", value: "false", takes: "-sources\n"},
		{name: "policies.forgeries.enabled", value: "false", takes: "-forgeries\n"},
		{name: "rbac.mode", value: "enumerated", takes: "is cluster-admin"},
		{name: "policies.namespaces.enabled", value: "false", takes: "-namespaces\n"},
		{name: "cleanup.enabled", value: "false", takes: "pre-delete"},
		{name: "podDisruptionBudget.enabled", value: "false", takes: "kind: PodDisruptionBudget"},
	}
)

// defaults are the chart's values.yaml.
func defaults(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path(t, "charts", "kubemirror", "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestEveryValueOfTheChartTellsInWhatItInstalls(t *testing.T) {
	chart := path(t, "charts", "kubemirror")
	left := map[string]string{}
	flatten(left, "", defaults(t))
	plain := must(t, "render", helm(t, "template", "kubemirror", chart))
	for _, sets := range [][]set{marked, bare} {
		values := map[string]any{}
		for _, s := range sets {
			var value any
			if err := yaml.Unmarshal([]byte(s.value), &value); err != nil {
				t.Fatal(err)
			}
			if err := unstructured.SetNestedField(values, value, strings.Split(s.name, ".")...); err != nil {
				t.Fatal(err)
			}
			delete(left, s.name)
		}
		given, err := yaml.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		rendered := must(t, "render", helm(t, "template", "kubemirror", chart, "--values="+file(t, string(given))))
		for _, s := range sets {
			if s.brings != "" && (!strings.Contains(rendered, s.brings) || strings.Contains(plain, s.brings)) {
				t.Errorf("%s=%s does not bring %q", s.name, s.value, s.brings)
			}
			if s.takes != "" && (strings.Contains(rendered, s.takes) || !strings.Contains(plain, s.takes)) {
				t.Errorf("%s=%s does not take %q out", s.name, s.value, s.takes)
			}
		}
	}
	for name := range left {
		t.Errorf("nothing here sets %s: say what it does", name)
	}
}

func TestTheSchemaKnowsEveryValueAndNoOther(t *testing.T) {
	text, err := os.ReadFile(path(t, "charts", "kubemirror", "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	compareNames(t, "", schema, defaults(t))
}

// compareNames says where a schema and values differ in their names.
func compareNames(t *testing.T, name string, schema, values map[string]any) {
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return // a map of the user's own names
	}
	if schema["additionalProperties"] != false {
		t.Errorf("a name that %q does not have is no error", name)
	}
	for key, property := range properties {
		if property.(map[string]any)["deprecated"] == true {
			continue // of the chart of the kubemirror before: see former_test.go
		}
		if _, there := values[key]; !there && key != "global" { // Helm's own
			t.Errorf("the schema has %s.%s, and values.yaml has not", name, key)
		}
	}
	for key, value := range values {
		inner, there := properties[key].(map[string]any)
		if !there {
			t.Errorf("values.yaml has %s.%s, and the schema has not", name, key)
		}
		if nested, ok := value.(map[string]any); ok && there {
			compareNames(t, strings.TrimPrefix(name+"."+key, "."), inner, nested)
		}
	}
}

func TestEveryPodOfTheChartIsRestrictedReadOnlyAndBounded(t *testing.T) {
	env := kit.New(t)
	namespace := env.Namespace("system", "pod-security.kubernetes.io/enforce=restricted")
	all := decode(t, must(t, "render", helm(t, "template", "kubemirror", path(t, "charts", "kubemirror"))))
	pods := 0
	for _, o := range all {
		fields := []string{"spec", "template", "spec"}
		if o.GetKind() == "Pod" {
			fields = []string{"spec"}
		}
		spec, there, _ := unstructured.NestedMap(o.Object, fields...)
		if !there {
			continue
		}
		pods++
		pod := corev1.PodSpec{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &pod); err != nil {
			t.Fatal(err)
		}
		if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
			t.Errorf("%s: the environment has the addresses of all Services", o.GetKind())
		}
		c := pod.Containers[0]
		if c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s: the root file system can be written", o.GetKind())
		}
		if limit := c.Resources.Limits.Memory().Value(); limit > 0 && (len(c.Env) == 0 || c.Env[0].Name != "GOMEMLIMIT") {
			t.Errorf("%s: Go does not know of the limit of %d bytes", o.GetKind(), limit)
		}
		y, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "spec": spec,
			"metadata": map[string]any{"namespace": namespace, "name": strings.ToLower(o.GetKind())}})
		if err != nil {
			t.Fatal(err)
		}
		must(t, "apply the Pod of the "+o.GetKind(), run(t, string(y), "kubectl", "--kubeconfig="+admin(t, env), "apply", "--dry-run=server", "-f-"))
	}
	if pods != 3 {
		t.Errorf("there are %d kinds of Pods, want those of the Deployment, of the Job before uninstalling and of helm test", pods)
	}
}

func TestTheWildcardHasNoVerbsByWhichRightsAreGained(t *testing.T) {
	for _, o := range decode(t, must(t, "render", helm(t, "template", "kubemirror", path(t, "charts", "kubemirror")))) {
		rules, _, _ := unstructured.NestedSlice(o.Object, "rules")
		for _, rule := range rules {
			for _, verb := range rule.(map[string]any)["verbs"].([]any) {
				switch verb {
				case "get", "list", "watch", "create", "update", "patch", "delete":
				default:
					t.Errorf("%s %s grants %q", o.GetKind(), o.GetName(), verb)
				}
			}
		}
	}
}

func TestWhatTheChartSaysAfterAnInstallationCanBeFollowed(t *testing.T) {
	env := kit.New(t)
	system, target := "system-"+env.Prefix(), env.Namespace("target")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	said := release(t, env, system)
	km := start(t, env, system)
	hello := kit.Object("Secret", "default", "hello")
	t.Cleanup(func() { km.Kill(); env.Delete(hello); env.PatchIfThere(hello, `{"metadata":{"finalizers":null}}`) })
	config := admin(t, env)
	followed := 0
	for line := range strings.Lines(said) {
		command, ok := strings.CutPrefix(line, "  kubectl ")
		if !ok || strings.Contains(command, "rollout status") { // there are no nodes to roll out on
			continue
		}
		followed++
		command = strings.ReplaceAll(strings.TrimSpace(command), "<yours>", target)
		must(t, command, run(t, "", "kubectl", append([]string{"--kubeconfig=" + config}, strings.Fields(command)...)...))
	}
	if followed < 5 {
		t.Errorf("it said only:\n%s", said)
	}
	env.WaitFor(hello.In(target), "is there", kit.Exists)
}
