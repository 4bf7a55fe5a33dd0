package tests

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// ruled is a source with that content (YAML, without metadata) and those rules (YAML,
// a list), and further annotations as source takes them.
func ruled(r kit.Ref, content, rules string, annotations ...string) string {
	all := map[string]string{domain + "sync": "true", domain + "transform": "rules:\n" + rules}
	for _, annotation := range annotations {
		key, text, _ := strings.Cut(annotation, "=")
		if !strings.Contains(key, "/") {
			key = domain + key
		}
		all[key] = text
	}
	metadata, err := json.Marshal(map[string]any{
		"namespace": r.Namespace, "name": r.Name,
		"labels":      map[string]string{domain + "enabled": "true", "team": "blue"},
		"annotations": all,
	})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	kind, version, _ := strings.Cut(r.Kind, ".")
	version, group, _ := strings.Cut(version, ".")
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: %s\n%s\n",
		strings.TrimPrefix(group+"/"+cmp.Or(version, "v1"), "/"), kind, metadata, content)
}

// holds is the check of an object that has all that the YAML has, and not what is
// null there. Numbers are no text. The data of a Secret is compared as plain text.
func holds(text string) kit.Check {
	return func(o *unstructured.Unstructured) error {
		converted, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			return err
		}
		var want map[string]any
		if err := utiljson.Unmarshal(converted, &want); err != nil {
			return err
		}
		have := o.DeepCopy().Object
		if data, isSecret := have["data"].(map[string]any); isSecret && o.GetKind() == "Secret" {
			for key, encoded := range data {
				plain, err := base64.StdEncoding.DecodeString(encoded.(string))
				if err != nil {
					return fmt.Errorf("data.%s: %w", key, err)
				}
				data[key] = string(plain)
			}
		}
		return lacks(have, want, "")
	}
}

// lacks says what of want have hasn't.
func lacks(have, want any, path string) error {
	switch want := want.(type) {
	case map[string]any:
		fields, _ := have.(map[string]any)
		var errs []error
		for key, value := range want {
			errs = append(errs, lacks(fields[key], value, path+"."+key))
		}
		return errors.Join(errs...)
	case []any:
		list, _ := have.([]any)
		if len(list) != len(want) {
			return fmt.Errorf("%s has %d elements, want %d", path, len(list), len(want))
		}
		var errs []error
		for i := range want {
			errs = append(errs, lacks(list[i], want[i], fmt.Sprintf("%s[%d]", path, i)))
		}
		return errors.Join(errs...)
	}
	if !reflect.DeepEqual(have, want) {
		return fmt.Errorf("%s is %#v, want %#v", path, have, want)
	}
	return nil
}

const deploymentKind = "Deployment.v1.apps"

// deployment has something at each path that the examples of array indexing name.
const deployment = `
spec:
  replicas: 0
  selector: {matchLabels: {app: worker}}
  template:
    metadata: {labels: {app: worker}}
    spec:
      initContainers: [{name: init, image: init:v1}]
      containers:
      - {name: app, image: app:v1, env: [{name: LEVEL, value: info}, {name: DB, value: postgres://localhost}]}
      - {name: sidecar, image: sidecar:v1}
      volumes: [{name: config, configMap: {name: config}}]
`

