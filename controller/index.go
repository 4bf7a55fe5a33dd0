package controller

import (
	"maps"
	"slices"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// index finds the sources that a namespace concerns: those that ask for it by
// name in one step, the others by trying each distinct text of targets once.
type index struct {
	byName map[string]map[mirror.SourceKey]bool
	byText map[string]*selectorEntry
	texts  map[mirror.SourceKey]*mirror.Targets
	// readers are the sources whose mirrors depend on annotations of their namespaces.
	readers map[mirror.SourceKey]bool
}

// selectorEntry is all sources that ask for namespaces in the same words.
type selectorEntry struct {
	targets *mirror.Targets
	sources map[mirror.SourceKey]bool
}

func newIndex() *index {
	return &index{byName: map[string]map[mirror.SourceKey]bool{}, byText: map[string]*selectorEntry{}, texts: map[mirror.SourceKey]*mirror.Targets{}, readers: map[mirror.SourceKey]bool{}}
}

// set remembers what a source asks for; nil forgets it.
func (x *index) set(key mirror.SourceKey, targets *mirror.Targets) {
	if before := x.texts[key]; before != nil {
		if targets != nil && before.Text == targets.Text {
			return
		}
		x.remove(key, before)
	}
	if targets == nil {
		delete(x.readers, key)
		return
	}
	x.texts[key] = targets
	if targets.OnlyByNames {
		for _, name := range targets.Names() {
			if x.byName[name] == nil {
				x.byName[name] = map[mirror.SourceKey]bool{}
			}
			x.byName[name][key] = true
		}
		return
	}
	if x.byText[targets.Text] == nil {
		x.byText[targets.Text] = &selectorEntry{targets: targets, sources: map[mirror.SourceKey]bool{}}
	}
	x.byText[targets.Text].sources[key] = true
}

// setReader remembers whether a source's mirrors depend on annotations of their namespaces.
func (x *index) setReader(key mirror.SourceKey, reads bool) {
	if reads {
		x.readers[key] = true
	} else {
		delete(x.readers, key)
	}
}

func (x *index) remove(key mirror.SourceKey, targets *mirror.Targets) {
	delete(x.texts, key)
	if targets.OnlyByNames {
		for _, name := range targets.Names() {
			if delete(x.byName[name], key); len(x.byName[name]) == 0 {
				delete(x.byName, name)
			}
		}
		return
	}
	group := x.byText[targets.Text]
	if delete(group.sources, key); len(group.sources) == 0 {
		delete(x.byText, targets.Text)
	}
}

// affectedSources lists the sources that ask for the namespace in one of its forms, as
// it was and as it is; or by its name, even where that is taken away again: they say
// whether there is such a namespace.
func (x *index) affectedSources(forms ...*mirror.Namespace) []mirror.SourceKey {
	found := map[mirror.SourceKey]bool{}
	for _, ns := range forms {
		if ns == nil {
			continue
		}
		maps.Copy(found, x.byName[ns.Name])
		for _, group := range x.byText {
			if group.targets.Match(ns) || group.targets.AsksByName(ns.Name) {
				maps.Copy(found, group.sources)
			}
		}
	}
	return slices.Collect(maps.Keys(found))
}
