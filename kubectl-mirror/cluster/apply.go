package cluster

import (
	"context"
	"encoding/json"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// fieldManager is the name under which the dry run would write.
const fieldManager = "kubectl-mirror"

// Apply asks the server, by a dry run, what kubectl apply would make of an object where
// there is live (nil: nothing). Where the server refuses it, the error says so, and the
// object is as it was asked for.
func (c *Cluster) Apply(ctx context.Context, t discovery.Type, live, wanted *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	objects := c.author.Resource(t.Resource).Namespace(wanted.GetNamespace())
	dryRun := []string{metav1.DryRunAll}
	if live == nil {
		made, err := objects.Create(ctx, wanted, metav1.CreateOptions{DryRun: dryRun, FieldManager: fieldManager})
		if err != nil {
			return wanted, err
		}
		return made, nil
	}
	patch, err := applied(live, wanted)
	if err != nil {
		return wanted, err
	}
	changed, err := objects.Patch(ctx, wanted.GetName(), types.MergePatchType, patch, metav1.PatchOptions{DryRun: dryRun, FieldManager: fieldManager})
	if err == nil {
		return changed, nil
	}
	return patched(live, patch), err
}

// patched is live with a patch, without what the server makes of it.
func patched(live *unstructured.Unstructured, patch []byte) *unstructured.Unstructured {
	before, err := json.Marshal(live)
	if err != nil {
		return live
	}
	after, err := jsonpatch.MergePatch(before, patch)
	u := &unstructured.Unstructured{}
	if err != nil || u.UnmarshalJSON(after) != nil {
		return live
	}
	return u
}

// applied is the patch of kubectl apply: what was applied last and isn't wanted any more goes.
func applied(live, wanted *unstructured.Unstructured) ([]byte, error) {
	modified, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	current, err := json.Marshal(live)
	if err != nil {
		return nil, err
	}
	return jsonmergepatch.CreateThreeWayJSONMergePatch([]byte(live.GetAnnotations()[corev1.LastAppliedConfigAnnotation]), modified, current)
}

// NamespaceOf reads a namespace from a whole object.
func NamespaceOf(u *unstructured.Unstructured) *mirror.Namespace {
	m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: u.GetName(), UID: u.GetUID(), Labels: u.GetLabels(), Annotations: u.GetAnnotations(), DeletionTimestamp: u.GetDeletionTimestamp()}}
	return ingest(m)
}
