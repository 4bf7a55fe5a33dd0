package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// Those who are no authors of sources in a history, and what must come of it.

// foreigner is an object that is nobody's to touch.
type foreigner struct {
	// version is the one that it must stay.
	version string
	// undo is a patch that makes a mirror of it again; empty where it was never one.
	undo string
}

// mirrorsOf are the mirrors of a source in a place: more than one while it is renamed.
func (h *history) mirrorsOf(name, place string) (found []*unstructured.Unstructured) {
	for _, prefix := range []string{"m-", "x-"} {
		r := kit.Object(configMap, h.env.Name(place), prefix+name)
		if _, foreign := h.foreign[r]; foreign {
			continue
		}
		if o := h.env.Find(r); o != nil && o.GetAnnotations()[domain+"mirror-id"] == idOf(o) {
			found = append(found, o)
		}
	}
	return found
}

// thaw takes frozen mirrors away that are there no more, and reports whether there were any.
func (h *history) thaw(gone func(kit.Ref) bool) bool {
	found := false
	for _, src := range h.sources {
		before := len(src.frozen)
		maps.DeleteFunc(src.frozen, func(r kit.Ref, _ string) bool { return gone(r) })
		found = found || len(src.frozen) < before
	}
	return found
}

// settleFrozen is thaw for mirrors that are about to go. Nobody makes them again, so
// whether they go must not depend on how soon the next step comes.
func (h *history) settleFrozen(gone func(kit.Ref) bool) {
	if h.thaw(gone) {
		h.check()
	}
}

// tamper changes what is right again soon.
func (h *history) tamper(name, place string) {
	for _, o := range h.mirrorsOf(name, place) {
		mirror := kit.Object(configMap, o.GetNamespace(), o.GetName())
		patches := []string{`{"data":{"key":"tampered"}}`, `{"data":null}`, ``, `{"metadata":{"labels":{"example.com/theirs":"label"}}}`}
		more := []string{
			annotationPatch("source-content-hash", "null"), annotationPatch("source-name", `"b"`), annotationPatch("source-name", `"nobody"`),
			annotationPatch("source-uid", `"1"`), annotationPatch("source-keys", `"team"`), annotationPatch("mirror-id", "null"),
		}
		if !h.isFrozen(mirror) { // nobody puts right whose one of those is
			patches = append(patches, more...)
		}
		patch := patches[h.random.IntN(len(patches))]
		h.note("somebody does to the mirror %s: %s (empty: deletes it)", mirror, patch)
		if patch == "" {
			h.env.Delete(mirror)
			h.thaw(func(r kit.Ref) bool { return r == mirror })
			continue
		}
		h.env.PatchIfThere(mirror, patch)
		for _, src := range h.sources {
			if _, frozen := src.frozen[mirror]; frozen {
				src.frozen[mirror] = whatever
			}
		}
	}
}

func (h *history) isFrozen(r kit.Ref) bool {
	for _, src := range h.sources {
		if _, frozen := src.frozen[r]; frozen {
			return true
		}
	}
	return false
}

func annotationPatch(key, value string) string {
	return fmt.Sprintf(`{"metadata":{"annotations":{"%s%s":%s}}}`, domain, key, value)
}

// operate has an operator make a child of a mirror, with all that the mirror has, or
// bring the child up to date.
func (h *history) operate(name, place string) {
	for _, o := range h.mirrorsOf(name, place) {
		child := kit.Object(configMap, o.GetNamespace(), "child-"+o.GetName())
		h.note("an operator makes of the mirror in %s its %s", place, child.Name)
		made := objectOf(child, nil)
		made.SetLabels(o.GetLabels())
		made.SetAnnotations(o.GetAnnotations())
		if _, there := h.foreign[child]; there {
			h.env.Delete(child)
		}
		h.foreign[child] = foreigner{version: h.operator.Create(made).GetResourceVersion()}
	}
}

