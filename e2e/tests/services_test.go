package tests

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// serviceSource is a Service that is mirrored to all namespaces; its spec is YAML, in
// one line.
func serviceSource(r kit.Ref, spec string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata:
  namespace: %s
  name: %s
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations: {kubemirror.raczylo.com/sync: "true", kubemirror.raczylo.com/target-namespaces: all}
spec: {%s}
`, r.Namespace, r.Name, spec)
}

// hasOwnAddress is the check of a Service with what the server gives to each, other
// than its source's.
func hasOwnAddress(src *unstructured.Unstructured) kit.Check {
	return func(o *unstructured.Unstructured) error {
		var errs []error
		theirs, _ := src.Object["spec"].(map[string]any)
		ours, _ := o.Object["spec"].(map[string]any)
		for _, field := range []string{"clusterIP", "healthCheckNodePort"} {
			if theirs[field] != nil && theirs[field] != "None" && (ours[field] == nil || ours[field] == theirs[field]) {
				errs = append(errs, fmt.Errorf("its %s is %v, and the source's %v", field, ours[field], theirs[field]))
			}
		}
		for i, port := range asMaps(theirs["ports"]) {
			if given := port["nodePort"]; given != nil && (asMaps(ours["ports"])[i]["nodePort"] == nil || asMaps(ours["ports"])[i]["nodePort"] == given) {
				errs = append(errs, fmt.Errorf("port %d: its node port is %v, and the source's %v", i, asMaps(ours["ports"])[i]["nodePort"], given))
			}
		}
		return errors.Join(errs...)
	}
}

func asMaps(list any) []map[string]any {
	items, _ := list.([]any)
	maps := make([]map[string]any, len(items))
	for i, item := range items {
		maps[i], _ = item.(map[string]any)
	}
	return maps
}

const webSelector, webPort = `selector: {app: web}`, `ports: [{port: 80, targetPort: http}]`

func TestServicesOfEveryTypeAreMirroredAndRest(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	from := env.Namespace("src")
	targets := []string{env.Namespace("a"), env.Namespace("b")}
	specs := []string{
		webSelector + ", " + webPort,
		webSelector + `, ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP, appProtocol: dns}], sessionAffinity: ClientIP`,
		webSelector + `, internalTrafficPolicy: Local, publishNotReadyAddresses: true, ` + webPort,
		webPort, // without a selector
		webSelector + ", clusterIP: None, " + webPort,
		webSelector + ", clusterIP: None", // without ports
		webSelector + ", type: NodePort, " + webPort,
		webSelector + ", type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80, nodePort: 31234}]",
		webSelector + ", type: LoadBalancer, " + webPort,
		webSelector + ", type: LoadBalancer, allocateLoadBalancerNodePorts: false, loadBalancerClass: example.com/lb, " + webPort,
		webSelector + ", type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 32345, loadBalancerSourceRanges: [10.0.0.0/8], " + webPort,
		"type: ExternalName, externalName: db.example.com",
		"type: ExternalName, externalName: db.example.com, " + webPort,
	}
	ref := func(i int) kit.Ref { return kit.Object("Service", from, fmt.Sprintf("row-%d", i)) }
	before := make([]map[string]any, len(specs))
	for i, spec := range specs {
		before[i] = usersPart(env.Apply(serviceSource(ref(i), spec)))
	}
	km := env.Start("--resource-types=Service.v1", "--leader-elect=false")
	exact := func() {
		t.Helper()
		for i, spec := range specs {
			env.WaitFor(ref(i), "is mirrored", kit.HasStatus("2/2 synced"))
			src := env.Get(ref(i))
			if got := usersPart(src); !reflect.DeepEqual(got, before[i]) {
				t.Errorf("{%s}: the source is %v, was %v", spec, got, before[i])
			}
			for _, target := range targets {
				o := env.WaitFor(ref(i).In(target), fmt.Sprintf("is a copy of {%s}", spec), isCopyOf(src))
				if err := hasOwnAddress(src)(o); err != nil {
					t.Errorf("{%s}: %v", spec, err)
				}
			}
		}
	}
	rests := func() {
		t.Helper()
		km.WaitQuiet(300 * time.Millisecond)
		mark := env.Mark()
		km.WaitQuiet(time.Second)
		km.Kill()
		again := env.Start("--resource-types=Service.v1", "--leader-elect=false")
		again.WaitQuiet(500 * time.Millisecond)
		writes := append(km.Since(mark), again.Since(mark)...).Where(audit.Filter{Verbs: audit.Writes})
		if len(writes) > 0 {
			t.Errorf("at rest and at a restart it wrote:\n%s", writes)
		}
		km = again
	}
	exact()
	rests()

	t.Log("a change, and drift, of each")
	for i, spec := range specs {
		if strings.Contains(spec, webSelector) {
			env.Patch(ref(i), `{"spec":{"selector":{"app":"changed"}}}`)
			env.Patch(ref(i).In(targets[0]), `{"spec":{"selector":{"tampered":"x"}}}`)
		}
		before[i] = usersPart(env.Get(ref(i)))
	}
	exact()
	rests()
}

func TestAServiceThatChangesItsTypeIsFollowed(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object("Service", env.Namespace("src"), "web")
	mirror := src.In(env.Namespace("a"))
	km := env.Start("--resource-types=Service.v1")
	for _, step := range []struct{ says, spec string }{
		{"a cluster address", webSelector + ", type: ClusterIP, " + webPort},
		{"a node port", webSelector + ", type: NodePort, " + webPort},
		{"a load balancer", webSelector + ", type: LoadBalancer, " + webPort},
		{"a load balancer for local traffic", webSelector + ", type: LoadBalancer, externalTrafficPolicy: Local, " + webPort},
		{"a node port again", webSelector + ", type: NodePort, " + webPort},
		{"a cluster address again", webSelector + ", type: ClusterIP, " + webPort},
		{"another port", webSelector + ", type: ClusterIP, ports: [{port: 81, targetPort: http}]"},
		{"a name elsewhere", "type: ExternalName, externalName: web.example.com"},
		{"another name elsewhere", "type: ExternalName, externalName: other.example.com"},
		{"no address", webSelector + ", type: ClusterIP, clusterIP: None, " + webPort},
		{"a name elsewhere again", "type: ExternalName, externalName: web.example.com"},
		{"a node port straight from there", webSelector + ", type: NodePort, " + webPort},
	} {
		env.Apply(serviceSource(src, step.spec))
		env.WaitFor(mirror, "has "+step.says, isCopyOf(env.Get(src)))
		env.WaitFor(src, "says so", kit.HasStatus("1/1 synced"))
		if err := hasOwnAddress(env.Get(src))(env.Get(mirror)); err != nil {
			t.Errorf("with %s: %v", step.says, err)
		}
		km.WaitQuiet(200 * time.Millisecond)
	}

	t.Log("types that changed are no news to the next process")
	env.Apply(serviceSource(src, "type: ExternalName, externalName: web.example.com"))
	env.WaitFor(mirror, "has a name elsewhere for the last time", isCopyOf(env.Get(src)))
	km.WaitQuiet(200 * time.Millisecond)
	km.Kill()
	mark := env.Mark()
	again := env.Start("--resource-types=Service.v1", "--leader-elect=false")
	again.WaitQuiet(500 * time.Millisecond)
	if writes := again.Since(mark).Where(audit.Filter{Verbs: audit.Writes}); len(writes) > 0 {
		t.Errorf("a restart wrote:\n%s", writes)
	}
}
