package kit

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// Controllers is the group of kubemirror processes: what manifests/ lets the
// controller's account do, they may, and nothing else.
const Controllers = "kubemirror-controllers"

// grant gives the group Controllers the rights of manifests/rbac.yaml.
func grant(ctx context.Context, c *client) error {
	objects, err := manifest(ctx, "rbac.yaml", nil)
	if err != nil {
		return err
	}
	for _, o := range objects {
		switch o.GetKind() {
		case "ClusterRole":
		case "ClusterRoleBinding":
			name, _, _ := unstructured.NestedString(o.Object, "roleRef", "name")
			o.Object["roleRef"].(map[string]any)["name"] = ours(name)
			o.Object["subjects"] = []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": Controllers}}
		default:
			continue // leases of tests are in namespaces of their own, and among the types
		}
		if err := c.make(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// isController is the leash's condition that a request is a kubemirror process's.
const isController = "request.userInfo.groups.exists(g, g == '" + Controllers + "')"

// namedKinds are the kinds that tests name with --resource-types, for which the chart would
// render the leash.
const namedKinds = `"/ServiceAccount","rbac.authorization.k8s.io/Role","rbac.authorization.k8s.io/RoleBinding","batch/Job","resource.k8s.io/ResourceClaim"`

// leash puts the policy of manifests/leash.yaml on the group Controllers.
func leash(ctx context.Context, c *client) error {
	objects, err := manifest(ctx, "leash.yaml", map[string]string{
		`request.userInfo.username in ["system:serviceaccount:kubemirror-system:kubemirror","system:serviceaccount:kubemirror-system:kubemirror-cleanup"]`: isController,
		"request.userInfo.username == 'system:serviceaccount:kubemirror-system:kubemirror'":                                                                isController,
		// As where they are named.
		`"resource.k8s.io/ResourceClaimTemplate"]`:   `"resource.k8s.io/ResourceClaimTemplate",` + namedKinds + `]`,
		"request.namespace == ''kubemirror-system''": "request.namespace.startsWith(''leases-'')",
	})
	if err != nil {
		return err
	}
	for _, o := range objects {
		if o.GetKind() == "ValidatingAdmissionPolicyBinding" {
			o.Object["spec"].(map[string]any)["policyName"] = ours("kubemirror-leash")
		}
		if err := c.make(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// ours is a name that no release of the chart has.
func ours(name string) string { return "tested-" + name }

// manifest reads a file of manifests/, with some of its text replaced.
func manifest(ctx context.Context, name string, replace map[string]string) ([]*unstructured.Unstructured, error) {
	root, err := repo.Root(ctx)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "manifests", name)) //nolint:gosec // our own file
	if err != nil {
		return nil, err
	}
	for old, new := range replace {
		if !bytes.Contains(text, []byte(old)) {
			return nil, fmt.Errorf("manifests/%s no longer has %q", name, old)
		}
		text = bytes.ReplaceAll(text, []byte(old), []byte(new))
	}
	objects, err := decode(string(text))
	if err != nil {
		return nil, fmt.Errorf("read manifests/%s: %w", name, err)
	}
	return objects, nil
}

func (c *client) make(ctx context.Context, o *unstructured.Unstructured) error {
	o.SetName(ours(o.GetName()))
	o.SetLabels(nil) // they would make it a part of a release
	r := RefTo(o)
	resource, err := c.resource(r.Kind, r.Namespace)
	if err != nil {
		return err
	}
	if _, err := resource.Create(ctx, o, metav1.CreateOptions{FieldManager: tester}); err != nil {
		return fmt.Errorf("create %s: %w", r, err)
	}
	return nil
}

// checkRights fails the test if RBAC has refused anything to a process that has the
// rights of Controllers: the manifests lack a right then.
func (e *Env) checkRights() {
	if !e.suite.asInstalled {
		return
	}
	for _, k := range e.processes {
		if !k.asInstalled {
			continue
		}
		requests, err := e.Audit().Since(context.Background(), e.begin, audit.Filter{User: k.User})
		if err != nil {
			e.t.Errorf("read what %s has asked: %v", k.User, err)
		}
		for _, r := range requests {
			if r.Forbidden {
				e.t.Errorf("the manifests lack the right to %s", r)
			}
		}
	}
}
