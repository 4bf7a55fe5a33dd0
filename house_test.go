package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
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
	"transform": {"api", "pattern"},
	"option":    {"api", "discovery", "mirror", "pattern", "transform"},
	"mirror":    {"api", "pattern", "transform"},
	"metrics":   nil,
	"leader":    nil,
	"kube":      {"api", "informers", "mirror", "pattern", "transform"},
	"cleanup":   {"api", "discovery", "mirror", "pattern", "transform"},

	"controller": {"api", "mirror", "pattern", "transform"},

	// The plugin decides by the same rooms, and is in none of them.
	"kubectl-mirror/explain": {"api", "discovery", "mirror", "pattern", "transform"},
	"kubectl-mirror/migrate": {"api", "discovery", "mirror", "pattern", "transform"},
	"kubectl-mirror/page":    {"api", "discovery", "kubectl-mirror/explain", "mirror", "pattern", "transform"},
	"kubectl-mirror/cluster": {"api", "discovery", "kubectl-mirror/explain", "mirror", "option", "pattern", "transform"},
}

// plugins are what only the plugin links: it would double the controller's size.
var plugins = []string{"k8s.io/cli-runtime/", "github.com/spf13/cobra", "sigs.k8s.io/kustomize/"}

func TestTheControllerLinksNothingOfThePlugin(t *testing.T) {
	for _, dependency := range deps(t, ".") {
		if slices.ContainsFunc(plugins, func(p string) bool { return strings.HasPrefix(dependency, p) }) || strings.HasPrefix(dependency, module+"/kubectl-mirror") {
			t.Errorf("the controller links %s", dependency)
		}
	}
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

// What a reader can take in at once.
const (
	mostLines   = 350
	mostMethods = 35
)

func TestAFileHasOneIdeaAndATypeToo(t *testing.T) {
	var files []string
	for _, depth := range []string{"*/*.go", "*/*/*.go"} {
		found, err := filepath.Glob(depth)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return strings.HasPrefix(name, "e2e/") })
	fset, methods := token.NewFileSet(), map[string]int{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if lines := fset.Position(file.End()).Line; lines > mostLines {
			t.Errorf("%s has %d lines, and may have %d", name, lines, mostLines)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				methods[filepath.Dir(name)+"."+receiver(f.Recv.List[0].Type)]++
			}
		}
	}
	for name, n := range methods {
		if n > mostMethods {
			t.Errorf("%s has %d methods, and may have %d", name, n, mostMethods)
		}
	}
}

// receiver is the name of the type that a method is of.
func receiver(of ast.Expr) string {
	switch x := of.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

func deps(t *testing.T, pattern string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pattern).Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v", pattern, err)
	}
	return strings.Fields(string(out))
}
