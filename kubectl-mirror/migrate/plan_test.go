package migrate

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
	"github.com/lukaszraczylo/kubemirror/pattern"
)

var update = flag.Bool("update", false, "write what is printed into testdata")

// secret is what every object of testdata holds.
const secret = "c2VjcmV0"

var options = func() Options {
	o := Options{NamespaceFor: "vault", Now: time.Date(2026, 11, 28, 13, 0, 0, 0, time.UTC)}
	o.Settings, o.Origin, _ = Defaults(context.Background())
	return o
}()

// read reads a cluster from testdata.
func read(t *testing.T, name string) *Cluster {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := documents.Decode(u); errors.Is(err, io.EOF) {
			return c
		} else if err != nil {
			t.Fatal(err)
		}
		if u.GetKind() == "Namespace" {
			ns, _ := mirror.IngestNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: u.GetName(), Labels: u.GetLabels()}})
			c.Namespaces = append(c.Namespaces, ns.(*mirror.Namespace))
			continue
		}
		resource, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
		c.Objects = append(c.Objects, Object{u, resource})
	}
}

// do carries out a step as the server would.
func (c *Cluster) do(t *testing.T, p Patch) {
	t.Helper()
	for i, o := range c.Objects {
		if o.GetUID() == p.Object.GetUID() {
			c.Objects[i].Unstructured = with(o.Unstructured, p)
			return
		}
	}
	t.Fatalf("%s isn't there", p.Object)
}

// make makes the sources of a plan that there are none of.
func (c *Cluster) make(p *Plan) {
	for _, o := range p.Makes() {
		made := o.DeepCopy()
		made.SetUID("u-made-" + o.GetUID())
		c.Objects = append(c.Objects, Object{made, o.Resource})
	}
}

func TestThePlanOfEachSystemIsTold(t *testing.T) {
	for _, s := range Systems {
		t.Run(s.Name, func(t *testing.T) {
			var printed bytes.Buffer
			s.Plan(read(t, s.Name), options).Print(&printed)
			if strings.Contains(printed.String(), secret) {
				t.Error("it quotes what objects hold")
			}
			path := filepath.Join("testdata", s.Name+".txt")
			if *update {
				if err := os.WriteFile(path, printed.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(printed.String(), "\n")); diff != "" {
				t.Errorf("-want +got (-update writes it anew):\n%s", diff)
			}
		})
	}
}

// finish carries a plan out, and another one where the first made sources.
func finish(t *testing.T, s System, c *Cluster) {
	t.Helper()
	for range 2 {
		p := s.Plan(c, options)
		c.make(p)
		for _, step := range p.Steps() {
			c.do(t, step)
		}
	}
}

func TestASecondRunHasNothingToDo(t *testing.T) {
	for _, s := range Systems {
		t.Run(s.Name, func(t *testing.T) {
			c := read(t, s.Name)
			if s.Plan(c, options).Nothing() {
				t.Fatal("there was nothing to do from the start")
			}
			finish(t, s, c)
			if p := s.Plan(c, options); !p.Nothing() {
				var printed bytes.Buffer
				p.Print(&printed)
				t.Error(printed.String())
			}
		})
	}
}

// keys are the labels and annotations of all objects.
func (c *Cluster) keys() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, o := range c.Objects {
		keys := map[string]string{}
		maps.Copy(keys, o.GetLabels())
		maps.Copy(keys, o.GetAnnotations())
		all[o.String()] = keys
	}
	return all
}

func TestARunThatEndsAfterAnyStepIsFinishedByTheNext(t *testing.T) {
	for _, s := range Systems {
		whole := read(t, s.Name)
		finish(t, s, whole)
		steps := len(s.Plan(read(t, s.Name), options).Steps())
		for n := range steps {
			t.Run(fmt.Sprintf("%s after %d", s.Name, n), func(t *testing.T) {
				c := read(t, s.Name)
				for _, step := range s.Plan(c, options).Steps()[:n] {
					c.do(t, step)
					checkNoOrphan(t, c, step)
				}
				finish(t, s, c)
				if diff := cmp.Diff(whole.keys(), c.keys()); diff != "" {
					t.Errorf("-at once +interrupted:\n%s", diff)
				}
			})
		}
	}
}

// checkNoOrphan fails the test if a controller that happens to run would delete what a step has
// marked: the source of a mirror asks for it already.
func checkNoOrphan(t *testing.T, c *Cluster, step Patch) {
	t.Helper()
	for _, o := range c.Objects {
		id, marked := oursOf(o)
		if !marked || o.GetUID() != step.Object.GetUID() {
			continue
		}
		source, there := c.find(o.Resource.GroupResource(), id.namespace, id.name)
		if !there || !isSource(source) {
			t.Errorf("%s is a mirror, and its source doesn't ask for it", o)
		}
	}
}

