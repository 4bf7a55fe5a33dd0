package tests

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// TestExamples applies each file of manifests/examples as it stands, and sees that
// it does what its first lines say. The files name namespaces of their own and
// mirror to "all", so this test has the API server to itself: it is not parallel,
// and neither are its parts.
func TestExamples(t *testing.T) {
	tests := map[string]func(example){
		"basic":                exampleBasic,
		"pattern":              examplePattern,
		"all":                  exampleAll,
		"all-labeled":          exampleAllLabeled,
		"transform-configmap":  exampleTransformConfigMap,
		"transform-secret":     exampleTransformSecret,
		"transform-deployment": exampleTransformDeployment,
		"custom-resource":      exampleCustomResource,
		"externalsecret":       exampleExternalSecret,
		"pull-secrets":         examplePullSecrets,
		"ca-bundle":            exampleCABundle,
		"ca-configmap":         exampleCAConfigMap,
		"wildcard-certificate": exampleWildcardCertificate,
		"stand-in":             exampleStandIn,
		"request":              exampleRequest,
	}
	files, err := filepath.Glob(examplePath(t, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < len(tests) {
		t.Errorf("there are tests for %d examples, and the examples are %q", len(tests), files)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			test := tests[name]
			if test == nil {
				t.Fatal("this example has no test")
			}
			ex := example{kit.New(t), t}
			ex.Start("--source-namespaces=default,team-blue", "--included-namespaces=")
			test(ex)
		})
	}
}

