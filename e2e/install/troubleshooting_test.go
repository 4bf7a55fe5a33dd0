package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// trouble is how a section's trouble is made, and how to see that it is over. While
// the section is followed, kubemirror runs as the chart has it.
type trouble struct {
	cause, solved func(*reader)
	// values are those of the chart that the trouble comes from; alone says that
	// nothing else may go on in the cluster.
	values []string
	alone  bool
}

// reader follows one section, in namespaces of her own: those of the text's examples,
// by other names.
type reader struct {
	*kit.Env
	t    *testing.T
	walk *walk
}

// walk is one installation, on which all sections are followed.
type walk struct {
	env      *kit.Env
	system   string
	config   string // who reads the text: one who may do everything
	commands string // a folder with the commands of the text, where they are not the machine's own
	km       *kit.Kubemirror
	template string // of the Deployment that km runs by
}

func TestTheTextOnTroubleshootingHelpsWithEveryTroubleThatItNames(t *testing.T) {
	text := readGuide(t)
	w := install(t)
	var together, alone []section
	for _, s := range text.sections {
		made, known := troubles[s.title]
		switch {
		case len(s.steps) == 0:
		case !known:
			t.Errorf("nothing makes the trouble of the section %q", s.title)
		case made.alone || made.values != nil:
			alone = append(alone, s)
		default:
			together = append(together, s)
		}
	}
	for title := range troubles {
		if !slices.ContainsFunc(text.sections, func(s section) bool { return s.title == title }) {
			t.Errorf("the text has no section %q", title)
		}
	}
	mark := w.env.Mark()
	t.Run("as installed", func(t *testing.T) {
		for _, s := range together {
			t.Run(s.title, func(t *testing.T) {
				t.Parallel()
				w.reader(t).follow(s)
			})
		}
	})
	for _, request := range asked(t, w.env, mark, w.km.User) {
		if request.Forbidden {
			t.Errorf("the chart lacks the right to %s", request)
		}
	}
	for _, s := range alone {
		t.Run(s.title, func(t *testing.T) {
			w.set(t, troubles[s.title].values)
			w.reader(t).follow(s)
		})
	}
}

