package types

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestSomeKindsAreNeverMirroredAndSomeOnlyWhenNamed(t *testing.T) {
	t.Parallel()
	const role, lease = "Role.v1.rbac.authorization.k8s.io", "Lease.v1.coordination.k8s.io"
	const binding, endpointSlice = "RoleBinding.v1.rbac.authorization.k8s.io", "EndpointSlice.v1.discovery.k8s.io"
	objects := map[string]string{
		role:                       `{rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}`,
		binding:                    `{roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: one}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: team}]}`,
		"ServiceAccount.v1":        `{}`,
		"Job.v1.batch":             `{spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}`,
		"Endpoints.v1":             `{subsets: [{addresses: [{ip: 192.0.2.1}], ports: [{port: 80}]}]}`,
		endpointSlice:              `{addressType: IPv4, endpoints: [{addresses: [192.0.2.1]}]}`,
		lease:                      `{spec: {holderIdentity: me}}`,
		"PersistentVolumeClaim.v1": `{spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}`,
		"ReplicaSet.v1.apps":       `{spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}}`,
		"Pod.v1":                   `{spec: {containers: [{name: c, image: i}]}}`,
	}
	env := kit.New(t)
	src, a := env.Namespace("src"), env.Namespace("a")
	for name, object := range objects {
		env.Apply(source(kit.Object(name, src, "one"), object))
	}
	untouched := func(except string) {
		t.Helper()
		for name := range objects {
			r := kit.Object(name, src, "one")
			if o := env.Get(r); name != except && (env.Find(r.In(a)) != nil || kit.StatusOf(o) != "" || slices.Contains(o.GetFinalizers(), domain+"finalizer")) {
				t.Errorf("%s is mirrored, or was touched: %v", name, o)
			}
		}
	}

	km := env.Start()
	later := kit.Object("ConfigMap.v1", src, "later")
	env.Apply(source(later, "{data: {key: value}}"))
	env.WaitFor(later, "is mirrored", isInSync)
	settles(env, km, 500*time.Millisecond)
	untouched("")
	if code := km.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	km = env.Start("--resource-types=" + role)
	env.WaitFor(kit.Object(role, src, "one"), "is mirrored", isInSync)
	env.WaitFor(kit.Object(role, a, "one"), "is a copy", isCopyOf(env.Get(kit.Object(role, src, "one"))))
	settles(env, km, 500*time.Millisecond)
	untouched(role)

	for _, name := range []string{"Endpoints.v1", endpointSlice, lease, "PersistentVolumeClaim.v1", "ReplicaSet.v1.apps", "Pod.v1"} {
		km := env.Launch(kit.Launch{Flags: []string{"--resource-types=ConfigMap.v1," + name}})
		if code, log := km.WaitExit(), km.Log(); code != 2 || strings.Count(log, "\n") != 1 || !strings.Contains(log, name) || !strings.Contains(log, "never mirrored") {
			t.Errorf("%s is named: exit code %d, and it says: %s", name, code, log)
		}
	}
}
