package migrate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Plan is what is to be done.
type Plan struct {
	From string
	// Origin says where the flags are from by which it was decided.
	Origin  string
	Sources []Takeover
	// Notes are about what isn't taken over.
	Notes []string
}

// Takeover is what becomes of one source and its copies.
type Takeover struct {
	Source Object
	// Make says that the source is to be made: there was none in a namespace.
	Make bool
	// Ask has the source ask to be mirrored; LetGo takes the old system's keys off it.
	Ask, LetGo Patch
	Copies     []Patch
	// Later is how many copies are marked once the source is made.
	Later int
	// New are the namespaces that get a mirror where there is no copy yet.
	New []string
	// Rewritten says of how many copies the content will be written once, since it isn't what
	// the source has.
	Rewritten int
	Notes     []string
}

// Steps are the patches in the order in which nothing is lost, less those that change nothing.
func (t *Takeover) Steps() []Patch {
	var steps []Patch
	for _, p := range slices.Concat([]Patch{t.Ask}, t.Copies, []Patch{t.LetGo}) {
		if !p.Empty() {
			steps = append(steps, p)
		}
	}
	return steps
}

// Steps are those of all sources.
func (p *Plan) Steps() []Patch {
	var steps []Patch
	for i := range p.Sources {
		steps = append(steps, p.Sources[i].Steps()...)
	}
	return steps
}

// Makes are the sources that are to be made.
func (p *Plan) Makes() []Object {
	var makes []Object
	for _, s := range p.Sources {
		if s.Make {
			makes = append(makes, s.Source)
		}
	}
	return makes
}

// Nothing reports whether there is nothing to be done.
func (p *Plan) Nothing() bool { return len(p.Steps()) == 0 && len(p.Makes()) == 0 }

// note says something of what isn't taken over.
func (p *Plan) note(about fmt.Stringer, format string, args ...any) {
	p.Notes = append(p.Notes, about.String()+": "+fmt.Sprintf(format, args...))
}

// Patch changes labels and annotations of one object. What is nil is taken away.
type Patch struct {
	Object              Object
	Labels, Annotations map[string]*string
	// Manager is who the server takes the writer for.
	Manager string
	// AnyVersion says that it may have been written since it was read.
	AnyVersion bool
}

// asAuthor is who writes on sources; on mirrors it is KubeMirror, which would otherwise take
// the annotations for somebody else's, and write them again.
const asAuthor = "kubectl-mirror"

// Empty reports whether it changes nothing.
func (p Patch) Empty() bool { return len(p.Labels) == 0 && len(p.Annotations) == 0 }

// Merge is the patch as a JSON merge patch, with or without what makes the server refuse it
// for another object or version.
func (p Patch) Merge(guarded bool) []byte {
	metadata := map[string]any{}
	if len(p.Labels) > 0 {
		metadata["labels"] = p.Labels
	}
	if len(p.Annotations) > 0 {
		metadata["annotations"] = p.Annotations
	}
	if guarded {
		metadata["uid"] = p.Object.GetUID()
		if !p.AnyVersion {
			metadata["resourceVersion"] = p.Object.GetResourceVersion()
		}
	}
	text, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		panic(err) // texts can always be encoded
	}
	return text
}

// change makes the difference between what keys there are and what they are to be. Keys of
// drop go; others that aren't in want stay.
func change(have, want map[string]string, drop func(key, value string) bool) map[string]*string {
	changes := map[string]*string{}
	for key, value := range want {
		if has, ok := have[key]; !ok || has != value {
			changes[key] = &value
		}
	}
	for key, value := range have {
		if _, wanted := want[key]; !wanted && drop(key, value) {
			changes[key] = nil
		}
	}
	return changes
}

// with is an object as it is after a patch.
func with(u *unstructured.Unstructured, p Patch) *unstructured.Unstructured {
	after := u.DeepCopy()
	after.SetLabels(changed(after.GetLabels(), p.Labels))
	after.SetAnnotations(changed(after.GetAnnotations(), p.Annotations))
	return after
}

func changed(have map[string]string, changes map[string]*string) map[string]string {
	after := maps.Clone(have)
	if after == nil {
		after = map[string]string{}
	}
	for key, value := range changes {
		if value == nil {
			delete(after, key)
			continue
		}
		after[key] = *value
	}
	return after
}

// planner makes a plan.
type planner struct {
	Plan
	cluster  *Cluster
	settings mirror.Settings
	// old reports whether a key is the old system's.
	old func(key string) bool
	now time.Time
}

func newPlanner(from string, c *Cluster, o Options, prefixes ...string) *planner {
	p := &planner{cluster: c, settings: o.Settings, now: o.Now, old: func(key string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	}}
	p.From = from
	return p
}

// isOurs reports whether an object is a mirror of a source already.
func isOurs(o Object, source types.NamespacedName) bool {
	r := mirror.NewRecord(o.Resource.GroupResource(), o)
	return r.Standing == mirror.Marked && r.Source() == (mirror.SourceKey{Type: o.Resource.GroupResource(), Namespace: source.Namespace, Name: source.Name})
}

// isSource reports whether an object asks to be mirrored by us.
func isSource(o Object) bool {
	return o.GetLabels()[api.LabelEnabled] == "true" && o.GetAnnotations()[api.AnnotationSync] == "true"
}

// oursOf is the source that a mirror of ours names.
func oursOf(o Object) (objectID, bool) {
	r := mirror.NewRecord(o.Resource.GroupResource(), o)
	return objectID{o.Resource.GroupResource().String(), r.Source().Namespace, r.Source().Name}, r.Standing == mirror.Marked
}