// The table tells a reader all that there is.
func TestExamplesAreListed(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(examplePath(t, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(examplePath(t, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if !strings.Contains(string(readme), fmt.Sprintf("\n| [%s](%s) | ", name, name)) {
			t.Errorf("the README of the examples has no line for %s", name)
		}
	}
}

func exampleBasic(ex example) {
	src := ex.apply("basic.yaml")
	waitForMirrors(ex.Env, src, "orders", "billing")
	ex.WaitFor(src, "counts them", kit.HasStatus("2/2 synced"))
	orders, billing := src.In("orders"), src.In("billing")
	ex.WaitFor(orders, "is a copy", hasText("username", "app", "password", "change-me"))

	ex.Patch(src, `{"stringData":{"password":"changed"}}`)
	changed := hasText("username", "app", "password", "changed")
	ex.WaitFor(orders, "follows", changed)
	ex.WaitFor(billing, "follows", changed)

	ex.Patch(orders, `{"stringData":{"password":"edited"}}`)
	ex.WaitFor(orders, "is put back", changed)
	ex.Delete(billing)
	ex.WaitFor(billing, "is put back", changed)
	ex.deleteSource(src)
}

func examplePattern(ex example) {
	src := ex.apply("pattern.yaml")
	waitForMirrors(ex.Env, src, "app-api", "app-web")
	ex.WaitFor(src.In("app-web"), "is a copy", hasText("log_level", "info", "api_url", "https://api.example.com"))

	ex.applyNamespace("app-search")
	waitForMirrors(ex.Env, src, "app-api", "app-search", "app-web")
	ex.deleteSource(src)
}

func exampleAll(ex example) {
	ex.Namespace("any")
	src := ex.apply("all.yaml")
	waitForMirrors(ex.Env, src, ex.namespaces("default", "kube-system", "kube-public", "kube-node-lease")...)
	ex.WaitFor(src.In(ex.Name("any")), "is a copy", hasText("name", "production", "region", "eu-west-1"))
	ex.deleteSource(src)
}

func exampleAllLabeled(ex example) {
	src := ex.apply("all-labeled.yaml")
	waitForMirrors(ex.Env, src, "edge-eu", "edge-us")
	mirror := ex.WaitFor(src.In("edge-us"), "is a copy", hasText("tls.crt", "the certificate, in PEM", "tls.key", "its key, in PEM"))
	if got, _, _ := unstructured.NestedString(mirror.Object, "type"); got != "kubernetes.io/tls" {
		ex.t.Errorf("the mirror's type is %q", got)
	}

	lab := kit.Object("Namespace", "", "edge-lab")
	ex.Label(lab, domain+"allow-mirrors=true")
	waitForMirrors(ex.Env, src, "edge-eu", "edge-lab", "edge-us")
	ex.Label(lab, domain+"allow-mirrors-")
	waitForMirrors(ex.Env, src, "edge-eu", "edge-us")
	ex.deleteSource(src)
}

func exampleTransformConfigMap(ex example) {
	src := ex.apply("transform-configmap.yaml")
	waitForMirrors(ex.Env, src, "store-dev", "store-prod")
	dev := ex.WaitFor(src.In("store-dev"), "is transformed",
		hasText("HOST", "store-dev.example.com", "DEBUG", "true", "cache.size", "64Mi"))
	prod := ex.WaitFor(src.In("store-prod"), "is transformed",
		hasText("HOST", "store-prod.example.com", "cache.size", "2Gi"))
	for _, mirror := range []*unstructured.Unstructured{dev, prod} {
		if got := mirror.GetLabels()["tier"]; got != "storefront" {
			ex.t.Errorf("the label tier in %s is %q", mirror.GetNamespace(), got)
		}
	}
	ex.WaitFor(src, "keeps what it has", hasText("HOST", "localhost", "DEBUG", "true", "cache.size", "1Mi"))
	ex.deleteSource(src)
}

func exampleTransformSecret(ex example) {
	src := ex.apply("transform-secret.yaml")
	waitForMirrors(ex.Env, src, "team-blue", "team-red")
	for namespace, url := range map[string]string{
		"team-blue": "amqp://queue.example.com/team_blue",
		"team-red":  "amqp://queue.example.com/team_red",
	} {
		mirror := ex.WaitFor(src.In(namespace), "lacks the owner's keys", hasText("URL", url, "APP_KEY", "for-the-apps"))
		whole, err := yaml.Marshal(mirror)
		if err != nil {
			ex.t.Fatal(err)
		}
		for _, secret := range []string{"for-the-owner", base64.StdEncoding.EncodeToString([]byte("for-the-owner"))} {
			if strings.Contains(string(whole), secret) {
				ex.t.Errorf("the mirror in %s holds what is the owner's:\n%s", namespace, whole)
			}
		}
	}
	ex.deleteSource(src)
}

func exampleTransformDeployment(ex example) {
	src := ex.apply("transform-deployment.yaml")
	waitForMirrors(ex.Env, src, "worker-canary", "worker-eu")
	for namespace, want := range map[string]string{
		"worker-eu":     "1 registry.k8s.io/pause:3.10 info postgres://worker-eu-db:5432 worker-eu-config",
		"worker-canary": "1 registry.k8s.io/pause:3.10.1 info postgres://worker-canary-db:5432 worker-canary-config",
	} {
		if got := ex.deployment(ex.Get(src.In(namespace))); got != want {
			ex.t.Errorf("in %s it is %q, want %q", namespace, got, want)
		}
	}
	if got := ex.deployment(ex.Get(src)); got != "0 registry.k8s.io/pause:3.10 info postgres://localhost:5432 config" {
		ex.t.Errorf("the source has become %q", got)
	}
	ex.deleteSource(src)
}

func exampleCustomResource(ex example) {
	definition := ex.Apply(ex.read("crds/middlewares.yaml"))
	src := ex.apply("custom-resource.yaml")
	waitForMirrors(ex.Env, src, "web-blog", "web-shop")
	ex.WaitFor(src.In("web-shop"), "is a copy", func(o *unstructured.Unstructured) error {
		if got, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "compress", "excludedContentTypes"); !slices.Equal(got, []string{"text/event-stream"}) {
			return fmt.Errorf("it excludes %q", got)
		}
		return nil
	})
	ex.deleteSource(src)
	ex.deleteDefinition(definition)
}

func exampleExternalSecret(ex example) {
	ex.Namespace("any")
	definition := ex.Apply(ex.read("crds/externalsecrets.yaml"))
	external := ex.Get(ex.apply("externalsecret.yaml"))
	src := kit.RefTo(ex.Apply(ex.asOperator(external)))
	waitForMirrors(ex.Env, src, ex.namespaces("default", "kube-system", "kube-public", "kube-node-lease")...)
	mirror := ex.WaitFor(src.In(ex.Name("any")), "is a copy", hasText(".dockerconfigjson", `{"auths":{}}`))
	if got, _, _ := unstructured.NestedString(mirror.Object, "type"); got != "kubernetes.io/dockerconfigjson" {
		ex.t.Errorf("the mirror's type is %q", got)
	}
	if len(mirror.GetOwnerReferences()) > 0 {
		ex.t.Errorf("the mirror has the owners %v", mirror.GetOwnerReferences())
	}
	for _, keys := range []map[string]string{mirror.GetLabels(), mirror.GetAnnotations()} {
		for key := range keys {
			if strings.Contains(key, "external-secrets.io") {
				ex.t.Errorf("the mirror has the operator's %s", key)
			}
		}
	}
	ex.deleteSource(src)
	ex.Delete(kit.RefTo(external))
	ex.deleteDefinition(definition)
}

// asOperator is the Secret that the External Secrets Operator makes of an
// ExternalSecret: what the template says, owned by it, with marks of the
// operator's own.
func (ex example) asOperator(external *unstructured.Unstructured) string {
	ex.t.Helper()
	field := func(path ...string) map[string]any {
		found, ok, err := unstructured.NestedMap(external.Object, append([]string{"spec", "target", "template"}, path...)...)
		if err != nil || !ok {
			ex.t.Fatalf("the example's template has no %q: %v", path, err)
		}
		return found
	}
	labels, annotations := field("metadata", "labels"), field("metadata", "annotations")
	labels["reconcile.external-secrets.io/managed"] = "true"
	annotations["reconcile.external-secrets.io/data-hash"] = "1b9d"
	name, _, err := unstructured.NestedString(external.Object, "spec", "target", "name")
	if err != nil {
		ex.t.Fatal(err)
	}
	data := map[string]any{}
	for key := range field("data") {
		data[key] = `{"auths":{}}` // rendering is the operator's; that it is JSON, the server checks
	}
	secret, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Secret",
		"metadata": map[string]any{
			"namespace": external.GetNamespace(), "name": name, "labels": labels, "annotations": annotations,
			"ownerReferences": []any{map[string]any{
				"apiVersion": external.GetAPIVersion(), "kind": external.GetKind(),
				"name": external.GetName(), "uid": string(external.GetUID()), "controller": true,
			}},
		},
		"type":       field()["type"],
		"stringData": data,
	})
	if err != nil {
		ex.t.Fatal(err)
	}
	return string(secret)
}