// export has somebody apply a mirror elsewhere, as it is or without the annotation
// that names it. In a place where the source wants one, the latter becomes one. Where
// it doesn't it stays, and is no mirror; but what it wanted a moment ago may matter.
func (h *history) export(name, place string) {
	to := append([]string{elsewhere}, places...)[h.random.IntN(1+len(places))]
	for _, o := range h.mirrorsOf(name, place) {
		copied := kit.Object(configMap, h.env.Name(to), o.GetName())
		if to == place || h.env.Find(copied) != nil {
			continue
		}
		var without []string
		if h.random.IntN(2) == 0 {
			without = []string{"mirror-id"}
		}
		made := exported(o, copied.Namespace, without...)
		annotations := made.GetAnnotations()
		maps.Copy(annotations, h.names(name)) // somebody may have edited that a moment ago
		made.SetAnnotations(annotations)
		created := h.env.CreateIfMissing(made)
		h.note("somebody applies the mirror %s in %s to %s, without %q: created is %v", o.GetName(), place, to, without, created != nil)
		if created != nil && (without == nil || to == elsewhere) {
			h.foreign[copied] = foreigner{version: created.GetResourceVersion()}
		}
	}
}

// disguise has somebody make another thing of a mirror: one that names another object,
// one without the label, or a source that is off.
func (h *history) disguise(name, place string) {
	for _, o := range h.mirrorsOf(name, place) {
		r := kit.Object(configMap, o.GetNamespace(), o.GetName())
		patch := []string{
			annotationPatch("mirror-id", `"configmaps/default/other"`),
			`{"metadata":{"labels":{"kubemirror.raczylo.com/mirror":null}}}`,
			`{"metadata":{"labels":{"kubemirror.raczylo.com/enabled":"true"}}}`,
		}[h.random.IntN(3)]
		now := h.env.PatchIfThere(r, patch)
		h.note("somebody does to the mirror %s: %s (there: %v)", r, patch, now != nil)
		if now == nil {
			continue
		}
		annotations := h.names(name)
		annotations[domain+"mirror-id"] = idOf(o)
		undo, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"labels": map[string]any{domain + "mirror": "true", domain + "enabled": nil}, "annotations": annotations,
		}})
		if err != nil {
			h.t.Fatal(err)
		}
		h.foreign[r] = foreigner{now.GetResourceVersion(), string(undo)}
		h.thaw(func(frozen kit.Ref) bool { return frozen == r })
	}
}

// names are the annotations by which a mirror names its source.
func (h *history) names(name string) map[string]string {
	return map[string]string{domain + "source-namespace": h.env.Name("src"), domain + "source-name": name}
}

// undo takes back something of the kind, or deletes what was made.
func (h *history) undo() {
	if len(h.foreign) == 0 {
		return
	}
	refs := slices.SortedFunc(maps.Keys(h.foreign), func(a, b kit.Ref) int {
		return slices.Compare([]string{a.Namespace, a.Name}, []string{b.Namespace, b.Name})
	})
	r := refs[h.random.IntN(len(refs))]
	h.checkForeign()
	undo := h.foreign[r].undo
	delete(h.foreign, r)
	if undo == "" || h.random.IntN(3) == 0 {
		h.note("somebody deletes %s", r)
		h.env.Delete(r)
		return
	}
	h.note("somebody does to what was the mirror %s: %s", r, undo)
	h.env.Patch(r, undo)
	src := h.sources[r.Name[len("m-"):]]
	if src.frozen == nil {
		return
	}
	// It is a mirror again, of a source that can't be read: it stays as it is, if it may.
	if src.on && src.labelled && !h.shut[strings.TrimPrefix(r.Namespace, h.env.Prefix()+"-")] {
		src.frozen[r] = whatever
	}
	h.check()
}

// mistyped is what an author writes for another annotation.
const mistyped = domain + "exlude"

// mistype has the author of a source mistype something. The mirrors stay as they are,
// so it must be known how that is.
func (h *history) mistype(name string) {
	src := h.sources[name]
	if !src.there || !src.on || !src.labelled || src.frozen != nil {
		return
	}
	h.check()
	h.note("source %s: something is mistyped", name)
	want := h.wants()
	maps.DeleteFunc(want, func(r kit.Ref, _ string) bool { return r.Name != src.name })
	src.frozen = want
	h.env.Annotate(h.ref(name), mistyped+"=true")
	h.env.WaitFor(h.ref(name), "is stopped", statusHolds("stopped: unknown annotation "+mistyped))
}

// checkForeign looks at what nobody may touch.
func (h *history) checkForeign() {
	for r, left := range h.foreign {
		if o := h.env.Find(r); o == nil || o.GetResourceVersion() != left.version {
			h.t.Errorf("%s is not as it was left, in version %s: %v", r, left.version, o)
		}
	}
}
