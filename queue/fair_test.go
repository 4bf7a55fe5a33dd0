package queue

import (
	"slices"
	"strings"
	"testing"
)

// letter is the group of a key such as "a1".
func letter(key string) string { return key[:1] }

// letters are the turns of keys such as "a1", or "1:a1" for one of a tenant's.
func letters(tenantShare, groupShare int) Turns[string, string] {
	return Turns[string, string]{
		Tenant: func(key string) string {
			tenant, _, named := strings.Cut(key, ":")
			if !named {
				return ""
			}
			return tenant
		},
		Group:       func(key string) string { return letter(key[strings.Index(key, ":")+1:]) },
		TenantShare: tenantShare, GroupShare: groupShare,
	}
}

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
			f := newFair(letters(0, 0))
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
			f := newFair(letters(0, row.share))
			for step := range strings.FieldsSeq(row.done) {
				play(t, f, step)
			}
		})
	}
}

func TestTenantsAreServedInTurn(t *testing.T) {
	// As above; "1:a1" is a key of tenant 1; "+1:a1@2" is added on the account of tenant 2,
	// "^1:a1@2" where it waits or is worked on already,
	// "=1:a1" added in the ordinary way where it does, "~1:a1" added for later while it is worked on, "!1:a1" failed and comes again.
	rows := []struct{ name, done string }{
		{"a tenant with many groups is one of two", "+1:a1 +1:b1 +1:c1 +1:d1 +2:a1 +2:a2 1:a1 2:a1 1:b1 2:a2 1:c1 . -1:a1 1:d1 ."},
		{"its groups take turns", "+1:a1 +1:a2 +1:b1 +2:a1 1:a1 2:a1 1:b1 1:a2 ."},
		{"a tenant is served up to its share", "+1:a1 +1:b1 +1:c1 +1:d1 1:a1 1:b1 1:c1 . +2:a1 2:a1 . -1:b1 1:d1 ."},
		{"what is charged to a tenant is apart from its own", "+1:a1@2 +1:b1@2 +1:c1@2 +2:a1 +2:a2 1:a1 2:a1 2:a2 . -1:a1 1:b1 . -1:b1 1:c1 ."},
		{"and from what is the one's own", "+1:a1@2 +1:a2@2 +1:b1@2 +1:c1 1:a1 1:c1 . -1:c1 +1:c2 1:c2 . -1:a1 1:b1 -1:b1 1:a2 ."},
		{"what each of two is charged is served in turn", "+1:a1@2 +1:b1@2 +1:c1@3 1:a1 1:c1 . -1:a1 1:b1 ."},
		{"one that is its tenant's after all goes there at once", "+1:a1@2 +1:b1@2 +1:c1@2 1:a1 =1:c1 1:c1 . -1:a1 1:b1 . -1:b1 ."},
		{"also where it was the only one that waited", "+1:a1@2 =1:a1 1:a1 . -1:a1 +1:a1 1:a1 ."},
		{"or was the next", "+1:a1@2 +2:a1 =1:a1 2:a1 1:a1 ."},
		{"one that failed stays charged", "+1:a1@2 +1:b1@2 1:a1 !1:a1 1:b1 . -1:b1 1:a1 ."},
		{"and one that is added for later", "+1:a1@2 +1:b1@2 1:a1 ~1:a1 -1:a1 +1:a1 1:b1 . -1:b1 1:a1 ."},
		{"but not when it has been added in the ordinary way meanwhile", "+1:a1@2 +1:b1@2 1:a1 =1:a1 !1:a1 1:b1 1:a1 ."},
		{"or before it is charged again", "+1:a1 +1:b1@2 1:a1 1:b1 =1:a1 ^1:a1@2 -1:a1 +1:a1 1:a1 ."},
		{"one that is charged while it waits in the ordinary way stays", "+1:a1 ^1:a1@2 1:a1 -1:a1 +1:a1 1:a1 ."},
		{"one that has been worked on is its tenant's again", "+1:a1@2 +1:b1@2 1:a1 -1:a1 +1:a1 1:b1 1:a1 ."},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := newFair(letters(3, 0))
			for step := range strings.FieldsSeq(row.done) {
				play(t, f, step)
			}
			if len(f.charged) != 0 {
				t.Errorf("still charged: %v", f.charged)
			}
		})
	}
}

func play(t *testing.T, f *fair[string, string], step string) {
	t.Helper()
	switch key, tenant, charged := strings.Cut(strings.TrimLeft(step, "+-=~!^"), "@"); {
	case step == ".":
		if f.Len() != 0 {
			t.Fatalf("%s can be served, and nothing should", f.Pop())
		}
	case charged:
		f.charge(key, tenant)
		if step[0] == '+' {
			f.Push(key)
		}
	case step[0] == '+':
		f.Push(key)
	case step[0] == '-':
		f.done(key, false)
	case step[0] == '=':
		f.settle(key)
	case step[0] == '~':
		f.keepCharged(key)
	case step[0] == '!':
		f.done(key, true)
		f.Push(key)
	case f.Len() == 0:
		t.Fatalf("nothing can be served, and %s should", step)
	default:
		if got := f.Pop(); got != step {
			t.Fatalf("served %s, want %s", got, step)
		}
	}
}

func TestWhatWasServedIsNotHeld(t *testing.T) {
	f := newFair(letters(0, 0))
	for _, key := range []string{"2:c1", "1:b1", "1:c1", "1:a1"} {
		f.Push(key)
	}
	ready, turns := f.ready, f.lanes[laneName{tenant: "1"}].turns
	for f.Len() > 0 {
		f.done(f.Pop(), false)
	}
	for _, key := range []string{"a1", "a2", "a3"} {
		f.Push(key)
	}
	keys := f.lanes[laneName{}].waiting["a"]
	for f.Len() > 0 {
		f.done(f.Pop(), false)
	}
	if held := strings.Join(append(turns, keys...), ""); held != "" || slices.ContainsFunc(ready, func(name laneName) bool { return name != laneName{} }) || len(f.lanes) != 0 || len(f.ready) != 0 {
		t.Errorf("held: %q, %v, %v, %v", held, ready, f.lanes, f.ready)
	}
}
