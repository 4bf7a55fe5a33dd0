package release

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/lukaszraczylo/kubemirror/e2e/repo"
)

// architectures are those that the image is for.
var architectures = []string{"amd64", "arm64"}

// largest is how large the image may be: it holds the program alone.
const largest = 40 << 20

var root = sync.OnceValues(func() (string, error) { return repo.Root(context.Background()) })

// path is a file of the repository.
func path(t *testing.T, elements ...string) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(append([]string{dir}, elements...)...)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// instruction is a line of a Dockerfile: FROM, RUN and so on, and what follows.
type instruction struct{ name, rest string }

// stages are the instructions of the Dockerfile, from each FROM to the next.
func stages(t *testing.T) (stages [][]instruction) {
	t.Helper()
	joined := strings.ReplaceAll(read(t, path(t, "Dockerfile")), "\\\n", " ")
	for line := range strings.Lines(joined) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if name == "FROM" {
			stages = append(stages, nil)
		}
		last := &stages[len(stages)-1]
		*last = append(*last, instruction{name, rest})
	}
	return stages
}

// checkout lays out what the builder sees of a clean checkout: what .dockerignore
// lets through. It returns the folder.
func checkout(t *testing.T) string {
	t.Helper()
	ignored, err := os.Open(path(t, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ignored.Close() }()
	patterns, err := ignorefile.ReadAll(ignored)
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard")
	list.Dir = path(t)
	files, err := list.Output()
	if err != nil {
		t.Fatalf("list the files of the repository: %v", err)
	}
	folder := t.TempDir()
	for file := range strings.Lines(string(files)) {
		file = strings.TrimSpace(file)
		kept, err := matcher.MatchesOrParentMatches(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path(t, file))
		if kept || os.IsNotExist(err) { // gone, and git has not been told
			continue
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(folder, filepath.Dir(file)), 0o750)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, file), text, 0o600) //nolint:gosec // a file of the repository, for this test
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// build runs the Dockerfile's last RUN, in a checkout of its own, and returns the
// program.
func build(t *testing.T, architecture, version, commit string) string {
	t.Helper()
	first := stages(t)[0]
	last := first[len(first)-1]
	program := filepath.Join(t.TempDir(), "kubemirror")
	command := strings.Replace(last.rest, "-o /kubemirror", "-o "+program, 1)
	if last.name != "RUN" || command == last.rest {
		t.Fatalf("the first stage ends with %s %s, want a RUN that writes /kubemirror", last.name, last.rest)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = checkout(t)
	cmd.Env = append(os.Environ(), "GOWORK=off", "TARGETOS=linux", "TARGETARCH="+architecture, "VERSION="+version, "COMMIT="+commit)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return program
}

func digest(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func TestTheProgramOfTheImageIsStaticAndSmallAndTheSameFromEveryCheckout(t *testing.T) {
	for _, architecture := range architectures {
		t.Run(architecture, func(t *testing.T) {
			if os.Getenv("DIST") == "" && architecture != runtime.GOARCH {
				t.Skip("make release-dry builds for it too: all of it is compiled for that alone")
			}
			program := build(t, architecture, "v1.2.3", "abcdef")
			if again := build(t, architecture, "v1.2.3", "abcdef"); digest(read(t, program)) != digest(read(t, again)) {
				t.Error("two checkouts in two folders make two programs")
			}
			if size := len(read(t, program)); size >= largest {
				t.Errorf("it has %d bytes", size)
			}
			static(t, program)
			if architecture == "amd64" {
				out, err := exec.CommandContext(t.Context(), program, "version").Output()
				if err != nil || !strings.HasPrefix(string(out), "kubemirror v1.2.3 ") {
					t.Errorf("it calls itself %q, %v", out, err)
				}
			}
		})
	}
}

// static checks that a program needs nothing beside it.
func static(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("%s is linked dynamically: it has a segment %s", program, part.Type)
		}
	}
}

func TestTheImageHoldsTheProgramAloneAndRunsAsNobodyInParticular(t *testing.T) {
	all := stages(t)
	want := []instruction{
		{"FROM", "scratch"},
		{"COPY", "--from=build /kubemirror /kubemirror"},
		{"USER", "65532:65532"}, // a number: Kubernetes can't tell that a name is not root's
		{"ENTRYPOINT", `["/kubemirror"]`},
	}
	if got := all[len(all)-1]; !slices.Equal(got, want) {
		t.Errorf("the image is made by %v, want %v", got, want)
	}
}

func TestTheImageIsBuiltWithTheGoThatTheModuleAsksFor(t *testing.T) {
	var version string
	for line := range strings.Lines(read(t, path(t, "go.mod"))) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "go "); ok {
			version = v
		}
	}
	if from := stages(t)[0][0].rest; !strings.Contains(from, "golang:"+version+"@sha256:") { // so that a release's programs are the images' to the byte
		t.Errorf("the Dockerfile builds from %q, and go.mod asks for Go %s", from, version)
	}
}
