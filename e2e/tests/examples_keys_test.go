package tests

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func exampleCABundle(ex example) {
	ex.Namespace("any")
	definition := ex.Apply(ex.read("crds/certificates.yaml"))
	certificate := ex.Get(ex.apply("ca-bundle.yaml"))
	src := kit.RefTo(ex.Apply(ex.asCertManager(certificate)))
	waitForMirrors(ex.Env, src, ex.namespaces("default", "kube-system", "kube-public", "kube-node-lease")...)
	mirror := src.In(ex.Name("any"))
	ex.WaitFor(mirror, "has the certificate alone", hasText("ca.crt", "the authority", "ca-certificates.crt", "the authority"))

	ex.Patch(src, `{"stringData":{"keystore.p12":"the key once more","ca.crt":"the next authority"}}`)
	ex.WaitFor(mirror, "follows, without what came later", hasText("ca.crt", "the next authority", "ca-certificates.crt", "the next authority"))
	lacksText(ex.t, ex.Get(mirror), "the key")
	ex.deleteSource(src)
	ex.Delete(kit.RefTo(certificate))
	ex.deleteDefinition(definition)
}

// lacksText fails where an object holds a text anywhere, plain or in base64.
func lacksText(t *testing.T, o *unstructured.Unstructured, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if at := finds(o.Object, text, ""); len(at) > 0 {
			t.Errorf("the %s %s/%s holds %q at %q", o.GetKind(), o.GetNamespace(), o.GetName(), text, at)
		}
	}
}

// asCertManager is the Secret that cert-manager makes of a Certificate.
func (ex example) asCertManager(certificate *unstructured.Unstructured) string {
	ex.t.Helper()
	template, ok, err := unstructured.NestedMap(certificate.Object, "spec", "secretTemplate")
	if err != nil || !ok {
		ex.t.Fatalf("the example has no secretTemplate: %v", err)
	}
	name, _, err := unstructured.NestedString(certificate.Object, "spec", "secretName")
	if err != nil {
		ex.t.Fatal(err)
	}
	annotations, _ := template["annotations"].(map[string]any)
	annotations["cert-manager.io/certificate-name"] = certificate.GetName()
	secret, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Secret",
		"metadata": map[string]any{
			"namespace": certificate.GetNamespace(), "name": name, "labels": template["labels"], "annotations": annotations,
		},
		"type":       "kubernetes.io/tls",
		"stringData": map[string]any{"ca.crt": "the authority", "tls.crt": "the certificate", "tls.key": "the key"},
	})
	if err != nil {
		ex.t.Fatal(err)
	}
	return string(secret)
}
