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
			f := newFair(letter)
			var popped []string
			for key := range strings.FieldsSeq(row.pushed) {
				if key == "-" { // one key is served
					popped = append(popped, f.Pop())
					continue
				}
				f.Push(key)
			}
			for n := f.Len(); n > 0; n-- {
				if f.Len() != n {
					t.Errorf("Len is %d, want %d", f.Len(), n)
				}
				popped = append(popped, f.Pop())
			}
			if got := strings.Join(popped, " "); got != row.popped {
				t.Errorf("served %s, want %s", got, row.popped)
			}
		})
	}
}

func TestWhatWasServedIsNotHeld(t *testing.T) {
	f := newFair(letter)
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