// The examples of the documentation come first, and keep their words. Where one names
// namespaces, they begin with the test's prefix here.
func TestMirrorsAreWhatRulesMakeOfTheirSource(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	for _, name := range []string{"dev-1", "prod-1", "preprod-1", "a-staging"} {
		env.Namespace(name)
	}
	rows := []struct {
		it                   string
		kind, content, rules string
		annotations          []string
		want                 map[string]string // by namespace
	}{
		{it: "has values for each environment", kind: configMap,
			content: `data: {LOG_LEVEL: debug, API_URL: "https://localhost:8080", DEBUG_MODE: "true"}`,
			rules: `
  # Set log level to error in production
  - path: data.LOG_LEVEL
    value: "error"

  # Generate namespace-specific API URLs
  - path: data.API_URL
    template: "https://{{.TargetNamespace}}.api.example.com"

  # Add environment labels
  - path: metadata.labels
    merge:
      environment: "production"

  # Remove debug configurations
  - path: data.DEBUG_MODE
    delete: true
`,
			want: map[string]string{
				"dev-1":  `{metadata: {labels: {environment: production, team: blue}}, data: {LOG_LEVEL: error, API_URL: "https://PREFIX-dev-1.api.example.com", DEBUG_MODE: null}}`,
				"prod-1": `{metadata: {labels: {environment: production, team: blue}}, data: {LOG_LEVEL: error, API_URL: "https://PREFIX-prod-1.api.example.com", DEBUG_MODE: null}}`,
			}},
		{it: "has elements of lists changed", kind: deploymentKind, content: deployment,
			rules: `
  # Container image
  - path: spec.template.spec.containers[0].image
    template: "registry.{{.TargetNamespace}}.example.com/app:v1"

  # Environment variable
  - path: spec.template.spec.containers[0].env[1].value
    template: "postgres://{{.TargetNamespace}}-db.svc:5432"

  # Volume ConfigMap reference
  - path: spec.template.spec.volumes[0].configMap.name
    template: "{{.TargetNamespace}}-config"

  - {path: "spec.template.spec.initContainers[0].image", value: "init:v2"}
  - {path: "spec.template.spec.containers[-1].image", value: "last:v2"}
`,
			want: map[string]string{"dev-1": `
spec:
  replicas: 0
  template:
    spec:
      initContainers: [{name: init, image: init:v2}]
      containers:
      - {name: app, image: registry.PREFIX-dev-1.example.com/app:v1, env: [{name: LEVEL, value: info}, {name: DB, value: "postgres://PREFIX-dev-1-db.svc:5432"}]}
      - {name: sidecar, image: last:v2}
      volumes: [{name: config, configMap: {name: PREFIX-dev-1-config}}]
`}},
		{it: "has rules for some namespaces", kind: configMap, content: `data: {APP_NAME: x, GRAPHQL_HOST: none, LOG_LEVEL: info}`,
			rules: `
  # Global rule (no pattern) - applies to ALL namespaces
  - path: data.APP_NAME
    value: "my-app"

  # Only preprod namespaces (preprod-*)
  - path: data.GRAPHQL_HOST
    value: "https://preprod.example.com/v1/graphql"
    namespacePattern: "PREFIX-preprod-*"

  # Only production namespaces (prod-*)
  - path: data.GRAPHQL_HOST
    value: "https://api.example.com/v1/graphql"
    namespacePattern: "PREFIX-prod-?"

  # Staging environments (*-staging)
  - path: data.LOG_LEVEL
    value: "warn"
    namespacePattern: "*-staging"
`,
			want: map[string]string{
				"preprod-1": `{data: {APP_NAME: my-app, GRAPHQL_HOST: "https://preprod.example.com/v1/graphql", LOG_LEVEL: info}}`,
				"prod-1":    `{data: {APP_NAME: my-app, GRAPHQL_HOST: "https://api.example.com/v1/graphql", LOG_LEVEL: info}}`,
				"a-staging": `{data: {APP_NAME: my-app, GRAPHQL_HOST: none, LOG_LEVEL: warn}}`,
			}},
		{it: "is strict and succeeds", kind: configMap, content: `data: {key: value, CRITICAL_VALUE: old}`,
			rules: `
  - path: data.CRITICAL_VALUE
    value: "must-succeed"
`, annotations: []string{"transform-strict=true"},
			want: map[string]string{"dev-1": `{data: {CRITICAL_VALUE: must-succeed, key: value}}`}},
		{it: "has functions", kind: configMap, content: `data: {key: value}`,
			rules: `
  - {path: data.replace, optional: true, template: '{{replace .TargetNamespace "-" "_"}}'}
  - {path: data.case, optional: true, template: '{{upper "abc"}}{{lower "DEF"}}'}
  - {path: data.trim, optional: true, template: '{{trimPrefix .TargetNamespace "PREFIX-"}}{{trimSuffix "app-v1" "-v1"}}'}
  - {path: data.has, optional: true, template: '{{hasPrefix .TargetNamespace "PREFIX-d"}} {{if hasSuffix .TargetNamespace "-2"}}two{{else}}one{{end}}'}
  - {path: data.default, optional: true, template: '{{default "fallback" .Labels.none}} {{default "fallback" .Labels.team}}'}
`,
			want: map[string]string{"dev-1": `{data: {replace: PREFIX_dev_1, case: ABCdef, trim: dev-1app, has: true one, default: fallback blue}}`}},
		{it: "has variables", kind: configMap, content: `data: {key: value}`,
			rules: `
  - {path: data.all, optional: true, template: '{{.SourceNamespace}}/{{.SourceName}} {{.TargetNamespace}}/{{.TargetName}} {{.Labels.team}} {{index .Annotations "example.com/note"}}'}
`, annotations: []string{"target-name=other", "example.com/note=noted"},
			want: map[string]string{"dev-1/other": `{data: {all: PREFIX-src/row-5 PREFIX-dev-1/other blue noted}}`}},
		{it: "has keys with dots and slashes", kind: configMap, content: `data: {tls.key: a, app.conf: b}`,
			rules: `
  - {path: 'data["tls.key"]', value: changed}
  - {path: 'data.app\.conf', delete: true}
  - {path: 'metadata.annotations["example.com/note"]', optional: true, template: "{{.TargetNamespace}}"}
  - {path: metadata.labels.team, delete: true}
`,
			want: map[string]string{"dev-1": `{metadata: {labels: {team: null}, annotations: {example.com/note: PREFIX-dev-1}}, data: {tls.key: changed, app.conf: null}}`}},
		{it: "has numbers, which stay numbers", kind: deploymentKind, content: deployment,
			rules: `
  - {path: spec.replicas, value: 3}
  - {path: spec.strategy, merge: {rollingUpdate: {maxSurge: 2, maxUnavailable: 10%}}}
  - {path: spec.template.spec.hostNetwork, value: true, optional: true}
`,
			want: map[string]string{"dev-1": `{spec: {replicas: 3, strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 10%}}, template: {spec: {hostNetwork: true}}}}`}},
		{it: "is a Secret, whose data rules see as text", kind: "Secret", content: `stringData: {USER: me, HOST: localhost, ADMIN: admin, ROOT: root}`,
			rules: `
  - {path: data.HOST, template: "{{.TargetNamespace}}.example.com"}
  - {path: stringData.USER, value: you}
  - {path: stringData.ADMIN, delete: true}
  - {path: data.ROOT, delete: true}
  - {path: data, merge: {MORE: "1"}}
  - {path: type, value: example.com/mine}
`,
			want: map[string]string{"dev-1": `{type: example.com/mine, data: {USER: you, HOST: PREFIX-dev-1.example.com, ADMIN: null, ROOT: null, MORE: "1"}}`}},
		{it: "has templates within the limits", kind: configMap, content: `data: {key: value}`, rules: longTemplates,
			want: map[string]string{"dev-1": `{data: {steps: done, key: value}}`}},
	}
	env.Start("--resource-types=ConfigMap.v1,Secret.v1," + deploymentKind)
	for i, row := range rows {
		targets := []string{}
		for place := range row.want {
			namespace, _, _ := strings.Cut(place, "/")
			targets = append(targets, env.Name(namespace))
		}
		r := kit.Object(row.kind, src, fmt.Sprintf("row-%d", i))
		env.Apply(ruled(r, row.content, row.rules, append(row.annotations, "target-namespaces="+strings.Join(targets, ","))...))
	}
	for i, row := range rows {
		r := kit.Object(row.kind, src, fmt.Sprintf("row-%d", i))
		for place, want := range row.want {
			namespace, name, _ := strings.Cut(place, "/")
			mirror := kit.Object(row.kind, env.Name(namespace), cmp.Or(name, r.Name))
			env.WaitFor(mirror, row.it, holds(strings.ReplaceAll(want, "PREFIX", env.Prefix())))
		}
		env.WaitFor(r, row.it, kit.HasStatus(fmt.Sprintf("%d/%[1]d synced", len(row.want))))
	}
}

