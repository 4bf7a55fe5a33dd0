package transform

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
)

// The examples of the documentation, each as it stands there.

const basicRules = `
rules:
  - path: data.LOG_LEVEL
    value: "error"
  - path: data.API_URL
    template: "https://{{.TargetNamespace}}.api.example.com"
  - path: metadata.labels
    merge:
      environment: "production"
  - path: data.DEBUG_MODE
    delete: true
`

func TestDocumentedBasics(t *testing.T) {
	got, problems, err := mustParse(t, basicRules).Apply(mustObject(t, `
apiVersion: v1
kind: ConfigMap
metadata:
  name: app-config
  labels: {kubemirror.raczylo.com/enabled: "true"}
data:
  LOG_LEVEL: debug
  API_URL: https://localhost:8080
  DEBUG_MODE: "true"
`), Context{TargetNamespace: "prod-eu"})
	want := mustObject(t, `
apiVersion: v1
kind: ConfigMap
metadata:
  name: app-config
  labels: {kubemirror.raczylo.com/enabled: "true", environment: production}
data:
  LOG_LEVEL: error
  API_URL: https://prod-eu.api.example.com
`)
	if err != nil || problems != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %s, %v, %v", asJSON(got), problems, err)
	}
}

const arrayRules = `
rules:
  - path: spec.template.spec.containers[0].image
    template: "registry.{{.TargetNamespace}}.example.com/app:v1"
  - path: spec.template.spec.containers[0].env[1].value
    template: "postgres://{{.TargetNamespace}}-db.svc:5432"
  - path: spec.template.spec.volumes[0].configMap.name
    template: "{{.TargetNamespace}}-config"
`

func TestDocumentedArrays(t *testing.T) {
	got, problems, err := mustParse(t, arrayRules).Apply(mustObject(t, `
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 3
  template:
    spec:
      containers:
      - {name: app, image: "app:v1", env: [{name: A, value: a}, {name: DB, value: localhost}]}
      volumes:
      - {name: config, configMap: {name: config}}
`), Context{TargetNamespace: "prod-eu"})
	want := mustObject(t, `
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 3
  template:
    spec:
      containers:
      - {name: app, image: "registry.prod-eu.example.com/app:v1", env: [{name: A, value: a}, {name: DB, value: "postgres://prod-eu-db.svc:5432"}]}
      volumes:
      - {name: config, configMap: {name: prod-eu-config}}
`)
	if err != nil || problems != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %s, %v, %v", asJSON(got), problems, err)
	}
}

func TestDocumentedPatterns(t *testing.T) {
	r := mustParse(t, `
rules:
  - path: data.APP_NAME
    value: "my-app"
  - path: data.GRAPHQL_HOST
    value: "https://preprod.example.com/v1/graphql"
    namespacePattern: "preprod-*"
  - path: data.GRAPHQL_HOST
    value: "https://api.example.com/v1/graphql"
    namespacePattern: "prod-*"
  - path: data.LOG_LEVEL
    value: "warn"
    namespacePattern: "*-staging"
`)
	for namespace, want := range map[string]string{
		"preprod-a":    `{APP_NAME: my-app, GRAPHQL_HOST: "https://preprod.example.com/v1/graphql"}`,
		"prod-a":       `{APP_NAME: my-app, GRAPHQL_HOST: "https://api.example.com/v1/graphql"}`,
		"prod-staging": `{APP_NAME: my-app, GRAPHQL_HOST: "https://api.example.com/v1/graphql", LOG_LEVEL: warn}`,
		"other":        `{APP_NAME: my-app}`,
	} {
		got, problems, err := r.Apply(mustObject(t, `{apiVersion: v1, kind: ConfigMap}`), Context{TargetNamespace: namespace})
		if err != nil || len(failures(problems)) > 0 || !reflect.DeepEqual(got["data"], any(mustObject(t, want))) {
			t.Errorf("%s: got %v, %v, %v", namespace, got["data"], problems, err)
		}
	}
}

const redaction = `
rules:
  - path: data.ADMIN_PASSWORD
    delete: true
  - path: data.ROOT_TOKEN
    delete: true
  - path: data.DB_HOST
    template: "{{.TargetNamespace}}.postgres.svc.cluster.local"
`

// What was taken out is nowhere in the outcome, in no form, whether the object
// comes with stringData or as the server keeps it.
func TestDocumentedRedaction(t *testing.T) {
	removed := []string{"super-secret", "root-token-xyz", "ADMIN_PASSWORD", "ROOT_TOKEN"}
	for _, object := range []string{
		`{apiVersion: v1, kind: Secret, type: Opaque, stringData: {APP_KEY: app-key-12345, ADMIN_PASSWORD: super-secret, ROOT_TOKEN: root-token-xyz, DB_HOST: localhost}}`,
		`{apiVersion: v1, kind: Secret, type: Opaque, data: {APP_KEY: YXBwLWtleS0xMjM0NQ==, ADMIN_PASSWORD: c3VwZXItc2VjcmV0, ROOT_TOKEN: cm9vdC10b2tlbi14eXo=, DB_HOST: bG9jYWxob3N0}}`,
	} {
		got, problems, err := mustParse(t, redaction).Apply(mustObject(t, object), Context{TargetNamespace: "app-one"})
		if err != nil || problems != nil {
			t.Fatal(problems, err)
		}
		want := map[string]string{"APP_KEY": "app-key-12345", "DB_HOST": "app-one.postgres.svc.cluster.local"}
		if data := decoded(t, got); !reflect.DeepEqual(data, want) {
			t.Errorf("got %q", data)
		}
		for _, text := range removed {
			if whole := asJSON(got); strings.Contains(whole, text) || strings.Contains(whole, base64.StdEncoding.EncodeToString([]byte(text))) {
				t.Errorf("%s is still there: %s", text, whole)
			}
		}
	}
}

const certificateAlone = `
rules:
  - path: data
    keep: [ca.crt, "*.pem"]
  - path: type
    value: Opaque
  - path: data["ca-bundle.crt"]
    from: data["ca.crt"]
    move: true
`

// What comes into the source later stays there, under whichever key.
func TestDocumentedKeys(t *testing.T) {
	for _, data := range []string{
		`{ca.crt: Y2E=, chain.pem: cGVt, tls.crt: Y3J0, tls.key: aHVudGVyMg==}`,
		`{ca.crt: Y2E=, chain.pem: cGVt, tls.crt: Y3J0, tls.key: aHVudGVyMg==, keystore.p12: aHVudGVyMg==}`,
	} {
		source := mustObject(t, `{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, data: `+data+`}`)
		got, problems, err := mustParse(t, certificateAlone).Apply(source, Context{TargetNamespace: "app-one"})
		want := mustObject(t, `{apiVersion: v1, kind: Secret, type: Opaque, data: {ca-bundle.crt: Y2E=, chain.pem: cGVt}}`)
		if err != nil || len(problems) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("got %s, %v, %v", asJSON(got), problems, err)
		}
	}
}
