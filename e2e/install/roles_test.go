package install

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// managers may write roles and bindings, and have none of the rights that these give.
const managers = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-manager}
rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [roles, rolebindings], verbs: [get, list, create, update, patch, delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: PREFIX-escalator}
rules: [{apiGroups: [rbac.authorization.k8s.io], resources: [roles, clusterroles], verbs: [escalate, bind]}]
`

// asRole is a Role source, or a RoleBinding one to the ClusterRole edit.
func asRole(kind, name, targets string) string {
	rest := "rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]\n"
	if kind == "RoleBinding" {
		rest = "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: PREFIX-editor}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: PREFIX-ann}]\n"
	}
	return object("rbac.authorization.k8s.io/v1", kind, name, "target-namespaces="+targets) + rest
}

// Kubernetes asks KubeMirror's own rights when KubeMirror writes a Role; the policy asks
// those of the Role's author.
func TestNobodyMirrorsARoleToWhereHeMayNotGiveItsRights(t *testing.T) {
	env := kit.New(t)
	src, a, b := env.Namespace("src"), env.Namespace("a"), env.Namespace("b")
	env.Apply(editors)
	env.Apply(managers)
	policed(t, env, "--set=controller.resourceTypes={Secret.v1,Role.v1.rbac.authorization.k8s.io,RoleBinding.v1.rbac.authorization.k8s.io}")
	ann, boss := env.Name("ann"), env.Name("boss")
	for _, namespace := range []string{src, a, b} {
		grant(env, ann, env.Name("manager"), namespace)
	}
	for _, namespace := range []string{src, a} {
		grant(env, ann, env.Name("escalator"), namespace)
	}
	grant(env, boss, env.Name("manager"), "")
	grant(env, boss, env.Name("escalator"), "")
	for kind, verb := range map[string]string{"Role": "escalate", "RoleBinding": "bind"} {
		inB := `"PREFIX-ann" may not ` + verb + ` this role in the namespace "PREFIX-b"`
		everywhere := `"PREFIX-ann" may not ` + verb + ` this role in every namespace`
		plural := strings.ToLower(kind)
		t.Logf("%s: one who may give its rights in a only, and write it in b", kind)
		do(t, env, "kubemirror-", kubeconfig(t, env, ann), []deed{
			{"ask for a", "", asRole(kind, "r1", "PREFIX-a"), "create -f-", ""},
			{"ask for b", "", asRole(kind, "r2", "PREFIX-b"), "create -f-", inB},
			{"ask for both", "", asRole(kind, "r2", "PREFIX-a , PREFIX-b"), "create -f-", inB},
			{"add b later", "", "", "annotate --overwrite " + plural + " r1 kubemirror.raczylo.com/target-namespaces=PREFIX-a,PREFIX-b", inB},
			{"change what another has sent to b", asRole(kind, "r3", "PREFIX-b"), "", `label ` + plural + ` r3 a=b`, inB},
			{"take it back", "", "", "annotate --overwrite " + plural + " r3 kubemirror.raczylo.com/target-namespaces=PREFIX-a", ""},
			{"write what goes nowhere", "", asRole(kind, "r4", ""), "create -f-", ""},
		})
		do(t, env, "kubemirror-", kubeconfig(t, env, boss), []deed{
			{"one who may everywhere asks for all", "", asRole(kind, "r5", "all"), "create -f-", ""},
		})
		t.Logf("%s: one who may write it everywhere, and give its rights in a", kind)
		grant(env, ann, env.Name("manager"), "")
		do(t, env, "kubemirror-roles", kubeconfig(t, env, ann), []deed{
			{"ask for all", "", asRole(kind, "r6", "all"), "create -f-", everywhere},
			{"ask by a glob", "", asRole(kind, "r6", "PREFIX-?"), "create -f-", everywhere},
			{"ask for too many", "", asRole(kind, "r6", strings.Repeat("PREFIX-a,", 30)), "create -f-", everywhere},
			{"ask for more than can be read", "", asRole(kind, "r6", strings.Repeat("a,", 200)), "create -f-", everywhere},
			{"ask for a", "", asRole(kind, "r6", "PREFIX-a"), "create -f-", ""},
		})
		env.Delete(kit.Object("ClusterRoleBinding.v1.rbac.authorization.k8s.io", "", ann+"-"+env.Name("manager")))
	}
}