// longTemplates take some thousand steps and write two KiB.
var longTemplates = `
  - {path: data.steps, optional: true, template: '{{range split "` + strings.Repeat("x", 2000) + `" ""}}{{end}}done'}
  - {path: data.text, optional: true, template: '{{range split "` + strings.Repeat("x", 128) + `" ""}}0123456789abcdef{{end}}'}
`

func TestMirrorsFollowTheirRulesAndWhatTheseRead(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "app")
	a, b := src.In(env.Namespace("a")), src.In(env.Namespace("b"))
	env.Start("--resource-types=ConfigMap.v1")
	where := "- {path: data.where, optional: true, template: '{{.TargetNamespace}}'}\n"
	reads := where + "- {path: data.read, optional: true, template: '{{.Labels.team}} {{index .Annotations \"example.com/note\"}}'}\n"
	apply := func(content, rules string) func() {
		return func() {
			env.Apply(ruled(src, content, rules, "target-namespaces=PREFIX-*", "example.com/note=one"))
		}
	}
	const content, changed = "data: {key: value, other: x}", "data: {key: changed, other: x}"
	for _, step := range []struct {
		says string
		do   func()
		want string
	}{
		{"a source with a rule", apply(content, where), `{key: value, other: x, where: HERE}`},
		{"a rule is changed", apply(content, "- {path: data.where, optional: true, template: 'in {{.TargetNamespace}}'}"), `{key: value, other: x, where: in HERE}`},
		{"a rule is added", apply(content, reads), `{key: value, other: x, where: HERE, read: blue one}`},
		{"a label that a template reads is changed", func() { env.Label(src, "team=red") }, `{key: value, other: x, where: HERE, read: red one}`},
		{"an annotation that a template reads is changed", func() { env.Annotate(src, "example.com/note=two") }, `{key: value, other: x, where: HERE, read: red two}`},
		{"the content is changed", apply(changed, reads), `{key: changed, other: x, where: HERE, read: blue one}`},
		{"a rule that deletes is added", apply(changed, where+"- {path: data.key, delete: true}"), `{other: x, where: HERE}`},
		{"it is taken away", apply(changed, where), `{key: changed, other: x, where: HERE}`},
		{"all rules are", func() { env.Annotate(src, domain+"transform-") }, `{key: changed, other: x}`},
	} {
		step.do()
		for _, mirror := range []kit.Ref{a, b} {
			env.WaitFor(mirror, "is right after "+step.says, func(o *unstructured.Unstructured) error {
				var want map[string]any
				if err := yaml.Unmarshal([]byte(strings.ReplaceAll(step.want, "HERE", mirror.Namespace)), &want); err != nil {
					return err
				}
				if !reflect.DeepEqual(o.Object["data"], any(want)) {
					return fmt.Errorf("its data is %v, want %v", o.Object["data"], want)
				}
				return nil
			})
		}
		env.WaitFor(src, "is in sync after "+step.says, kit.HasStatus("2/2 synced"))
	}
}

