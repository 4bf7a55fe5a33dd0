package faults

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/oracle"
)

// journal has for each step what was wanted, to judge each write of kubemirror's by the
// server's own log: not only how it ends counts, but all that was on the way (I5, I10).
type journal struct {
	world *world
	begin audit.Mark
	pages []page
	// sources are what is or was a source in any step.
	sources map[oracle.Place]bool
}

// page is one step.
type page struct {
	name  string
	begin time.Time
	// kept has the mirrors that were there and wanted by their sources all the time.
	kept map[oracle.Place]bool
	// may has the places where one was wanted at any time.
	may map[oracle.Place]bool
	// frozen are those to which nothing was to happen.
	frozen  map[oracle.Place]string
	remakes bool
}

// next begins a page.
func (j *journal) next(name string, remakes bool) {
	p := page{name: name, begin: time.Now(), kept: map[oracle.Place]bool{}, may: map[oracle.Place]bool{}, remakes: remakes}
	for place := range j.world.before {
		p.kept[place] = true
	}
	j.pages = append(j.pages, p)
	j.changed()
}

// changed writes down what is wanted since something has been done.
func (j *journal) changed() {
	p := &j.pages[len(j.pages)-1]
	s := j.world.state()
	wanted := s.Wanted()
	for place := range wanted {
		p.may[place] = true
	}
	for place := range s.Sources {
		j.sources[place] = true
	}
	maps.DeleteFunc(p.kept, func(place oracle.Place, _ bool) bool {
		return !slices.Contains(wanted[place], oracle.SourceOf(j.world.before[place]))
	})
	p.frozen = s.Frozen()
}

// judge looks at each write that one of the world's processes has asked for.
func (j *journal) judge() {
	w := j.world
	prefix := w.env.Prefix() + "-"
	writes := 0
	for write, err := range w.env.Audit().Writes(j.begin, prefix) {
		if err != nil {
			w.t.Fatal(err)
		}
		kind := map[string]string{"configmaps": configMap, "secrets": secret}[write.Resource]
		if !strings.HasPrefix(write.User, prefix+"kubemirror-") || kind == "" || write.Code >= http.StatusMultipleChoices || strings.Contains(write.URI, "dryRun=") {
			continue
		}
		writes++
		p := j.at(write.Received)
		place := oracle.Place{Kind: kind, Namespace: write.Namespace, Name: write.Name}
		if write.Verb == "patch" || write.Verb == "update" && j.sources[place] {
			continue // of a source; package record sees to these
		}
		if err := p.judge(write.Verb, place); err != nil {
			w.t.Errorf("%s: %s: %v", p.name, write.Request, err)
		}
	}
	if writes == 0 {
		w.t.Error("the server's log has no write of kubemirror's")
	}
}

// at is the page of a moment.
func (j *journal) at(moment time.Time) page {
	last := j.pages[0]
	for _, p := range j.pages {
		if p.begin.Before(moment) {
			last = p
		}
	}
	return last
}

func (p page) judge(verb string, place oracle.Place) error {
	_, frozen := p.frozen[place]
	switch {
	case frozen:
		return fmt.Errorf("nothing was to happen to %s", place)
	case verb == "delete" && p.kept[place] && !p.remakes:
		return fmt.Errorf("%s was wanted all the time", place)
	case verb != "delete" && !p.may[place]:
		return fmt.Errorf("%s was not wanted", place)
	}
	return nil
}