func TestUndoBringsBackWhatWasThereAfterAnyStep(t *testing.T) {
	for _, s := range Systems {
		before := read(t, s.Name).keys()
		p := s.Plan(read(t, s.Name), options)
		for n := range len(p.Steps()) + 1 {
			t.Run(fmt.Sprintf("%s after %d", s.Name, n), func(t *testing.T) {
				c := read(t, s.Name)
				undo := undoOf(p, options.Now)
				for _, step := range p.Steps()[:n] {
					c.do(t, step)
				}
				// What the controller writes on a source meanwhile.
				for i, o := range c.Objects {
					if isSource(o) {
						status := "2/2 synced"
						c.Objects[i].Unstructured = with(o.Unstructured, Patch{Annotations: map[string]*string{api.AnnotationSyncStatus: &status}})
					}
				}
				for _, b := range undo.Objects {
					for i, o := range c.Objects {
						if o.GetUID() == b.UID {
							c.Objects[i].Unstructured = with(o.Unstructured, Patch{
								Labels: restored(o.GetLabels(), b.Labels), Annotations: restored(o.GetAnnotations(), b.Annotations),
							})
						}
					}
				}
				after := c.keys()
				for name, keys := range after {
					if before[name][api.AnnotationSyncStatus] == "" && !touched(p, name) {
						delete(keys, api.AnnotationSyncStatus) // it was our test that wrote it
					}
				}
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("-before +after:\n%s", diff)
				}
			})
		}
	}
}

func touched(p *Plan, name string) bool {
	for _, step := range p.Steps() {
		if step.Object.String() == name {
			return true
		}
	}
	return false
}

func TestARegularExpressionBecomesAGlobOrTheNamesThatMatchNow(t *testing.T) {
	c := &Cluster{}
	for _, name := range []string{"team", "team-a", "team-b", "team-1", "x-team", "other"} {
		c.Namespaces = append(c.Namespaces, &mirror.Namespace{Identity: mirror.Identity{Name: name}})
	}
	for expr, row := range map[string]struct {
		how   reading
		items string
		notes int
	}{
		"team-a":           {items: "team-a"},
		"^team-a$":         {items: "team-a"},
		".*":               {items: "all"},
		"^.*$":             {items: "all"},
		".+":               {items: "?*"},
		"team-.*":          {items: "team-*"},
		"team-.+":          {items: "team-?*"},
		"team-.":           {items: "team-?"},
		".*-team":          {items: "*-team"},
		"(team)-.*":        {items: "team-*"},
		"team-[a-z0-9-]*":  {items: "team-*"},
		"team-[a-z]":       {items: "team-a,team-b", notes: 1},
		"team-(a|b)":       {items: "team-a,team-b", notes: 1},
		"a|other":          {items: "other", notes: 1},
		"(?i)TEAM-A":       {items: "team-a", notes: 1},
		"team-[0-9]+":      {items: "team-1", notes: 1},
		"team-a?":          {items: "team-a", notes: 1},
		"nowhere[0-9]":     {items: "", notes: 1},
		"team*":            {items: "team", notes: 1},
		"(?!x)team":        {items: "", notes: 1},
		"":                 {items: ""},
		"Team":             {items: "", notes: 1},
		"other$":           {how: startOfAName, items: "other"},
		"te":               {how: startOfAName, items: "te*"},
		"^team-":           {how: startOfAName, items: "team-*"},
		"team-.*|x-.*":     {how: startOfAName, items: "team-1,team-a,team-b,x-team", notes: 1},
		"prefix_ns-*":      {how: startOfAName, items: "", notes: 1},
		"[a-z0-9.-]+-team": {items: "?*-team"},
	} {
		c.sort()
		got := c.fromRegexes("key", []string{expr}, row.how, "source")
		if strings.Join(got.items, ",") != row.items || len(got.notes) != row.notes {
			t.Errorf("%q: %q with %d notes, want %q with %d", expr, got.items, len(got.notes), row.items, row.notes)
		}
	}
}

func TestWhatTheControllersFlagsLeaveOutIsLeftAsItIs(t *testing.T) {
	in := func(list string) pattern.List {
		l, err := pattern.Parse(list, pattern.InNamespaceName)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	s, _ := Find("replicator")
	o := options
	o.Settings.Excluded = in("team-a")
	for _, step := range s.Plan(read(t, "replicator"), o).Steps() {
		if step.Object.GetNamespace() == "team-a" {
			t.Errorf("%s is marked, and would be deleted", step.Object)
		}
	}
	o.Settings.Excluded, o.Settings.Sources = pattern.List{}, in("other")
	if p := s.Plan(read(t, "replicator"), o); !p.Nothing() {
		t.Error("sources are taken over that aren't honoured")
	}
}

func TestASourceThatAsksForMoreThanItMayHaveIsLeftAsItIs(t *testing.T) {
	s, _ := Find("replicator")
	o := options
	o.Settings.MaxTargets = 2 // of three
	p := s.Plan(read(t, "replicator"), o)
	for _, step := range p.Steps() {
		if step.Object.GetName() == "registry" {
			t.Errorf("%s is patched", step.Object)
		}
	}
	if told := strings.Join(p.Notes, "\n"); !strings.Contains(told, "Secret platform/registry: it asks for 3 namespaces, and may have 2") {
		t.Errorf("it is told as:\n%s", told)
	}
}

func TestASecretThatWasMadeOfAClusterSecretIsFoundAgainByItsMirrors(t *testing.T) {
	s, _ := Find("clustersecret")
	c := read(t, s.Name)
	finish(t, s, c)
	o := options
	o.NamespaceFor = ""
	if told := strings.Join(s.Plan(c, o).Notes, "\n"); strings.Contains(told, "--namespace-for") {
		t.Errorf("it is asked for again:\n%s", told)
	}
}