// deployment tells the parts of a Deployment that the example's rules touch, and
// the variable between them that they don't.
func (ex example) deployment(o *unstructured.Unstructured) string {
	ex.t.Helper()
	list := func(name string) []any {
		found, _, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", name)
		if err != nil || len(found) != 1 {
			ex.t.Fatalf("the Deployment's %s are %v, %v", name, found, err)
		}
		return found
	}
	container, _ := list("containers")[0].(map[string]any)
	volume, _ := list("volumes")[0].(map[string]any)
	replicas, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
	parts := []string{fmt.Sprint(replicas), fmt.Sprint(container["image"])}
	env, _, _ := unstructured.NestedSlice(container, "env")
	for _, variable := range env {
		v, _ := variable.(map[string]any)
		parts = append(parts, fmt.Sprint(v["value"]))
	}
	config, _, _ := unstructured.NestedString(volume, "configMap", "name")
	return strings.Join(append(parts, config), " ")
}

// example is one example's place: an Env, and the test that it belongs to.
type example struct {
	*kit.Env
	t *testing.T
}

// read is the text of a file of manifests/examples.
func (ex example) read(file string) string {
	ex.t.Helper()
	text, err := os.ReadFile(examplePath(ex.t, file))
	if err != nil {
		ex.t.Fatal(err)
	}
	return string(text)
}

// apply applies a file of manifests/examples and returns what it is about, the
// last object in it.
func (ex example) apply(file string) kit.Ref {
	ex.t.Helper()
	text := ex.read(file)
	for document := range strings.SplitSeq(text, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
			ex.t.Fatalf("read %s: %v", file, err)
		}
		if o.GetKind() == "Namespace" {
			ex.awaitTermination(o.GetName())
		}
	}
	return kit.RefTo(ex.Apply(text))
}

func (ex example) applyNamespace(name string) {
	ex.t.Helper()
	ex.awaitTermination(name)
	ex.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + name + "}}")
}

// awaitTermination lets a namespace of the run before (-count=2) finish.
func (ex example) awaitTermination(name string) {
	ex.t.Helper()
	r := kit.Object("Namespace", "", name)
	if o := ex.Find(r); o != nil && o.GetDeletionTimestamp() != nil {
		ex.WaitGone(r)
	}
}

// namespaces lists those that can be targets, without the test's prefix, as
// mirrorsOf does.
func (ex example) namespaces(except ...string) []string {
	ex.t.Helper()
	var names []string
	for _, o := range ex.List("Namespace", "", "") {
		if o.GetDeletionTimestamp() == nil && !slices.Contains(except, o.GetName()) {
			names = append(names, strings.TrimPrefix(o.GetName(), ex.Prefix()+"-"))
		}
	}
	return names
}

// deleteSource deletes the source and sees that its mirrors went before it.
func (ex example) deleteSource(src kit.Ref) {
	ex.t.Helper()
	ex.Delete(src)
	ex.WaitGone(src)
	if left := mirrorsOf(ex.Env, src); len(left) > 0 {
		ex.t.Errorf("the source is gone, and there are mirrors in %q", left)
	}
}

// deleteDefinition leaves the server with the types that it had: each kubemirror
// of the tests that follow would look at new ones.
func (ex example) deleteDefinition(definition *unstructured.Unstructured) {
	ex.t.Helper()
	r := kit.RefTo(definition)
	ex.Delete(r)
	ex.WaitGone(r)
}

func examplePath(t *testing.T, file string) string {
	t.Helper()
	root, err := repo.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "manifests", "examples", file)
}

// hasText is the check of a ConfigMap or a Secret whose data is just that: keys and
// values in turn, as plain text.
func hasText(keysAndValues ...string) kit.Check {
	want := map[string]string{}
	for pair := range slices.Chunk(keysAndValues, 2) {
		want[pair[0]] = pair[1]
	}
	return func(o *unstructured.Unstructured) error {
		got, _, err := unstructured.NestedStringMap(o.Object, "data")
		if o.GetKind() == "Secret" {
			for key, encoded := range got {
				plain, decodeErr := base64.StdEncoding.DecodeString(encoded)
				got[key], err = string(plain), errors.Join(err, decodeErr)
			}
		}
		if err == nil && !maps.Equal(got, want) {
			err = fmt.Errorf("its data is %q, want %q", got, want)
		}
		return err
	}
}
