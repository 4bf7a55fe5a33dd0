package controller

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func forbidden(why string) error {
	return apierrors.NewForbidden(configMapsType.GroupResource(), "s", errors.New(why))
}

func TestARightThatIsLackingIsToldOfOnceItHasBeenSoForAWhile(t *testing.T) {
	const right = `User "kubemirror" cannot create resource "configmaps" in API group "" in the namespace "a"`
	for it, row := range map[string]struct {
		why         string
		first, last bool // whether it is told at first, and in the end
	}{
		"a right": {right, false, true},
		"a quota": {"exceeded quota: full", true, true},
	} {
		t.Run(it, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.target()
				r.create = func(*unstructured.Unstructured) (*unstructured.Unstructured, error) { return nil, forbidden(row.why) }
				r.ask("a")
				r.Ready(configMapsType)
				r.work()
				key := mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}
				told := func() bool {
					return slices.ContainsFunc(r.states[key.Source].problems["a"], func(p mirror.Problem) bool { return p.Reason == mirror.ReasonWriteRefused })
				}
				if told() != row.first {
					t.Errorf("told at first: %v", told())
				}
				time.Sleep(rightsGrace)
				r.mirrors.Add(key) // as the queue's backoff does
				r.work()
				if told() != row.last {
					t.Errorf("told in the end: %v", told())
				}
				r.create = func(u *unstructured.Unstructured) (*unstructured.Unstructured, error) { return u, nil }
				r.mirrors.Add(key)
				r.work()
				if told() || len(r.states[key.Source].lacksRight) > 0 {
					t.Error("it is remembered when all is well")
				}
			})
		})
	}
}