func TestTheTextOnTroubleshootingHasEveryReasonOfAnEventAndNoLinkThatLeadsNowhere(t *testing.T) {
	text := readGuide(t)
	source, err := os.ReadFile(path(t, "mirror", "problem.go"))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path(t, "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := regexp.MustCompile(`\bReason\w+ += "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(reasons) < 5 {
		t.Fatalf("found only the reasons %q", reasons)
	}
	for _, reason := range reasons {
		if !strings.Contains(string(whole), "`"+reason[1]+"`") {
			t.Errorf("the text has nothing on %s", reason[1])
		}
	}
	anchors := map[string]bool{}
	for line := range strings.Lines(string(whole)) {
		if title := strings.TrimLeft(line, "#"); title != line {
			anchors["#"+anchor(strings.TrimSpace(title))] = true
		}
	}
	for _, to := range text.links {
		if file, _, _ := strings.Cut(to, "#"); file != "" {
			if _, err := os.Stat(path(t, "docs", file)); err != nil {
				t.Errorf("a link leads nowhere: %v", err)
			}
		} else if !anchors[to] {
			t.Errorf("a link leads to %s, and there is no such section", to)
		}
	}
}

// install installs the chart, and runs kubemirror as it says.
func install(t *testing.T) *walk {
	env := kit.New(t)
	w := &walk{env: env, system: "system-" + env.Prefix(), config: admin(t, env), commands: t.TempDir()}
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + w.system + "}}")
	release(t, env, w.system)
	helmed, err := helmModule()
	if err != nil {
		t.Fatal(err)
	}
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kubemirror.BuildPlugin(t.Context(), w.commands); err != nil { // where kubectl finds it
		t.Fatal(err)
	}
	for name, script := range map[string]string{
		// There are no nodes: the log and the metrics are those of the process.
		"kubectl":    fmt.Sprintf(`case " $* " in *" logs "*) cat %s/log ;; *" port-forward "*) ;; *) exec %s "$@" ;; esac`, w.commands, kubectl),
		"curl":       fmt.Sprintf(`cat %s/metrics`, w.commands),
		"helm":       fmt.Sprintf(`exec go -C %s tool %s helm "$@"`, path(t), helmed),
		"kubemirror": fmt.Sprintf(`exec %s "$@"`, binary(t)),
	} {
		if err := os.WriteFile(filepath.Join(w.commands, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.roll(t)
	return w
}

// roll does for the Deployment what its controller would: where its template has
// changed, the process is replaced; scaled to nothing, or gone, it is ended.
func (w *walk) roll(t testing.TB) {
	t.Helper()
	template := ""
	if o := w.env.Find(kit.Object("Deployment.v1.apps", w.system, "kubemirror")); o != nil {
		if d := deployment(t, o); *d.Spec.Replicas > 0 {
			template = d.Spec.Template.String()
		}
	}
	if template == w.template {
		return
	}
	if w.km != nil && !w.km.Ended() {
		w.km.Stop()
	}
	w.template, w.km = template, nil
	if template != "" {
		w.km = launch(t, w.env, w.system)
	}
}

// set has the chart run with these values and the defaults of the others.
func (w *walk) set(t *testing.T, values []string) {
	t.Helper()
	args := []string{"upgrade", "--install", "kubemirror", path(t, "charts", "kubemirror"), "--namespace=" + w.system, "--kubeconfig=" + w.config, "--reset-values", "--force-conflicts"}
	for _, value := range values {
		args = append(args, "--set="+value)
	}
	must(t, "set the chart's values", helm(t, args...))
	// A policy that has gone with the role that it takes for a parameter refuses what it sees
	// until the server knows that it has gone.
	w.env.Eventually("the policies have settled", func(context.Context) error {
		got := run(t, strings.ReplaceAll(asking("probe"), "PREFIX-src", "default"), "kubectl", "--kubeconfig="+w.config, "create", "--dry-run=server", "-f-")
		if strings.Contains(got.errors, "no params found") {
			return errors.New(got.errors)
		}
		return nil
	})
	w.roll(t)
	if !w.km.Ended() && !slices.ContainsFunc(values, func(v string) bool { return strings.HasPrefix(v, "extraArgs") }) {
		w.km.WaitReady()
	}
}

// names are those of the text's examples that are the test's own.
var names = regexp.MustCompile(`\b(platform|security|tools|team-|example\.com)`)

func (w *walk) reader(t *testing.T) *reader {
	return &reader{Env: kit.New(t), t: t, walk: w}
}

// own brings what the text says into the reader's own names.
func (r *reader) own(text string) string {
	return strings.ReplaceAll(names.ReplaceAllStringFunc(text, func(name string) string {
		if name == "example.com" {
			return r.Prefix() + "." + name
		}
		return r.Name(name)
	}), system, r.walk.system)
}

// follow makes the trouble, does what the section says, and sees it solved.
func (r *reader) follow(s section) {
	r.t.Helper()
	made := troubles[s.title]
	for _, namespace := range []string{"platform", "security", "team-a", "team-b"} {
		r.Namespace(namespace)
	}
	r.t.Cleanup(func() { r.Delete(kit.Object("Namespace", "", r.Name("team-c"))) })
	if made.cause != nil {
		made.cause(r)
	}
	for _, step := range s.steps {
		if step.prints == nil {
			must(r.t, step.commands, r.enter("set -euo pipefail\n"+step.commands))
			r.walk.roll(r.t)
			continue
		}
		want := strings.Split(r.own(strings.Join(step.prints, "\n")), "\n")
		r.Eventually(step.commands, func(context.Context) error { return matches(want, r.enter(step.commands).out) })
	}
	if made.solved != nil {
		made.solved(r)
	}
}

// enter runs commands as a person at a terminal would: what they print and what
// they complain of come together, in out.
func (r *reader) enter(commands string) outcome {
	r.t.Helper()
	if km := r.walk.km; km != nil {
		r.write("log", km.Log())
		if !km.Ended() {
			if m, err := km.Kubemirror.Metrics(r.t.Context()); err == nil {
				r.write("metrics", m.String())
			}
		}
	}
	return runIn(r.t, 3*time.Minute, []string{"PATH=" + r.walk.commands + ":" + os.Getenv("PATH"), "KUBECONFIG=" + r.walk.config},
		"", "bash", "-c", "exec 2>&1\n"+r.own(commands))
}

// write writes what commands of the text read, at once as a whole: sections are
// followed side by side.
func (r *reader) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(file, filepath.Join(r.walk.commands, name)); err != nil {
		r.t.Fatal(err)
	}
}

// ref is an object of the text's examples, by its own name.
func (r *reader) ref(kind, namespace, name string) kit.Ref {
	return kit.Object(r.own(kind), r.Name(namespace), r.own(name))
}

func (r *reader) registry() kit.Ref { return r.ref("Secret", "platform", "registry") }

// source applies an object to mirror.
func (r *reader) source(kind, namespace, name, targets string, more ...string) {
	r.t.Helper()
	r.Apply(r.own(fmt.Sprintf(`
%s
metadata:
  namespace: %s
  name: %s
  labels: {kubemirror.raczylo.com/enabled: "true"}
  annotations:
    kubemirror.raczylo.com/sync: "true"
    kubemirror.raczylo.com/target-namespaces: %q
%s`, kind, namespace, name, targets, strings.Join(more, "\n"))))
}

const secret = "apiVersion: v1\nkind: Secret"

// status waits until a source says so.
func (r *reader) status(ref kit.Ref, want string) {
	r.t.Helper()
	r.Within(5*time.Minute).WaitFor(ref, "says "+want, func(o *unstructured.Unstructured) error {
		if got := o.GetAnnotations()[domain+"sync-status"]; got != want {
			return fmt.Errorf("its status is %q", got)
		}
		return nil
	})
}

// says is the check that the source of the examples says so in the end.
func says(want string) func(*reader) {
	return func(r *reader) { r.t.Helper(); r.status(r.registry(), want) }
}