func TestI3TwoTargetsWithDifferentOutcomesBothRest(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	a, b := env.Namespace("a"), env.Namespace("b")
	const rules = `
  - {path: data.where, optional: true, template: "{{.TargetNamespace}}"}
  - {path: data.gone, delete: true, namespacePattern: "*-a"}
  - {path: metadata.labels, merge: {environment: test}}
`
	const fails = rules + "  - {path: 'data.key[0]', value: x, namespacePattern: '*-b'}\n"
	secretRef, text := kit.Object("Secret", src, "app"), kit.Object(configMap, src, "app")
	scale, named := kit.Object(deploymentKind, src, "app"), kit.Object(configMap, src, "named")
	strict, lenient := kit.Object(configMap, src, "strict"), kit.Object(configMap, src, "lenient")
	everywhere := "target-namespaces=PREFIX-a,PREFIX-b"
	km := env.Start("--resource-types=ConfigMap.v1,Secret.v1,"+deploymentKind, "--leader-elect=false")
	const content = "data: {key: dmFsdWU=, gone: eA==}"
	env.Apply(ruled(secretRef, content, rules, everywhere))
	env.Apply(ruled(text, content, rules, everywhere))
	env.Apply(ruled(named, content, rules, everywhere, "target-name={{.TargetNamespace}}-{{.SourceName}}"))
	env.Apply(ruled(scale, deployment, "- {path: spec.replicas, value: 3, namespacePattern: '*-a'}", everywhere))
	env.Apply(ruled(strict, content, fails, everywhere, "transform-strict=true"))
	env.Apply(ruled(lenient, content, fails, everywhere))
	for _, r := range []kit.Ref{secretRef, text, scale, named} {
		env.WaitFor(r, "is done", kit.HasStatus("2/2 synced"))
	}
	env.WaitFor(strict, "has failed in one of two", statusHolds("1/2 synced: "+b+": "))
	env.WaitFor(lenient, "has skipped a rule in one of two", statusHolds("2/2 synced: "+b+": "))
	km.WaitQuiet(time.Second)

	t.Log("drift is what differs from the outcome: each is one write, and no more")
	for _, row := range []struct {
		mirror      kit.Ref
		patch, want string
	}{
		{text.In(a), `{"data":{"where":"nowhere"}}`, "data: {where: " + a + ", key: dmFsdWU=, gone: null}"},
		{text.In(a), `{"data":{"gone":"eA=="}}`, "data: {where: " + a + ", key: dmFsdWU=, gone: null}"},
		{text.In(b), `{"data":{"gone":null}}`, "data: {where: " + b + ", key: dmFsdWU=, gone: eA==}"},
		{text.In(b), `{"metadata":{"labels":{"environment":"production"}}}`, "metadata: {labels: {environment: test}}"},
		{secretRef.In(a), `{"stringData":{"where":"nowhere"}}`, "data: {where: " + a + ", key: value, gone: null}"},
		{scale.In(a), `{"spec":{"replicas":5}}`, "spec: {replicas: 3}"},
		{scale.In(b), `{"spec":{"replicas":5}}`, "spec: {replicas: 0}"},
	} {
		mark := env.Mark()
		env.Patch(row.mirror, row.patch)
		env.WaitFor(row.mirror, "is put right after "+row.patch, holds(row.want))
		km.WaitQuiet(200 * time.Millisecond)
		if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) != 1 {
			t.Errorf("%s of %s took, instead of one write:\n%s", row.patch, row.mirror, writes)
		}
	}

	km.Stop()
	mark := env.Mark()
	again := env.Start("--resource-types=ConfigMap.v1,Secret.v1,"+deploymentKind, "--leader-elect=false")
	again.WaitQuiet(time.Second)
	if writes := again.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("a restart on what is as it should be wrote:\n%s", writes)
	}
	if env.Find(strict.In(b)) != nil {
		t.Error("a strict source's mirror is there though a rule failed")
	}
}
