package mirror

import (
	"maps"
	"slices"
)

// index finds the sources that a namespace concerns: those that ask for it by
// name in one step, the others by trying each distinct text of targets once.
type index struct {
	byName map[string]map[SourceKey]bool
	byText map[string]*asking
	texts  map[SourceKey]*Targets
}

// asking is all sources that ask for namespaces in the same words.
type asking struct {
	targets *Targets
	sources map[SourceKey]bool
}

func newIndex() *index {
	return &index{byName: map[string]map[SourceKey]bool{}, byText: map[string]*asking{}, texts: map[SourceKey]*Targets{}}
}

// set remembers what a source asks for; nil forgets it.
func (x *index) set(key SourceKey, targets *Targets) {
	if before := x.texts[key]; before != nil {
		if targets != nil && before.text == targets.text {
			return
		}
		x.remove(key, before)
	}
	if targets == nil {
		return
	}
	x.texts[key] = targets
	if targets.onlyByNames {
		for _, name := range targets.names() {
			if x.byName[name] == nil {
				x.byName[name] = map[SourceKey]bool{}
			}
			x.byName[name][key] = true
		}
		return
	}
	if x.byText[targets.text] == nil {
		x.byText[targets.text] = &asking{targets: targets, sources: map[SourceKey]bool{}}
	}
	x.byText[targets.text].sources[key] = true
}

func (x *index) remove(key SourceKey, targets *Targets) {
	delete(x.texts, key)
	if targets.onlyByNames {
		for _, name := range targets.names() {
			if delete(x.byName[name], key); len(x.byName[name]) == 0 {
				delete(x.byName, name)
			}
		}
		return
	}
	group := x.byText[targets.text]
	if delete(group.sources, key); len(group.sources) == 0 {
		delete(x.byText, targets.text)
	}
}

// concerned lists the sources that ask for the namespace in one of its forms: as
// it was and as it is.
func (x *index) concerned(forms ...*Namespace) []SourceKey {
	found := map[SourceKey]bool{}
	for _, ns := range forms {
		if ns == nil {
			continue
		}
		maps.Copy(found, x.byName[ns.Name])
		for _, group := range x.byText {
			if group.targets.Match(ns) {
				maps.Copy(found, group.sources)
			}
		}
	}
	return slices.Collect(maps.Keys(found))
}
