package migrate

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

// found is a source of the old system, and what it asked for in our words.
type found struct {
	source Object
	// made says that it isn't there yet.
	made     bool
	targets  asks
	selector string
	// set are further annotations; drop are further keys that go.
	set    map[string]string
	drop   []string
	copies []Object
	notes  []string
}

// take adds what becomes of a source to the plan.
func (p *planner) take(f found) {
	if !p.settings.SourceAllowed(f.source.GetNamespace()) {
		p.note(f.source, "the controller's --source-namespaces leave its namespace out, so it and its copies are left as they are")
		return
	}
	t := Takeover{Source: f.source, Make: f.made, Notes: slices.Concat(f.notes, f.targets.notes)}
	if f.targets.unreadable {
		for _, o := range f.copies {
			f.targets.items = append(f.targets.items, o.GetNamespace())
		}
		f.targets.items = unique(f.targets.items)
	}
	if len(f.targets.items) == 0 && f.selector == "" {
		p.note(f.source, "no namespace is asked for now, so it is left as it is")
		p.Notes = append(p.Notes, prefixed(f.source.String(), t.Notes)...)
		return
	}
	t.Ask = p.ask(f)
	gone := func(key, _ string) bool { return p.old(key) }
	t.LetGo = Patch{Object: f.source, Manager: asAuthor, AnyVersion: true,
		Labels:      change(f.source.GetLabels(), nil, gone),
		Annotations: change(f.source.GetAnnotations(), nil, gone),
	}
	after := with(with(f.source.Unstructured, t.Ask), t.LetGo)
	src := p.settings.NewSource(f.source.Resource.GroupResource(), after)
	if src.Mode < mirror.Paused {
		reason := src.Reason
		if src.Mode == mirror.Off {
			reason = "it is off by what it says itself"
		}
		p.note(f.source, "KubeMirror would not mirror it (%s), so it and its copies are left as they are", reason)
		return
	}
	if wanted, limit := len(p.wanted(src)), src.Limit(&p.settings); wanted > limit {
		p.note(f.source, "it asks for %d namespaces, and may have %d, so KubeMirror would delete the copies beyond: raise its --max-targets first; until then it is left as it is", wanted, limit)
		return
	}
	t.Notes = append(t.Notes, reservations(f.source)...)
	p.copies(&t, f, src)
	if f.made {
		// Its copies are marked with its UID, which it hasn't got yet.
		t.Source.Unstructured, t.Later = after, len(t.Copies)
		t.Ask, t.LetGo, t.Copies = Patch{}, Patch{}, nil
	}
	p.Sources = append(p.Sources, t)
}

// ask is the patch by which a source asks to be mirrored.
func (p *planner) ask(f found) Patch {
	labels := map[string]string{api.LabelEnabled: "true"}
	annotations := map[string]string{api.AnnotationSync: "true"}
	if asked := pattern.Split(f.source.GetAnnotations()[api.AnnotationTargetNamespaces]); len(f.targets.items) > 0 && !slices.Equal(asked, f.targets.items) {
		annotations[api.AnnotationTargetNamespaces] = strings.Join(f.targets.items, ",")
	}
	if f.selector != "" {
		annotations[api.AnnotationTargetSelector] = f.selector
	}
	maps.Copy(annotations, f.set)
	// What stops a source goes before it is asked for.
	stops := func(key, _ string) bool { return slices.Contains(f.drop, key) && !p.old(key) }
	return Patch{Object: f.source, Manager: asAuthor,
		Labels:      change(f.source.GetLabels(), labels, stops),
		Annotations: change(f.source.GetAnnotations(), annotations, stops),
	}
}

// reservations says what else a kind takes.
func reservations(o Object) []string {
	kind := o.GroupVersionKind()
	switch never, named := discovery.Reservation(kind.GroupKind()); {
	case never != "":
		return []string{"objects of this kind are never mirrored: " + never}
	case named:
		return []string{"objects of this kind are mirrored only where --resource-types names it: add " + mirror.TypeName(kind)}
	}
	return nil
}

// copies finds out what becomes of each copy, and where a mirror will be new.
func (p *planner) copies(t *Takeover, f found, src *mirror.Source) {
	at := map[string]Object{}
	for _, o := range f.copies {
		at[o.GetNamespace()] = o
	}
	wanted := p.wanted(src)
	for _, ns := range p.cluster.Namespaces {
		o, there := at[ns.Name]
		switch asked := src.Targets.Match(ns); {
		case wanted[ns.Name]:
			p.mirrorIn(t, f, src, ns, o, there)
		case !there:
		case asked && !p.settings.TargetAllowed(ns.Name):
			t.Notes = append(t.Notes, fmt.Sprintf("the controller's flags leave the namespace %s out, so its copy there is left to you", ns.Name))
		case asked:
			t.Notes = append(t.Notes, fmt.Sprintf("the namespace %s refuses mirrors of it, so its copy there is left to you", ns.Name))
		default:
			t.Notes = append(t.Notes, fmt.Sprintf("the copy in %s is in no namespace that it asks for, so it is left to you", ns.Name))
		}
	}
}

