package mirror

import (
	"encoding/json"
	"maps"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var jobKind = batchv1.SchemeGroupVersion.WithKind("Job")

// selectsByHand reports whether a Job's author says which Pods are its own.
func selectsByHand(spec map[string]any) bool { return spec["manualSelector"] == true }

// jobLabels are the labels by which the server has a Job find its own Pods. One that was
// copied would have a Job find another's, so the server takes none.
var jobLabels = []string{batchv1.ControllerUidLabel, batchv1.JobNameLabel, "controller-uid", "job-name"}

// withoutSelector takes out of a Job's spec what the server put in: the selector and the
// labels of the Pods that it selects.
func withoutSelector(spec map[string]any) map[string]any {
	spec = maps.Clone(spec)
	delete(spec, "selector")
	template, _ := spec["template"].(map[string]any)
	metadata, _ := template["metadata"].(map[string]any)
	labels, ok := metadata["labels"].(map[string]any)
	if !ok {
		return spec
	}
	labels, metadata, template = maps.Clone(labels), maps.Clone(metadata), maps.Clone(template)
	for _, key := range jobLabels {
		delete(labels, key)
	}
	if metadata["labels"] = labels; len(labels) == 0 {
		delete(metadata, "labels")
	}
	template["metadata"], spec["template"] = metadata, template
	return spec
}

// asJob is the content of a Job. The server makes a selector and labels of the Job's UID
// and name when it is created, and takes no change of them: what replaces it says them.
type asJob map[string]any

func (j asJob) fields() map[string]any { return j }

func (j asJob) encode(kind schema.GroupVersionKind, metadata *metav1.ObjectMeta, status any) (Body, error) {
	content := map[string]any(j)
	if spec, ok := j["spec"].(map[string]any); ok && metadata.UID != "" && !selectsByHand(spec) {
		content = maps.Clone(content)
		content["spec"] = withSelector(spec, string(metadata.UID), metadata.Name)
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return Body{}, err
	}
	return inJSON(encoded).encode(kind, metadata, status)
}

// withSelector puts into a Job's spec what withoutSelector takes out, for the Job of that
// UID and name.
func withSelector(spec map[string]any, uid, name string) map[string]any {
	spec = maps.Clone(spec)
	spec["selector"] = map[string]any{"matchLabels": map[string]any{batchv1.ControllerUidLabel: uid}}
	labels := clonedIn(clonedIn(clonedIn(spec, "template"), "metadata"), "labels")
	for _, key := range []string{batchv1.ControllerUidLabel, "controller-uid"} {
		labels[key] = uid
	}
	for _, key := range []string{batchv1.JobNameLabel, "job-name"} {
		labels[key] = name
	}
	return spec
}

// clonedIn puts a copy of the map under a key in its place, and returns it.
func clonedIn(parent map[string]any, key string) map[string]any {
	child, _ := parent[key].(map[string]any)
	if child = maps.Clone(child); child == nil {
		child = map[string]any{}
	}
	parent[key] = child
	return child
}
