package tests

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// secret stands for what must not be seen anywhere but in the objects themselves.
const secret = "hunter2-do-not-tell"

func TestI8NoContentLeavesItsObject(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("open")
	env.Namespace("taken")
	env.Namespace("talkative", "talks="+env.Prefix())
	// A policy that tells in its refusals what it was shown.
	env.Apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: PREFIX-talks}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {talks: PREFIX}}
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [secrets, configmaps]}
  validations:
  - {expression: "!has(object.data) || !('key' in object.data)", messageExpression: "'refusing ' + object.data['key']"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: PREFIX-talks}
spec: {policyName: PREFIX-talks, validationActions: [Deny]}
`)
	env.Apply(`{apiVersion: v1, kind: Secret, metadata: {name: refused, namespace: PREFIX-taken}}`)
	km := env.Start("--resource-types=Secret.v1,ConfigMap.v1", "-v=7")
	for _, kind := range []string{"Secret", configMap} {
		refused := kit.Object(kind, src, "refused")
		env.Eventually("the policy is at work", func(context.Context) error {
			env.Delete(refused)
			env.WaitGone(refused)
			env.Apply(kit.Source(refused, secret, "target-namespaces=PREFIX-*"))
			env.WaitFor(refused, "has a status", statusHolds("synced"))
			if status := kit.StatusOf(env.Get(refused)); !strings.Contains(status, env.Name("talkative")) {
				return fmt.Errorf("its status is %q", status)
			}
			return nil
		})
		env.WaitForEvent(refused, "WriteRefused", env.Name("talkative"))
		rules := kit.Object(kind, src, "rules")
		env.Apply(kit.Source(rules, secret, "target-namespaces=PREFIX-open", `transform=rules:
- {path: "data.key.deeper", value: "`+secret+`"}
- {path: "data.key[7]", value: "`+secret+`"}
- {path: data.other, template: '{{required "`+secret+`" .Labels.nothing}}'}`))
		env.WaitForEvent(rules, "TransformFailed", "rule 1")
		broken := kit.Object(kind, src, "broken")
		env.Apply(kit.Source(broken, secret, "target-namespaces=PREFIX-open", `transform=rules: [{path: data.key, value: "`+secret+`", template: x}]`))
		env.WaitForEvent(broken, "InvalidAnnotation", "transform")
	}
	env.Apply(kit.Source(kit.Object("Secret", src, "refused"), secret+"-2", "target-namespaces=PREFIX-*"))
	env.WaitFor(kit.Object("Secret", env.Name("open"), "refused"), "has changed", hasData(secret+"-2"))

	seen := map[string]string{"the log at -v=7": km.Log(), "the metrics": km.Metrics().String()}
	for _, kind := range []string{"Secret", configMap} {
		for _, name := range []string{"refused", "rules", "broken"} {
			r := kit.Object(kind, src, name)
			seen["the status of "+r.String()] = kit.StatusOf(env.Get(r))
			events, err := json.Marshal(env.Events(r))
			if err != nil {
				t.Fatal(err)
			}
			seen["the events of "+r.String()] = string(events)
		}
	}
	for where, text := range seen {
		for form, leak := range map[string]string{"plain": secret, "encoded": base64.StdEncoding.EncodeToString([]byte(secret))[:20]} {
			if at := strings.Index(text, leak); at >= 0 {
				t.Errorf("%s, %s content: …%s", where, form, text[max(0, at-200):min(len(text), at+40)])
			}
		}
	}
}
