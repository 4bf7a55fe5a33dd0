package mirror

import (
	"maps"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/api"
)

// shaped returns a shape and the record of a mirror that looks just like it.
func shaped() (*Desired, *Record) {
	want := &Desired{
		Labels:      map[string]string{"app": "db", api.LabelMirror: "true"},
		Annotations: map[string]string{api.AnnotationSourceName: "db"},
		Content:     Hash{1},
	}
	want.Metadata = hashMetadata(want.Labels, want.Annotations, nil)
	return want, &Record{Standing: Marked, Metadata: want.Metadata, Stamped: true, Knowledge: Knowledge{State: ContentKnown, Content: Hash{1}}}
}

// with returns a record in whose metadata are labels of others.
func with(want *Desired, ours, theirs map[string]string) *Record {
	all := map[string]string{}
	for _, m := range []map[string]string{ours, theirs} {
		maps.Copy(all, m)
	}
	f := &Unmanaged{labels: theirs}
	return &Record{
		Standing: Marked, Stamped: true, Unmanaged: f, Metadata: hashMetadata(all, want.Annotations, f),
		Knowledge: Knowledge{State: ContentKnown, Content: want.Content},
	}
}

func TestPlan(t *testing.T) {
	want, same := shaped()
	changed := func(change func(*Record)) *Record {
		_, r := shaped()
		change(r)
		return r
	}
	for _, row := range []struct {
		it       string
		want     *Desired
		have     *Record
		accepted *Accepted
		expect   Action
	}{
		{it: "does nothing where nothing is and nothing is to be", expect: None},
		{it: "creates what isn't there", want: want, expect: Create},
		{it: "deletes what is to be there no more", have: same, expect: Delete},
		{it: "leaves what is as it should be", want: want, have: same, expect: None},
		{it: "replaces other content", want: want, have: changed(func(r *Record) { r.Content = Hash{2} }), expect: Replace},
		{it: "replaces other labels or annotations", want: want, have: changed(func(r *Record) { r.Metadata = Hash{2} }), expect: Replace},
		{it: "replaces a mirror whose stamps are gone or another's", want: want, have: changed(func(r *Record) { r.Stamped = false }), expect: Replace},
		{it: "replaces a mirror with a generation that its source has not", want: want, have: changed(func(r *Record) { r.Generation = true }), expect: Replace},
		{it: "recreates immutable content", want: want, have: changed(func(r *Record) { r.Content, r.Immutable = Hash{2}, true }), expect: Recreate},
		{it: "replaces the labels of immutable content", want: want, have: changed(func(r *Record) { r.Metadata, r.Immutable = Hash{2}, true }), expect: Replace},
		{it: "waits for what is on its way out", want: want, have: changed(func(r *Record) { r.Content, r.Terminating = Hash{2}, true }), expect: None},
		{it: "doesn't delete twice", have: changed(func(r *Record) { r.Terminating = true }), expect: None},
		{
			it: "leaves the form that the server gave to our write", want: want,
			have:     changed(func(r *Record) { r.Metadata = Hash{2} }),
			accepted: NewAccepted(want, changed(func(r *Record) { r.Metadata = Hash{2} })), expect: None,
		},
		{
			it: "replaces what was changed since the server gave it its form", want: want,
			have:     changed(func(r *Record) { r.Metadata = Hash{3} }),
			accepted: NewAccepted(want, changed(func(r *Record) { r.Metadata = Hash{2} })), expect: Replace,
		},
		{it: "reads what somebody else may have written to", want: want, have: changed(func(r *Record) { r.State = ContentTouched }), expect: Read},
		{it: "replaces what is to be changed anyway, unread", want: want, have: changed(func(r *Record) { r.State, r.Metadata = ContentTouched, Hash{2} }), expect: Replace},
		{it: "reads what may lack something that we wrote", want: want, have: changed(func(r *Record) { r.State = ContentUnread }), expect: Read},
		{it: "leaves labels that others added", want: want, have: with(want, want.Labels, map[string]string{"team": "x"}), expect: None},
		{
			it: "leaves a label of ours that somebody else set to the same", want: want,
			have: with(want, map[string]string{api.LabelMirror: "true"}, map[string]string{"app": "db"}), expect: None,
		},
		{
			it: "puts back a label of ours that somebody else set to something else", want: want,
			have: with(want, map[string]string{api.LabelMirror: "true"}, map[string]string{"app": "cache"}), expect: Replace,
		},
		{
			it: "drops a label of ours that the source has dropped", want: want,
			have: with(want, map[string]string{api.LabelMirror: "true", "app": "db", "old": "1"}, map[string]string{"team": "x"}), expect: Replace,
		},
	} {
		t.Run(row.it, func(t *testing.T) {
			if got := Plan(row.want, row.have, row.accepted, false); got != row.expect {
				t.Errorf("plans to %s, want %s", got, row.expect)
			}
		})
	}
}

// objectOf is what a draft sends.
func objectOf(t *testing.T, d Draft, replacing *Record) *unstructured.Unstructured {
	t.Helper()
	var theirs *Unmanaged
	if replacing != nil {
		theirs = replacing.Unmanaged
	}
	body, err := d.Encode(replacing, theirs, d.Source.Seen)
	if err != nil {
		t.Fatal(err)
	}
	u, err := readBody(body)
	if err != nil {
		t.Fatalf("%v in %s", err, body.Bytes)
	}
	return u
}

func TestWhatOthersAddedIsSentAlong(t *testing.T) {
	for _, kind := range []string{"Secret", "Widget"} {
		t.Run(kind, func(t *testing.T) { testSentAlong(t, kind) })
	}
}

func testSentAlong(t *testing.T, kind string) {
	src := sourceOf(kind)
	src.ResourceVersion = "7"
	want, _ := shaped()
	want.content, _ = newEncoder(src.Mirrors.GroupVersionKind, map[string]any{})
	have := with(want, want.Labels, map[string]string{"team": "x", "app": "cache"})
	have.Unmanaged.finalizers = []string{"example.com/hold"}
	have.Unmanaged.owners = []metav1.OwnerReference{{Kind: "App", Name: "a"}}
	have.Unmanaged.Status = map[string]any{"phase": "Ready"}
	have.UID, have.ResourceVersion = "u", "3"

	sent := objectOf(t, Draft{src, want, "ns", "db"}, have)
	if labels := sent.GetLabels(); labels["team"] != "x" || labels["app"] != "db" {
		t.Errorf("labels %v: want the other's key kept and ours put back", labels)
	}
	if len(sent.GetFinalizers()) != 1 || len(sent.GetOwnerReferences()) != 1 {
		t.Errorf("finalizers %v, owners %v: want those that others put there", sent.GetFinalizers(), sent.GetOwnerReferences())
	}
	if phase, _, _ := unstructured.NestedString(sent.Object, "status", "phase"); kind != "Secret" && phase != "Ready" {
		t.Errorf("status %v: want what others put there", sent.Object["status"])
	}
	if sent.GetUID() != "u" || sent.GetResourceVersion() != "3" {
		t.Errorf("I1: replaces without saying which object it means")
	}
	if created := objectOf(t, Draft{src, want, "ns", "db"}, nil); created.GetFinalizers() != nil || created.GetOwnerReferences() != nil || created.Object["status"] != nil {
		t.Errorf("a new mirror has finalizers, owners or a status")
	}
}
