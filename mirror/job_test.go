package mirror

import (
	"encoding/json"
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestAJobThatIsReplacedSaysTheSelectorThatTheServerGaveIt(t *testing.T) {
	content := map[string]any{"spec": map[string]any{"suspend": true, "template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "a"}}}}}
	encoder, err := newEncoder(jobKind, content)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ it, uid, want string }{
		{"is made", "", `{"suspend": true, "template": {"metadata": {"labels": {"app": "a"}}}}`},
		{"is replaced", "u", `{"suspend": true, "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}, "template": {"metadata": {"labels": {"app": "a",
			"batch.kubernetes.io/controller-uid": "u", "controller-uid": "u", "batch.kubernetes.io/job-name": "j", "job-name": "j"}}}}`},
		{"is made again", "", `{"suspend": true, "template": {"metadata": {"labels": {"app": "a"}}}}`},
	} {
		metadata := metav1.ObjectMeta{Name: "j", Namespace: "a", UID: types.UID(row.uid)}
		body, err := encoder.encode(jobKind, &metadata, nil)
		if err != nil {
			t.Fatal(err)
		}
		var sent, want map[string]any
		if err := json.Unmarshal(body.Bytes, &sent); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(row.want), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(sent["spec"], any(want)) {
			t.Errorf("when it %s, sent is %v, want %v", row.it, sent["spec"], want)
		}
	}
}
