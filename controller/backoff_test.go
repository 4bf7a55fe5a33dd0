package controller

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

func TestI9CorrectionsComeLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newDriftBackoff()
		o, intent := object{}, mirror.Hash{1}
		writes := 0
		for begin := time.Now(); time.Since(begin) < time.Hour; writes++ {
			time.Sleep(f.wait(o, intent) + time.Millisecond) // of the bubble's clock
			f.wrote(o, intent)
		}
		if writes > 30 {
			t.Errorf("%d corrections in an hour of fighting, want no more than 30", writes)
		}
		if fought, _ := f.contested(o); !fought {
			t.Error("an hour of fighting isn't seen as one")
		}
		if f.wait(o, mirror.Hash{2}) != 0 {
			t.Error("a change of the source waits for the fight to end")
		}
		time.Sleep(2 * longestPause)
		if fought, _ := f.contested(o); fought || f.wait(o, intent) != 0 || len(f.of) != 0 {
			t.Error("a fight is remembered after it ended")
		}
	})
}

func TestTheFirstCorrectionsComeAtOnce(t *testing.T) {
	f := newDriftBackoff()
	for range freeCorrections {
		if wait := f.wait(object{}, mirror.Hash{1}); wait != 0 {
			t.Errorf("a correction waits %s", wait)
		}
		f.wrote(object{}, mirror.Hash{1})
	}
	if f.wait(object{}, mirror.Hash{1}) == 0 {
		t.Error("there is no end of them")
	}
}

func TestI9DeletionsOfWhatIsMadeAgainComeLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for what, intents := range map[string][]mirror.Hash{
			"somebody makes it again":          {deletion},
			"we make it and delete it in turn": {deletion, {1}},
			"its content changes in between":   {deletion, {1}, deletion, {2}},
		} {
			f, o := newDriftBackoff(), object{}
			writes := 0
			for begin := time.Now(); time.Since(begin) < time.Hour; writes++ {
				intent := intents[writes%len(intents)]
				time.Sleep(f.wait(o, intent) + time.Millisecond) // of the bubble's clock
				f.wrote(o, intent)
			}
			if writes > 40 {
				t.Errorf("%s: %d writes in an hour, want no more than 40", what, writes)
			}
		}
	})
}

func TestAMirrorMadeAndDeletedInTurnAFewTimesIsNotFoughtOver(t *testing.T) {
	f, o := newDriftBackoff(), object{}
	for n := range freeTurns {
		for _, intent := range []mirror.Hash{deletion, {1}} {
			if wait := f.wait(o, intent); wait > 0 {
				t.Errorf("in turn %d it waits %s", n, wait)
			}
			f.wrote(o, intent)
		}
	}
	if f.wait(o, deletion) == 0 {
		t.Error("there is no end of it")
	}
}

func TestAMirrorThatIsDeletedOnceIsNotFoughtOver(t *testing.T) {
	f, o := newDriftBackoff(), object{}
	f.wrote(o, deletion)
	if f.wait(o, mirror.Hash{1}) != 0 || f.wait(o, deletion) != 0 {
		t.Error("what was deleted once waits to come back")
	}
	if fought, _ := f.contested(o); fought {
		t.Error("a deletion is a fight")
	}
}
