package cleanup

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/discovery"
)

// mayHoldTraces asks for less than mirroring does: the type of a definition that is
// being deleted can be created and patched no more, as far as discovery says, and
// its objects wait for their finalizers. What can be listed and nothing else, such
// as a measurement, has no finalizers.
func mayHoldTraces(verbs metav1.Verbs) bool {
	return slices.Contains(verbs, "list") && (slices.Contains(verbs, "patch") || slices.Contains(verbs, "delete"))
}

// problem is something to say of a type or a group before the work.
type problem struct {
	subject, text string
	fails         bool
}

// choose returns the types to clean up, all that are served or the named ones, and
// what there is to say of others. Failed are the group versions that could not be
// read.
func choose(named []schema.GroupKind, served []discovery.Type, failed map[schema.GroupVersion]error) ([]discovery.Type, []problem) {
	wanted := func(string) bool { return true }
	if len(named) > 0 {
		served = slices.DeleteFunc(slices.Clone(served), func(t discovery.Type) bool { return !slices.Contains(named, kindOf(t)) })
		wanted = func(group string) bool {
			return slices.ContainsFunc(named, func(k schema.GroupKind) bool { return k.Group == group })
		}
	}
	var problems []problem
	unknown := map[string]bool{}
	for _, gv := range slices.SortedFunc(maps.Keys(failed), func(a, b schema.GroupVersion) int { return cmp.Compare(a.String(), b.String()) }) {
		if wanted(gv.Group) {
			unknown[gv.Group] = true
			problems = append(problems, problem{gv.String(), fmt.Sprintf("failed: %v", failed[gv]), true})
		}
	}
	for _, kind := range named {
		if !unknown[kind.Group] && !slices.ContainsFunc(served, func(t discovery.Type) bool { return kindOf(t) == kind }) {
			problems = append(problems, problem{kind.String(), "the API server does not serve it, so there is none of it", false})
		}
	}
	return served, problems
}

func kindOf(t discovery.Type) schema.GroupKind {
	return schema.GroupKind{Group: t.Resource.Group, Kind: t.Kind}
}
