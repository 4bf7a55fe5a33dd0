package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestWhatItsSourceChangesInAMirrorNeverWaits(t *testing.T) {
	for what, before := range map[string]struct {
		action mirror.Action
		drift  bool
		intent mirror.Hash
	}{
		"somebody had changed it": {mirror.Replace, true, mirror.Hash{}},
		"it was made again":       {mirror.Create, false, mirror.Hash{1}},
	} {
		r := newRig(t)
		key, o := mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}, object{at: types.NamespacedName{Namespace: "a", Name: "s"}}
		if before.action == mirror.Create {
			r.backoff.wrote(o, deletion)
		}
		r.Controller.mirrors.backOffLocked(key, o, before.intent, before.action, before.drift)
		for n := range byte(20) {
			if p := r.Controller.mirrors.backOffLocked(key, o, mirror.Hash{2 + n}, mirror.Replace, false); p != nil {
				t.Fatalf("%s; change %d of its source waits: %s", what, n, p.Text)
			}
		}
		if r.Contested() != 0 {
			t.Errorf("%s; what its source changes is a fight", what)
		}
	}
}

func TestAMirrorMadeAndDeletedInTurnIsToldOfOnce(t *testing.T) {
	r := newRig(t)
	key, o := mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}, object{r.sourceKey().Type, types.NamespacedName{Namespace: "a", Name: "s"}}
	told := 0
	for range 20 {
		r.backoff.wrote(o, deletion)
		r.contested[key] = o
		p := r.backoff.problem(o)
		if fought, _ := r.backoff.contested(o); !fought {
			continue
		}
		// Turned on: it is in the status. Turned off: there is none.
		r.stateLocked(key.Source).problems["a"] = []mirror.Problem{p}
		told += len(r.Controller.sources.unreportedLocked(key.Source, []mirror.Problem{p}))
		r.stateLocked(key.Source).reported = nil
		delete(r.stateLocked(key.Source).problems, "a")
		unreported, name := r.reportWithoutStatus(key, p)
		told += unreported
		if name != "s" {
			t.Errorf("the mirror is called %q", name)
		}
	}
	if told != 1 {
		t.Errorf("it is told %d times", told)
	}
}

// The source is turned off and on all the time, and each of its statuses comes too late: one
// that has nothing to say of the fight is no report of it, and one that was to say it
// isn't written any more.
func TestAFightIsToldThoughNoStatusComesToTellOfIt(t *testing.T) {
	fight := func(r *rig) (mirror.MirrorKey, mirror.Problem) {
		key, o := mirror.MirrorKey{Source: r.sourceKey(), Namespace: "a"}, object{r.sourceKey().Type, types.NamespacedName{Namespace: "a", Name: "s"}}
		for range 2 * freeCorrections {
			r.backoff.wrote(o, deletion)
		}
		r.contested[key] = o
		p := r.backoff.problem(o)
		r.stateLocked(key.Source).problems["a"] = []mirror.Problem{p} // as a look at it turned on found
		return key, p
	}
	t.Run("a status says nothing", func(t *testing.T) {
		r := newRig(t)
		key, p := fight(r)
		if told := r.Controller.sources.unreportedLocked(key.Source, nil); len(told) > 0 {
			t.Errorf("it tells %v", told)
		}
		if told := r.Controller.sources.unreportedLocked(key.Source, []mirror.Problem{p}); len(told) != 1 {
			t.Errorf("the first that says it tells %v", told)
		}
	})
	t.Run("it was not to be seen, and comes back", func(t *testing.T) {
		r := newRig(t)
		key, p := fight(r)
		r.reportWithoutStatus(key, p) // for the log
		r.stateLocked(key.Source).problems["a"] = []mirror.Problem{p}
		if told := r.Controller.sources.unreportedLocked(key.Source, []mirror.Problem{p}); len(told) != 1 {
			t.Errorf("its author is told %v", told)
		}
	})
	t.Run("it has been turned off since", func(t *testing.T) {
		r := newRig(t)
		key, p := fight(r)
		if told, _ := r.reportWithoutStatus(key, p); told != 1 {
			t.Errorf("it is told %d times", told)
		}
		if again, _ := r.reportWithoutStatus(key, p); again != 0 {
			t.Errorf("and %d times more", again)
		}
	})
}

// reportWithoutStatus settles a look at a source that is gone. It returns how much of it
// is told.
func (r *rig) reportWithoutStatus(key mirror.MirrorKey, p mirror.Problem) (unreported int, name string) {
	r.tables.table(configMapsType)
	list, name := r.Controller.mirrors.recordResult(key, nil, []mirror.Problem{p})
	return len(list), name
}

func TestI9ASourceTurnedOffAndOnIsWrittenToLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		off, finalizer, status := aim{intent: deletion}, aim{intent: mirror.Hash{1}}, aim{intent: mirror.Hash{2}}
		writes := 0
		for begin := time.Now(); time.Since(begin) < time.Hour; writes++ {
			next := []aim{off, finalizer, status}[writes%3]
			time.Sleep(r.Controller.sources.pauseSource(r.sourceKey(), next) + time.Millisecond) // of the bubble's clock
			r.aimedLocked(r.sourceKey(), next)
		}
		if writes > 45 {
			t.Errorf("%d writes in an hour, want no more than 45", writes)
		}
	})
}

func TestTheStatusOfASourceThatWasTurnedOffOnceIsWrittenAtOnce(t *testing.T) {
	r := newRig(t)
	r.aimedLocked(r.sourceKey(), aim{intent: deletion})
	for n := range byte(20) {
		next := aim{intent: mirror.Hash{1 + n}, change: n > 0}
		if pause := r.Controller.sources.pauseSource(r.sourceKey(), next); pause > 0 {
			t.Fatalf("status %d waits %s", n, pause)
		}
		r.aimedLocked(r.sourceKey(), next)
	}
	if again := (aim{intent: mirror.Hash{20}, change: true}); r.Controller.sources.pauseSource(r.sourceKey(), again) > 0 {
		t.Error("a status that somebody took away waits at the first time")
	}
}
