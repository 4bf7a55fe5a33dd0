package types

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// domain begins every label and annotation of kubemirror.
const domain = "kubemirror.raczylo.com/"

// source makes a source of an object that is written without its metadata, for
// Env.Apply: what r names, with the label, and mirrored into every namespace of
// the test.
func source(r kit.Ref, object string) string {
	o := map[string]any{}
	if err := yaml.Unmarshal([]byte(object), &o); err != nil {
		panic(fmt.Sprintf("%v: %s", err, object))
	}
	kind, version, _ := strings.Cut(r.Kind, ".")
	version, group, _ := strings.Cut(version, ".")
	if version == "" {
		version = "v1"
	}
	o["apiVersion"] = strings.TrimPrefix(group+"/"+version, "/")
	o["kind"] = kind
	o["metadata"] = map[string]any{
		"namespace": r.Namespace, "name": r.Name,
		"labels":      map[string]string{domain + "enabled": "true"},
		"annotations": map[string]string{domain + "sync": "true", domain + "target-namespaces": "PREFIX-*"},
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // it came from YAML
	}
	return string(text)
}

// isInSync is the check of a source with one target that has its mirror.
var isInSync = kit.HasStatus("1/1 synced")

// isCopyOf is the check of a mirror whose content is that of its source.
func isCopyOf(src *unstructured.Unstructured) kit.Check {
	return func(o *unstructured.Unstructured) error {
		if got, want := content(o), content(src); !reflect.DeepEqual(got, want) {
			return fmt.Errorf("its content is\n%v\nwant\n%v", got, want)
		}
		if o.GetLabels()[domain+"mirror"] != "true" {
			return fmt.Errorf("its labels are %v", o.GetLabels())
		}
		return nil
	}
}

// content is what a mirror has in common with its source.
func content(o *unstructured.Unstructured) map[string]any {
	c := o.DeepCopy().Object
	delete(c, "metadata")
	delete(c, "status")
	if spec, ok := c["spec"].(map[string]any); ok && o.GetKind() == "Service" && o.GetAPIVersion() == "v1" {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	return c
}

// settles waits until the process has written nothing for as long as d. What it reads
// does not count: others' types come and go.
func settles(env *kit.Env, km *kit.Kubemirror, d time.Duration) {
	env.Eventually(fmt.Sprintf("%s writes nothing for %v", km.Name(), d), func(ctx context.Context) error {
		mark := env.Mark()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
		}
		if writes := km.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
			return fmt.Errorf("it wrote:\n%s", writes)
		}
		return nil
	})
}
