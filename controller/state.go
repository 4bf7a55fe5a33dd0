package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// state is what the controller remembers of a source between two looks at it. All
// of it is built again after a restart. The cache's lock guards it.
type state struct {
	mirror.Selection
	// resync says that every namespace of the source is to be looked at.
	resync bool
	// pending are the namespaces that are still to be looked at, with the moment since
	// when. The status is written when there are none.
	pending map[string]time.Time
	// drifted are those that are to be looked at only because a mirror changed: what
	// is written there then corrects drift.
	drifted map[string]bool
	// inFlight is the number of writes that the server has not answered yet: the
	// finalizer must not go before what they make is known.
	inFlight int
	// unsettledSince is since when the status waits to know how many the source is handed out
	// to.
	unsettledSince time.Time
	// held are the namespaces where a mirror is to be deleted once the source has lost
	// its finalizer, and heldSince is since when; released is the source's resource version
	// without it, and releaseFailures is how often it couldn't be taken off, in a row.
	held            map[string]bool
	heldSince       time.Time
	released        string
	releaseFailures int
	// lacksRight has since when a write was refused for lack of a right: of a mirror, by its
	// namespace, or of the source, under "".
	lacksRight map[string]time.Time
	// problems are those of the last look at each namespace.
	problems map[string][]mirror.Problem
	// reported are the problems that its author was told of last.
	reported []mirror.Problem
	// absentSince is when a live GET said that the source is gone, or one no more.
	absentSince time.Time
	// deselected says that it was there, and without the label.
	deselected bool
	// seen says that there has been such a source since the start.
	seen bool
	// last is the source as it was when it went from our sight; nil while it is to be
	// seen, and when it has been looked for.
	last *mirror.Source
	// lastPatch is the resource version of our last patch of the source.
	lastPatch string
	// finalizerRemoved is the source that we took our finalizer off because it goes: it may
	// be gone for good, and then no resource version tells.
	finalizerRemoved types.UID
	// halfAsked says that it has come to have the label without the annotation, which is to
	// be told.
	halfAsked bool
	// deletions are the mirrors that were deleted for another reason than the source's,
	// and that its author has not been told of yet.
	deletions map[string][]mirror.Problem
	// pace is when it may be written on again.
	pace pace
	// since is when the source stopped being in sync; zero while it is.
	since time.Time
}

func newState() *state {
	return &state{Selection: mirror.NewSelection(), pending: map[string]time.Time{}, held: map[string]bool{}, drifted: map[string]bool{}, problems: map[string][]mirror.Problem{}}
}

// waitedForTakers reports whether the status has waited long enough to know how many the
// source is handed out to: one that asks may be stuck.
func (s *state) waitedForTakers() bool {
	if s.unsettledSince.IsZero() {
		s.unsettledSince = time.Now()
	}
	return time.Since(s.unsettledSince) > patience
}
