package controller

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// errAgain has a key tried again with backoff; why has been said already.
var errAgain = errors.New("to be tried again")

// errStale says that what we know is older than what the server has: its news is
// on the way to us.
var errStale = errors.New("the object has changed since it was seen")

// classifyError sorts the ways in which a write can fail: a problem for people, or
// nothing to speak of.
func (w *mirrorWorker) classifyError(ctx context.Context, key mirror.MirrorKey, verb string, err error) (*mirror.Problem, error) {
	var forbidden refused
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case mirror.NamespaceGoing(err), mirror.KindGoing(err):
		return nil, nil
	case errors.As(err, &forbidden):
		return &forbidden.problem, nil
	case errors.Is(err, errKeepsTooMuch):
		return &mirror.Problem{Reason: mirror.ReasonServerTrouble, Text: verb + ": " + err.Error(), Failed: true}, errAgain
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		w.cache.Metrics.SyncError("mirror", "conflict")
		return nil, errStale
	case mirror.LacksRight(err) && w.cache.lacksRightNewly(key.Source, key.Namespace):
		w.cache.Metrics.SyncError("mirror", mirror.ReasonServerTrouble)
		return nil, errAgain
	}
	p := mirror.WriteProblem(verb, err)
	w.cache.Metrics.SyncError("mirror", p.Reason)
	return &p, errAgain
}
