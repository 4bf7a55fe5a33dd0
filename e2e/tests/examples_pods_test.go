package tests

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func examplePullSecrets(ex example) {
	ex.Namespace("any")
	ex.Namespace("closed", allowMirrors+"=false")
	ex.Apply(`{apiVersion: v1, kind: Secret, metadata: {name: registry, namespace: PREFIX-closed}, type: kubernetes.io/dockerconfigjson, stringData: {.dockerconfigjson: "{}"}}`) // somebody's own
	src := ex.apply("pull-secrets.yaml")
	ex.WaitFor(src.In(ex.Name("any")), "is there", kit.Exists)
	rows := []struct{ says, namespace, asks, extra, gets string }{
		{"a Pod that names none", "PREFIX-any", "", "", "registry"},
		{"a Pod that names it", "PREFIX-any", "{name: registry}", "", "registry"},
		{"a Pod that names another", "PREFIX-any", "{name: other}", "", "other registry"},
		{"a Pod that names it among others", "PREFIX-any", "{name: registry}, {name: other}", "", "registry other"},
		{"a Pod with an empty list", "PREFIX-any", " ", "", "registry"},
		{"a Pod with a variable twice", "PREFIX-any", "", ", env: [{name: A, value: one}, {name: A, value: two}]", "registry"},
		{"a Pod beside the source", "default", "", "", "registry"},
		{"a Pod where mirrors are refused", "PREFIX-closed", "", "", ""},
		{"a Pod where the source doesn't go", "kube-public", "", "", ""},
	}
	made := func(n int) *unstructured.Unstructured {
		row, list := rows[n], ""
		if row.asks != "" {
			list = "imagePullSecrets: [" + strings.TrimSpace(row.asks) + "], "
		}
		text := fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {name: PREFIX-pod-%d, namespace: %s}, spec: {%scontainers: [{name: web, image: registry.example.com/web%s}]}}", n, row.namespace, list, row.extra)
		pod := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "PREFIX", ex.Prefix())), &pod.Object); err != nil {
			ex.t.Fatal(err)
		}
		return ex.Create(pod)
	}
	probe := func(want string) func(context.Context) error {
		return func(context.Context) error {
			pod := made(0)
			ex.Delete(kit.RefTo(pod))
			ex.WaitGone(kit.RefTo(pod))
			if got := pullSecretsOf(pod); got != want {
				return fmt.Errorf("a new Pod has %q", got)
			}
			return nil
		}
	}
	ex.Eventually("the policy holds", probe("registry"))
	for n, row := range rows {
		if got := pullSecretsOf(made(n)); got != row.gets {
			ex.t.Errorf("%s gets %q, want %q", row.says, got, row.gets)
		}
	}
	template := ex.Apply("{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: PREFIX-any}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: web}]}}}}")
	if _, there, _ := unstructured.NestedSlice(template.Object, "spec", "template", "spec", "imagePullSecrets"); there {
		ex.t.Error("a template of Pods was changed")
	}

	ex.deleteSource(src)
	ex.Delete(kit.Object("Pod", ex.Name("any"), ex.Name("pod-0")))
	ex.WaitGone(kit.Object("Pod", ex.Name("any"), ex.Name("pod-0")))
	ex.Eventually("Pods get nothing where it is no more", probe(""))
}

// pullSecretsOf are the names in a Pod's imagePullSecrets.
func pullSecretsOf(pod *unstructured.Unstructured) string {
	var names []string
	list, _, _ := unstructured.NestedSlice(pod.Object, "spec", "imagePullSecrets")
	for _, item := range list {
		secret, _ := item.(map[string]any)
		names = append(names, fmt.Sprint(secret["name"]))
	}
	return strings.Join(names, " ")
}
