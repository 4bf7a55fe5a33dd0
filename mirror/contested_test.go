package mirror

import (
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestWhatItsSourceChangesInAMirrorNeverWaits(t *testing.T) {
	for what, before := range map[string]struct {
		action Action
		drift  bool
		intent Hash
	}{
		"somebody had changed it": {Replace, true, Hash{}},
		"it was made again":       {Create, false, Hash{1}},
	} {
		r := newRig(t)
		key, o := MirrorKey{r.sourceKey(), "a"}, object{at: types.NamespacedName{Namespace: "a", Name: "s"}}
		if before.action == Create {
			r.fights.wrote(o, deletion)
		}
		r.hold(key, o, before.intent, before.action, before.drift)
		for n := range byte(20) {
			if p := r.hold(key, o, Hash{2 + n}, Replace, false); p != nil {
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
	key, o := MirrorKey{r.sourceKey(), "a"}, object{r.sourceKey().Type, types.NamespacedName{Namespace: "a", Name: "s"}}
	told := 0
	for range 20 {
		r.fights.wrote(o, deletion)
		r.contested[key] = o
		p := r.fights.problem(o)
		if fought, _ := r.fights.contested(o); !fought {
			continue
		}
		// Turned on: it is in the status. Turned off: there is none.
		r.state(key.Source).problems["a"] = []Problem{p}
		told += len(r.untold(key.Source, []Problem{p}))
		r.state(key.Source).told = nil
		delete(r.state(key.Source).problems, "a")
		untold, mirror := r.tellWithoutStatus(key, p)
		told += untold
		if mirror != "s" {
			t.Errorf("the mirror is called %q", mirror)
		}
	}
	if told != 1 {
		t.Errorf("it is told %d times", told)
	}
}

// tellWithoutStatus settles a look at a source that is gone. It returns how much of it
// is told.
func (r *rig) tellWithoutStatus(key MirrorKey, p Problem) (untold int, mirror string) {
	r.table(configMapsType)
	list, mirror := r.noted(key, nil, []Problem{p})
	return len(list), mirror
}

func TestI9ASourceTurnedOffAndOnIsWrittenToLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		off, finalizer, status := aim{intent: deletion}, aim{intent: Hash{1}}, aim{intent: Hash{2}}
		writes := 0
		for begin := time.Now(); time.Since(begin) < time.Hour; writes++ {
			next := []aim{off, finalizer, status}[writes%3]
			time.Sleep(r.pauseSource(r.sourceKey(), next) + time.Millisecond) // of the bubble's clock
			r.aimed(r.sourceKey(), next)
		}
		if writes > 45 {
			t.Errorf("%d writes in an hour, want no more than 45", writes)
		}
	})
}

func TestTheStatusOfASourceThatWasTurnedOffOnceIsWrittenAtOnce(t *testing.T) {
	r := newRig(t)
	r.aimed(r.sourceKey(), aim{intent: deletion})
	for n := range byte(20) {
		next := aim{intent: Hash{1 + n}, change: n > 0}
		if pause := r.pauseSource(r.sourceKey(), next); pause > 0 {
			t.Fatalf("status %d waits %s", n, pause)
		}
		r.aimed(r.sourceKey(), next)
	}
	if again := (aim{intent: Hash{20}, change: true}); r.pauseSource(r.sourceKey(), again) > 0 {
		t.Error("a status that somebody took away waits at the first time")
	}
}
