package explain

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// State is the outcome of a check.
type State string

// A check that failed ends the way: those behind it are not reached.
const (
	OK         State = "ok"
	No         State = "NO"
	NotReached State = "not reached"
	// Unknown is what the user has no right to see, or the server didn't tell.
	Unknown State = "unknown"
)

// Check is one step on the way to a mirror.
type Check struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Text  string `json:"text,omitempty"`
	// Do is the command that mends it; empty where it is fine or no command would.
	Do string `json:"do,omitempty"`
	// Reason is the one of package mirror where it is a problem that a source's status
	// tells too.
	Reason string `json:"reason,omitempty"`
	// OnPurpose says that its author wants it so.
	OnPurpose bool `json:"onPurpose,omitempty"`
}

// Outcome is how a namespace stands, in one word.
type Outcome string

const (
	// InSync says that the mirror is there and as it should be.
	InSync Outcome = "in sync"
	// Pending says that it isn't in sync yet, and nothing is in the way.
	Pending Outcome = "pending"
	// Blocked says that it should be there, and something is in the way.
	Blocked Outcome = "blocked"
	// Refused says that the source asks for it, and the namespace or the flags refuse.
	Refused Outcome = "refused"
	// Kept says that what is there stays as it is, until something is mended or ended.
	Kept Outcome = "kept"
	// Absent says that no mirror is to be there, and none is.
	Absent Outcome = "absent"
	// Leaving says that no mirror is to be there, and the one that is goes.
	Leaving Outcome = "leaving"
	// Unclear says that it can't be told.
	Unclear Outcome = "unclear"
)

// Target explains one namespace of one source.
type Target struct {
	Namespace string  `json:"namespace"`
	Outcome   Outcome `json:"outcome"`
	// Mirror is the name of the mirror that is there, or else that is to be there.
	Mirror string `json:"mirror,omitempty"`
	// Action is what the controller does next: none, create, replace, recreate, delete, leave, read.
	Action string `json:"action"`
	// Why is the check that decides, in one line.
	Why    string  `json:"why"`
	Checks []Check `json:"checks"`
	// Since is when the mirror was written last; zero where there is none.
	Since time.Time `json:"since,omitzero"`
	// Reason is that of the problem, if it is one.
	Reason string `json:"reason,omitempty"`
	// Late is since when it is not as it should be, at the latest; zero where it is.
	Late time.Time `json:"late,omitzero"`

	plan plan
}

// Right reports whether the namespace is as the source and the namespace want it. That one
// of many refuses is its right.
func (t *Target) Right() bool {
	return t.Outcome == InSync || t.Outcome == Absent || t.Reason == "" && (t.Outcome == Kept || t.Outcome == Refused)
}

// Wanted reports whether a mirror is to be there.
func (t *Target) Wanted() bool {
	return t.Outcome == InSync || t.Outcome == Pending || t.Outcome == Blocked
}

// Report explains one source.
type Report struct {
	Type      string   `json:"type"`
	Resource  string   `json:"resource"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Checks    []Check  `json:"checks"`
	Targets   []Target `json:"targets"`
	// Status is what the controller says on the source.
	Status string `json:"status,omitempty"`
	// Changed is when somebody changed the source last, by the server's clock.
	Changed time.Time `json:"changed,omitzero"`
}

// Failed is the first check of the source itself that isn't ok; nil where all are.
func (r *Report) Failed() *Check { return failed(r.Checks) }

// Right reports whether all is as it should be: the source is one, or is off on purpose,
// and each namespace has what it should have.
func (r *Report) Right() bool {
	failed := r.Failed()
	return (failed == nil || failed.OnPurpose) && !slices.ContainsFunc(r.Targets, func(t Target) bool { return !t.Right() })
}

// Unclear reports whether something couldn't be told.
func (r *Report) Unclear() bool {
	isUnknown := func(c Check) bool { return c.State == Unknown }
	return slices.ContainsFunc(r.Checks, isUnknown) || slices.ContainsFunc(r.Targets, func(t Target) bool { return t.Outcome == Unclear })
}

// Late is since when the oldest of its namespaces has not been as it should be; zero where
// all are.
func (r *Report) Late() (oldest time.Time) {
	for _, t := range r.Targets {
		if !t.Late.IsZero() && (oldest.IsZero() || t.Late.Before(oldest)) {
			oldest = t.Late
		}
	}
	return oldest
}

// Count returns the number of namespaces where a mirror is to be, and of those in sync.
func (r *Report) Count() (wanted, synced int) {
	for _, t := range r.Targets {
		if t.Wanted() {
			wanted++
		}
		if t.Outcome == InSync {
			synced++
		}
	}
	return wanted, synced
}

func failed(checks []Check) *Check {
	for n := range checks {
		if checks[n].State == No || checks[n].State == Unknown {
			return &checks[n]
		}
	}
	return nil
}

// Target returns what is explained of one namespace; nil where it isn't.
func (r *Report) Target(namespace string) *Target {
	for n := range r.Targets {
		if r.Targets[n].Namespace == namespace {
			return &r.Targets[n]
		}
	}
	return nil
}

// Desired is the mirror as it is to be; nil where none is to be there, or it can't be told.
func (t *Target) Desired() *unstructured.Unstructured {
	if t.plan.draft.Desired == nil {
		return nil
	}
	return t.plan.draft.Object()
}

// Next is what the controller does next.
func (t *Target) Next() mirror.Action { return t.plan.action }

// Existing names the mirror that is there, and that is to be changed or to go; empty where
// there is none.
func (t *Target) Existing() string {
	switch {
	case t.plan.have != nil:
		return t.plan.have.Name
	case t.plan.action == mirror.Delete, t.plan.action == mirror.Leave:
		return t.plan.others[0].Name
	}
	return ""
}

// Going names the mirrors that go beside: those of other names.
func (t *Target) Going() (names []string) {
	if t.plan.action == mirror.Delete || t.plan.action == mirror.Leave {
		return nil
	}
	for _, r := range t.plan.others {
		names = append(names, r.Name)
	}
	return names
}