// wanted are the namespaces that KubeMirror will have mirrors of a source in.
func (p *planner) wanted(src *mirror.Source) map[string]bool {
	wanted := map[string]bool{}
	for _, ns := range p.cluster.Namespaces {
		if src.Targets.Match(ns) && ns.Admits(src.Namespace) && p.settings.TargetAllowed(ns.Name) {
			wanted[ns.Name] = true
		}
	}
	return wanted
}

// mirrorIn finds out what becomes of a namespace that is to have a mirror.
func (p *planner) mirrorIn(t *Takeover, f found, src *mirror.Source, ns *mirror.Namespace, o Object, there bool) {
	namespace := ns.Name
	name, problem := src.MirrorName(ns)
	if problem != nil {
		t.Notes = append(t.Notes, problem.Text)
		return
	}
	if !there {
		if other, taken := p.cluster.find(f.source.Resource.GroupResource(), namespace, name); taken {
			if !isOurs(other, src.Key()) {
				t.Notes = append(t.Notes, fmt.Sprintf("%s is there and is no copy of it: KubeMirror will leave it alone and say so", other))
			}
			return
		}
		t.New = append(t.New, namespace)
		return
	}
	if isOurs(o, src.Key()) {
		return
	}
	if o.GetName() != name {
		t.Notes = append(t.Notes, fmt.Sprintf("%s has another name than its mirror would have, %s, so it is left to you", o, name))
		return
	}
	desired, problems := src.Desired(ns, name)
	if desired == nil {
		t.Notes = append(t.Notes, fmt.Sprintf("the mirror in %s can't be told: %s", namespace, problems[0].Text))
		return
	}
	if difference := p.difference(f, desired, o); difference != "" {
		if o.Object["immutable"] == true || !reflect.DeepEqual(o.Object["type"], f.source.Object["type"]) {
			t.Notes = append(t.Notes, fmt.Sprintf("%s can't be made the same where it is (%s), so it is left to you; once it is deleted, KubeMirror makes a mirror", o, difference))
			return
		}
		t.Rewritten++
		t.Notes = append(t.Notes, fmt.Sprintf("%s isn't what the source has (%s): KubeMirror will write it once", o, difference))
	}
	if len(o.GetOwnerReferences()) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%s has owners, which stay: it goes when they go", o))
	}
	t.Copies = append(t.Copies, p.mark(f, mirror.Draft{Source: src, Desired: desired, Namespace: namespace, Name: name}, o))
}

// mark is the patch by which a copy becomes the mirror that KubeMirror would have made.
func (p *planner) mark(f found, d mirror.Draft, o Object) Patch {
	// What the old system copied of the source, and KubeMirror doesn't, would stay for somebody
	// else's.
	drop := func(of map[string]string) func(key, value string) bool {
		return func(key, value string) bool {
			from, copied := of[key]
			return p.old(key) || slices.Contains(f.drop, key) || copied && from == value && !strings.HasPrefix(key, api.Domain+"/")
		}
	}
	return Patch{Object: o, Manager: api.FieldManager,
		Labels:      change(o.GetLabels(), d.Desired.Labels, drop(f.source.GetLabels())),
		Annotations: change(o.GetAnnotations(), d.Annotations(p.now), drop(f.source.GetAnnotations())),
	}
}

// difference says in names of keys how the content of a copy isn't what it should be; empty
// where it is.
func (p *planner) difference(f found, desired *mirror.Desired, o Object) string {
	have := mirror.Content(o.Object)
	if mirror.HashContent(have) == desired.Content {
		return ""
	}
	if f.set[api.AnnotationTransform] != "" || f.source.GetAnnotations()[api.AnnotationTransform] != "" {
		return "its content differs"
	}
	var parts []string
	want := mirror.Content(f.source.Object)
	for _, field := range keysOf(want, have) {
		a, b := want[field], have[field]
		if reflect.DeepEqual(a, b) {
			continue
		}
		parts = append(parts, field+keyDifference(a, b))
	}
	return strings.Join(parts, "; ")
}

// keyDifference names what differs between two maps: "+" is missing, "-" is too much.
func keyDifference(want, have any) string {
	a, _ := want.(map[string]any)
	b, _ := have.(map[string]any)
	var names []string
	for _, key := range keysOf(a, b) {
		x, wanted := a[key]
		y, there := b[key]
		switch {
		case !wanted:
			names = append(names, "-"+key)
		case !there:
			names = append(names, "+"+key)
		case !reflect.DeepEqual(x, y):
			names = append(names, key)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

func keysOf(a, b map[string]any) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func prefixed(about string, notes []string) []string {
	var all []string
	for _, note := range notes {
		all = append(all, about+": "+note)
	}
	return all
}

func key(o Object) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}
