package queue

import (
	"strings"
	"testing"
)

// letter is the group of a key such as "a1".
func letter(key string) string { return key[:1] }

func TestGroupsAreServedInTurn(t *testing.T) {
	rows := []struct{ name, pushed, popped string }{
		{"one group is served in order", "a1 a2 a3", "a1 a2 a3"},
		{"single keys are served in order", "c1 a1 b1", "c1 a1 b1"},
		{"two groups take turns", "a1 a2 a3 b1 b2 b3", "a1 b1 a2 b2 a3 b3"},
		{"a group that has no more leaves its turns to the others", "a1 a2 a3 a4 b1 c1 c2", "a1 b1 c1 a2 c2 a3 a4"},
		{"a group that comes late waits for one key of each other", "a1 a2 b1 b2 - c1", "a1 b1 a2 c1 b2"},
		{"a group that was served and comes back is a late one", "a1 b1 b2 c1 - a2", "a1 b1 c1 a2 b2"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := newFair(letter, 0)
			var popped []string
			for key := range strings.FieldsSeq(row.pushed) {
				if key == "-" { // one key is served
					popped = append(popped, f.Pop())
					continue
				}
				f.Push(key)
			}
			for f.Len() > 0 {
				popped = append(popped, f.Pop())
			}
			if got := strings.Join(popped, " "); got != row.popped {
				t.Errorf("served %s, want %s", got, row.popped)
			}
		})
	}
}

func TestAGroupThatHasItsShareSitsOut(t *testing.T) {
	// What is done, in order: "+a1" is added, "-a1" is done, "a1" is served, "." means
	// that nothing can be.
	rows := []struct {
		name  string
		share int
		done  string
	}{
		{"a group is served up to its share", 2, "+a1 +a2 +a3 a1 a2 ."},
		{"and again when one of its keys is done", 2, "+a1 +a2 +a3 +a4 a1 a2 . -a1 a3 . -a3 a4 ."},
		{"others are served meanwhile", 2, "+a1 +a2 +a3 a1 a2 . +b1 b1 ."},
		{"one that comes back is served last", 1, "+a1 +a2 +b1 +b2 a1 b1 . +c1 -b1 c1 b2 -a1 a2 ."},
		{"what is added to a group that sits out waits", 1, "+a1 a1 +a2 . +b1 b1 . -b1 . -a1 a2 ."},
		{"a key that is added while it is worked on counts once", 1, "+a1 a1 -a1 +a1 a1 . -a1 ."},
		{"without a share all are served", 0, "+a1 +a2 +a3 a1 a2 a3 ."},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := newFair(letter, row.share)
			for step := range strings.FieldsSeq(row.done) {
				switch {
				case step[0] == '+':
					f.Push(step[1:])
				case step[0] == '-':
					f.done(step[1:])
				case step == ".":
					if f.Len() != 0 {
						t.Fatalf("%s can be served, and nothing should", f.Pop())
					}
				case f.Len() == 0:
					t.Fatalf("nothing can be served, and %s should", step)
				default:
					if got := f.Pop(); got != step {
						t.Fatalf("served %s, want %s", got, step)
					}
				}
			}
		})
	}
}

func TestWhatWasServedIsNotHeld(t *testing.T) {
	f := newFair(letter, 0)
	for _, key := range []string{"b1", "c1", "a1"} {
		f.Push(key)
	}
	turns := f.turns
	for f.Len() > 0 {
		f.Pop()
	}
	for _, key := range []string{"a1", "a2", "a3"} {
		f.Push(key)
	}
	keys := f.waiting["a"]
	for f.Len() > 0 {
		f.Pop()
	}
	if held := strings.Join(append(turns, keys...), ""); held != "" || len(f.waiting) != 0 || len(f.turns) != 0 {
		t.Errorf("held: %q, %q, %q", held, f.waiting, f.turns)
	}
}
