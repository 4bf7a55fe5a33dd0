package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Content is what a mirror has in common with its source: every top-level field
// but metadata and status, less what the server allocates to each object by
// itself (contract, "On a mirror"). Both sides of a comparison go through it. The
// result shares what it doesn't change with the object, and is only to be read.
func Content(object map[string]any) map[string]any {
	c := make(map[string]any, len(object))
	for key, value := range object {
		switch key {
		case "apiVersion", "kind", "metadata", "status":
		default:
			c[key] = value
		}
	}
	spec, ok := c["spec"].(map[string]any)
	switch {
	case !ok:
	case object["apiVersion"] == "v1" && object["kind"] == "Service":
		c["spec"] = withoutAllocations(spec)
	case object["apiVersion"] == "batch/v1" && object["kind"] == "Job" && !selectsByHand(spec):
		c["spec"] = withoutSelector(spec)
	}
	return c
}

// withoutAllocations takes out of a Service's spec what the server put in: addresses
// and ports above all. A headless service's "None" is no address but a wish.
func withoutAllocations(spec map[string]any) map[string]any {
	spec = maps.Clone(spec)
	delete(spec, "healthCheckNodePort")
	if spec["clusterIP"] != "None" {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	if spec["type"] == "ExternalName" {
		// It may be in storage, left from another type. The server takes it out of what is
		// got, listed or written, but not out of a watch's events.
		delete(spec, "internalTrafficPolicy")
	}
	ports, ok := spec["ports"].([]any)
	if !ok {
		return spec
	}
	copied := make([]any, len(ports))
	for i, port := range ports {
		if fields, ok := port.(map[string]any); ok {
			fields = maps.Clone(fields)
			delete(fields, "nodePort")
			port = fields
		}
		copied[i] = port
	}
	spec["ports"] = copied
	return spec
}

// refused gives the reason why an object must not be mirrored, nor come out of a
// transformation: "" where it may.
func refused(object map[string]any) string {
	if object["apiVersion"] != "v1" || object["kind"] != "Secret" {
		return ""
	}
	switch kind := object["type"]; kind {
	case "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1":
		return "Secrets of type " + kind.(string) + " are never mirrored"
	}
	return ""
}

// required has the keys that the server asks of the data of Secrets, by type: of each
// list, one.
var required = map[string][][]string{
	"kubernetes.io/tls":              {{"tls.crt"}, {"tls.key"}},
	"kubernetes.io/dockercfg":        {{".dockercfg"}},
	"kubernetes.io/dockerconfigjson": {{".dockerconfigjson"}},
	"kubernetes.io/ssh-auth":         {{"ssh-privatekey"}},
	"kubernetes.io/basic-auth":       {{"username", "password"}},
}

// incomplete gives the reason why the server would take no such Secret, with what to do:
// "" where it would. Rules that take out a key that its type asks for have to change the
// type as well.
func incomplete(object map[string]any) string {
	kind, _ := object["type"].(string)
	if object["apiVersion"] != "v1" || object["kind"] != "Secret" {
		return ""
	}
	data, _ := object["data"].(map[string]any)
	for _, keys := range required[kind] {
		if !slices.ContainsFunc(keys, func(key string) bool { _, there := data[key]; return there }) {
			return fmt.Sprintf("a Secret of type %s needs %s in data, which the rules leave out; add a rule {path: type, value: Opaque}", kind, strings.Join(keys, " or "))
		}
	}
	return ""
}

// regranted gives the reason why rules must not make that of an object: "" where they may.
// Who may give the rights of a Role or a RoleBinding in each target was asked by what the
// source has.
func regranted(kind schema.GroupVersionKind, before, after map[string]any) string {
	if kind.Group != "rbac.authorization.k8s.io" || HashContent(Content(before)) == HashContent(Content(after)) {
		return ""
	}
	return "rules may change labels and annotations of a " + kind.Kind + ", not what it grants"
}

// carried is what of a source's labels or annotations goes to its mirrors.
func carried(keys map[string]string, strip Strip) map[string]string {
	c := make(map[string]string, len(keys))
	for key, value := range keys {
		if !strings.HasPrefix(key, api.Domain+"/") && !strip.matches(key) {
			c[key] = value
		}
	}
	return c
}
