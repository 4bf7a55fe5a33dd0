package mirror

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// The lists are as a server of 1.37 writes them; that it does is shown end to end.
func TestAListOfFieldsCoversContentThatItHasAllOf(t *testing.T) {
	const (
		service = `{"f:metadata":{},"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{}},"k:{\"port\":443,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{}}},"f:selector":{}}}`
		ports   = `{spec: {internalTrafficPolicy: Cluster, selector: {app: db}, ports: [{port: 80, protocol: TCP}, {port: 443, protocol: TCP}]}}`
	)
	core, custom := schema.GroupVersionKind{Version: "v1", Kind: "Any"}, schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Any"}
	for _, row := range []struct {
		it      string
		kind    schema.GroupVersionKind
		fields  string
		content string
		want    bool
	}{
		{"a Secret", core, `{"f:data":{".":{},"f:a":{},"f:b":{}},"f:type":{},"f:metadata":{}}`, `{type: Opaque, data: {a: YQ==, b: ""}}`, true},
		{"a Secret that lacks a key", core, `{"f:data":{".":{},"f:a":{}},"f:type":{}}`, `{type: Opaque, data: {a: YQ==, b: YQ==}}`, false},
		{"a Secret that lacks all", core, `{"f:type":{}}`, `{type: Opaque, data: {a: YQ==}}`, false},
		{"a ConfigMap without content", core, `{"f:metadata":{}}`, `{}`, true},
		{"a key with a dot and a colon", core, `{"f:data":{".":{},"f:a.b:c":{}}}`, `{data: {"a.b:c": x}}`, true},
		{"a Service", core, service, ports, true},
		{"a Service whose second port is gone", core, `{"f:spec":{"f:internalTrafficPolicy":{},"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:protocol":{}}},"f:selector":{}}}`, ports, false},
		{"a Service whose port has lost a field", core, `{"f:spec":{"f:ports":{".":{},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}`, `{spec: {ports: [{port: 80, protocol: TCP}]}}`, false},
		{"a key that the server fills in", core, service, `{spec: {internalTrafficPolicy: Cluster, selector: {app: db}, ports: [{port: 80}, {port: 443}]}}`, true},
		{"a template without metadata", core, `{"f:spec":{"f:template":{"f:spec":{"f:x":{}}}}}`, `{spec: {template: {metadata: {}, spec: {x: 1}}}}`, true},
		{"a set", custom, `{"f:spec":{"f:names":{".":{},"v:\"a\"":{},"v:\"b\"":{}}}}`, `{spec: {names: [a, b]}}`, true},
		{"a set that lacks one", custom, `{"f:spec":{"f:names":{".":{},"v:\"a\"":{}}}}`, `{spec: {names: [a, b]}}`, false},
		{"a list that is written as a whole", custom, `{"f:spec":{".":{},"f:names":{}}}`, `{spec: {names: [a, b]}}`, true},
		{"a map of a built-in kind that is written as a whole", core, `{"f:spec":{"f:selector":{}}}`, `{spec: {selector: {app: db}}}`, true},
		{"a struct of a built-in kind of which all was taken away", core, `{"f:spec":{"f:securityContext":{}}}`, `{spec: {securityContext: {runAsUser: 7}}}`, false},
		{"a map of a custom kind that is empty, or written as a whole", custom, `{"f:spec":{"f:selector":{}}}`, `{spec: {selector: {app: db}}}`, false},
		{"an empty map of a custom kind", custom, `{"f:spec":{"f:selector":{}}}`, `{spec: {selector: {}}}`, true},
		{"nothing that can be read", core, `[`, `{data: {}}`, false},
	} {
		t.Run(row.it, func(t *testing.T) {
			var fields map[string]any
			if err := yaml.Unmarshal([]byte(row.content), &fields); err != nil {
				t.Fatal(err)
			}
			if got := covers(row.fields, fields, row.kind); got != row.want {
				t.Errorf("covers it: %v, want %v", got, row.want)
			}
		})
	}
}
