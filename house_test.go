package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lukaszraczylo/kubemirror"

// rooms has what each room may use of this project. Rooms that use nothing of it
// can be read, tested and changed one at a time.
var rooms = map[string][]string{
	"api":       nil,
	"pattern":   nil,
	"discovery": nil,
	"informers": nil,
	"queue":     nil,
	"transform": {"api"},
	"mirror":    {"api", "pattern", "transform"},
	"metrics":   nil,
	"leader":    nil,
	"kube":      {"api", "informers", "mirror", "pattern", "transform"},
	"cleanup":   {"api", "discovery", "mirror", "pattern", "transform"},

	"controller": {"api", "mirror", "pattern", "transform"},
}

func TestRoomsUseOnlyTheRoomsThatTheyMay(t *testing.T) {
	for room, may := range rooms {
		for _, dependency := range deps(t, "./"+room) {
			used, ours := strings.CutPrefix(dependency, module+"/")
			if ours && used != room && !slices.Contains(may, used) {
				t.Errorf("%s uses %s; it may use %q of this project", room, used, may)
			}
		}
	}
}

func TestEveryPackageIsARoom(t *testing.T) {
	for _, dependency := range deps(t, ".") {
		room, ours := strings.CutPrefix(dependency, module+"/")
		if _, known := rooms[room]; ours && !known {
			t.Errorf("%s is in the binary and not in the house", room)
		}
	}
}

func deps(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pattern).Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", pattern, err)
	}
	return strings.Fields(string(out))
}
