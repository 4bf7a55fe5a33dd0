package mirror

import (
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lukaszraczylo/kubemirror/api"
)

// writes are managedFields: who wrote what at which second.
func writes(entries ...metav1.ManagedFieldsEntry) *Knowledge {
	o := ownershipOf(entries)
	k := knowledgeOf(&o)
	return &k
}

func wrote(manager string, second int64, fields string) metav1.ManagedFieldsEntry {
	at := metav1.Unix(second, 0)
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Time: &at, FieldsV1: metav1.NewFieldsV1(fields)}
}

const (
	us         = api.FieldManager
	ourFields  = `{"f:data":{".":{},"f:a":{},"f:b":{}},"f:metadata":{"f:labels":{"f:app":{}}}}`
	lessLabels = `{"f:data":{".":{},"f:a":{},"f:b":{}},"f:metadata":{}}`
	lessData   = `{"f:data":{".":{},"f:a":{}},"f:metadata":{"f:labels":{"f:app":{}}}}`
	aLabel     = `{"f:metadata":{"f:labels":{"f:team":{}}}}`
	aStatus    = `{"f:status":{"f:ready":{}}}`
	aSpec      = `{"f:spec":{"f:replicas":{}}}`
	aKey       = `{"f:data":{"f:c":{}}}`
)

func TestWhoWroteItTellsWhetherTheContentIsStillOurs(t *testing.T) {
	scaled := wrote("autoscaler", 9, `{"f:spec":{"f:replicas":{}}}`)
	scaled.Subresource = "scale"
	for _, row := range []struct {
		it    string
		after *Knowledge
		want  contentState
	}{
		{"nobody has, and there is another version: the order of a list, say", writes(wrote(us, 5, ourFields)), ContentTouched},
		{"a label was added", writes(wrote(us, 5, ourFields), wrote("kubectl", 9, aLabel)), ContentKnown},
		{"a label of ours was changed", writes(wrote(us, 5, lessLabels), wrote("kubectl", 9, aLabel)), ContentKnown},
		{"a status was written", writes(wrote(us, 5, ourFields), wrote("operator", 9, aStatus)), ContentKnown},
		{"a key was added", writes(wrote(us, 5, ourFields), wrote("kubectl", 9, aKey)), ContentTouched},
		{"a key was taken away, which leaves no other trace", writes(wrote(us, 5, lessData)), ContentTouched},
		{"what others wrote before is as it was", writes(wrote(us, 5, ourFields), wrote("hpa", 3, aSpec), wrote("operator", 9, aStatus)), ContentTouched},
		{"it was scaled", writes(wrote(us, 5, ourFields), scaled), ContentTouched},
		{"somebody wrote in our name", writes(wrote(us, 9, ourFields)), ContentTouched},
		{"managedFields were emptied", writes(), ContentTouched},
	} {
		t.Run(row.it, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := writes(wrote(us, 5, ourFields))
				before.Learn(Hash{1}, true)
				time.Sleep(secondPasses + 1)
				row.after.Follow(before)
				if row.after.State != row.want {
					t.Errorf("state %d, want %d", row.after.State, row.want)
				}
				if row.want == ContentKnown && (row.after.Content != Hash{1} || !row.after.Immutable) {
					t.Error("what is known of the content is lost")
				}
			})
		})
	}
}

// The server counts in seconds: within one, somebody who writes in our name leaves no
// trace in managedFields.
func TestWhatChangesRightAfterAWriteOfOursIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours := writes(wrote(us, 5, ourFields))
		ours.Learn(Hash{1}, false)
		time.Sleep(secondPasses)
		next := writes(wrote(us, 5, ourFields), wrote("kubectl", 5, aLabel))
		next.Follow(ours)
		if next.State != ContentTouched {
			t.Error("it counts as unchanged")
		}
		next.Learn(Hash{1}, false) // read
		time.Sleep(time.Nanosecond)
		later := writes(wrote(us, 5, ourFields), wrote("kubectl", 6, aLabel))
		later.Follow(next)
		if later.State != ContentKnown {
			t.Error("it is read again, though the second is over")
		}
	})
}

func TestAfterARestartAMirrorIsWhatItSaysUnlessSomebodyWroteToIt(t *testing.T) {
	src := sourceOf("ConfigMap")
	shape, _ := shapeOf(t, src, `{data: {a: x, b: y}}`)
	for _, row := range []struct {
		it     string
		has    *Knowledge
		stated bool
		want   match
	}{
		{"it has all that we wrote", writes(wrote(us, 5, ourFields)), true, contentSame},
		{"it says that it was made of something else", writes(wrote(us, 5, ourFields)), false, contentUnclear},
		{"it has another's label", writes(wrote(us, 5, ourFields), wrote("kubectl", 9, aLabel)), true, contentSame},
		{"it lacks a key", writes(wrote(us, 5, lessData)), true, contentUnclear},
		{"it has another's key", writes(wrote(us, 5, ourFields), wrote("kubectl", 9, aKey)), true, contentUnclear},
		{"somebody has applied the same", writes(wrote(us, 5, ourFields), wrote("gitops", 9, `{"f:data":{"f:a":{}}}`)), true, contentUnclear},
		{"what we wrote is in two lists", writes(wrote(us, 5, lessData), wrote(us, 6, `{"f:data":{"f:b":{}}}`)), true, contentSame},
		{"there are no managedFields", writes(), true, contentUnclear},
	} {
		t.Run(row.it, func(t *testing.T) {
			if row.has.State == ContentUnread {
				shape.Cover(row.has.Fields)
			}
			if got := row.has.compare(shape, row.stated); got != row.want {
				t.Errorf("compares as %d, want %d", got, row.want)
			}
		})
	}
}

// An autoscaler's field on a mirror is no reason to read it at each status.
func TestContentThatOthersWroteIsReadOnceAndNotWithEachVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hpa := wrote("hpa", 6, aSpec)
		read := writes(wrote(us, 5, ourFields), hpa)
		read.Learn(Hash{1}, false)
		time.Sleep(secondPasses + 1)
		next := writes(wrote(us, 5, ourFields), hpa, wrote("operator", 9, aStatus))
		if next.Follow(read); next.State != ContentKnown || next.Content != (Hash{1}) {
			t.Error("a status has it read again")
		}
		again := writes(wrote(us, 5, ourFields), wrote("hpa", 10, aSpec))
		if again.Follow(next); again.State != ContentTouched {
			t.Error("what the autoscaler writes later counts as known")
		}
	})
}
