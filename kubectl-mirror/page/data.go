package page

import (
	"time"

	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// data is what page.js reads. It leaves out of the reports what would make a page of thousands
// of mirrors large: their checks, but for the one that decides.
type data struct {
	Title   string    `json:"title"`
	Flags   string    `json:"flags"`
	Made    time.Time `json:"made"`
	Sources []source  `json:"sources"`
}

type source struct {
	Resource  string          `json:"resource"`
	Type      string          `json:"type"`
	Namespace string          `json:"namespace"`
	Name      string          `json:"name"`
	Status    string          `json:"status,omitempty"`
	Changed   time.Time       `json:"changed,omitzero"`
	Stopped   string          `json:"stopped,omitempty"` // why it is none, or none at present
	Wanted    int             `json:"wanted"`
	Synced    int             `json:"synced"`
	Checks    []explain.Check `json:"checks"`
	Targets   []target        `json:"targets"`
}

type target struct {
	Namespace string          `json:"namespace"`
	Outcome   explain.Outcome `json:"outcome"`
	Mirror    string          `json:"mirror,omitempty"`
	Action    string          `json:"action,omitempty"` // none is left out
	Why       string          `json:"why,omitempty"`
	Do        string          `json:"do,omitempty"`
	Since     time.Time       `json:"since,omitzero"`
	Late      time.Time       `json:"late,omitzero"`
	Wrong     bool            `json:"wrong,omitempty"`
}

func newData(reports []explain.Report, about About) data {
	d := data{Title: about.Title, Flags: about.Flags, Made: about.Made.UTC().Truncate(time.Second), Sources: []source{}}
	for _, r := range reports {
		s := source{
			Resource: r.Resource, Type: r.Type, Namespace: r.Namespace, Name: r.Name,
			Status: r.Status, Changed: r.Changed.UTC(), Checks: r.Checks, Targets: []target{},
		}
		s.Wanted, s.Synced = r.Count()
		if failed := r.Failed(); failed != nil {
			s.Stopped = failed.Text
		}
		for _, t := range r.Targets {
			s.Targets = append(s.Targets, newTarget(&t))
		}
		d.Sources = append(d.Sources, s)
	}
	return d
}

func newTarget(t *explain.Target) target {
	to := target{
		Namespace: t.Namespace, Outcome: t.Outcome, Mirror: t.Mirror,
		Since: t.Since.UTC(), Late: t.Late.UTC(), Wrong: !t.Right(),
	}
	if t.Action != mirror.None.String() {
		to.Action = t.Action
	}
	if t.Outcome == explain.InSync {
		return to // why is "since" in words
	}
	to.Why = t.Why
	for _, c := range t.Checks {
		if c.State == explain.No || c.State == explain.Unknown {
			to.Do = c.Do
			break
		}
	}
	return to
}
