package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// Each flag has a test that sees its effect. Those of --max-targets stand in
// limit_test.go, those of wrong values in bad_flags_test.go.

func TestOnlyTypesThatAreNamedAreMirrored(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	secret, config := kit.Object("Secret", env.Namespace("src"), "s"), kit.Object(configMap, env.Name("src"), "c")
	env.Namespace("a")
	env.Apply(source(secret, "target-namespaces=all"))
	env.Apply(source(config, "target-namespaces=all"))
	km := env.Start("--resource-types=ConfigMap.v1")
	waitForMirrors(env, config, "a")
	km.WaitQuiet(300 * time.Millisecond)
	if got := mirrorsOf(env, secret); len(got) > 0 || kit.StatusOf(env.Get(secret)) != "" {
		t.Errorf("the Secret has mirrors in %q and the status %q", got, kit.StatusOf(env.Get(secret)))
	}
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	env.Start("--resource-types= Secret.v1 , ConfigMap.v1,Secret.v1")
	waitForMirrors(env, secret, "a")
}

func TestTargetNamespacesAreIncludedAndExcludedByFlags(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		says  string
		flags []string
		want  []string
	}{
		{"excluded by name", []string{"--excluded-namespaces=PREFIX-app-1,PREFIX-db"}, []string{"app-2", "web"}},
		{"excluded by glob", []string{"--excluded-namespaces=PREFIX-app-?,PREFIX-w*"}, []string{"db"}},
		{"included by name", []string{"--included-namespaces=PREFIX-db"}, []string{"db"}},
		{"included by glob and name", []string{"--included-namespaces= PREFIX-app-* , PREFIX-web"}, []string{"app-1", "app-2", "web"}},
		{"included and excluded: exclusion wins", []string{"--included-namespaces=PREFIX-app-1,PREFIX-d*", "--excluded-namespaces=*-1"}, []string{"db"}},
	} {
		t.Run(row.says, func(t *testing.T) {
			t.Parallel()
			env := kit.New(t)
			src := env.Namespace("src")
			for _, suffix := range []string{"app-1", "app-2", "db", "web"} {
				env.Namespace(suffix, "team=blue", allowMirrors+"=true")
			}
			for i, flag := range row.flags {
				row.flags[i] = strings.ReplaceAll(flag, "PREFIX", env.Prefix())
			}
			env.Start(append(row.flags, "--resource-types=ConfigMap.v1")...)
			// However it is asked for, a flag has the last word.
			for name, asks := range map[string]string{
				"all":      "target-namespaces=all",
				"names":    "target-namespaces=PREFIX-app-1,PREFIX-app-2,PREFIX-db,PREFIX-web",
				"labelled": "target-namespaces=all-labeled",
				"selector": "target-selector=team=blue",
			} {
				env.Apply(source(kit.Object(configMap, src, name), asks))
				env.WaitFor(kit.Object(configMap, src, name), "is in sync", kit.HasStatus(fmt.Sprintf("%d/%[1]d synced", len(row.want))))
				waitForMirrors(env, kit.Object(configMap, src, name), row.want...)
			}
		})
	}
}

func TestMirrorsGoFromANamespaceThatAFlagExcludesSinceTheLastStart(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	env.Namespace("a")
	env.Namespace("b")
	km := env.Start("--resource-types=ConfigMap.v1")
	env.Apply(source(src, "target-namespaces=PREFIX-a,PREFIX-b"))
	waitForMirrors(env, src, "a", "b")
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	env.Start("--resource-types=ConfigMap.v1", "--excluded-namespaces=*-b")
	waitForMirrors(env, src, "a")
	env.WaitFor(src, "is in sync", kit.HasStatus("1/1 synced"))
}

// TestSourcesOutsideTheSourceNamespacesAreLeftAlone leaves mirrors of two sources
// behind, and then runs a process that only one of them concerns.
func TestSourcesOutsideTheSourceNamespacesAreLeftAlone(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	inside := kit.Object(configMap, env.Namespace("mine"), "inside")
	outside := kit.Object(configMap, env.Namespace("theirs"), "outside")
	late, gone := outside, outside
	late.Name, gone.Name = "late", "gone"
	a := env.Namespace("a")
	km := env.Start("--resource-types=ConfigMap.v1")
	for _, r := range []kit.Ref{inside, outside, gone} {
		env.Apply(source(r, "target-namespaces=PREFIX-a"))
		waitForMirrors(env, r, "a")
	}
	if code := km.Stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	// Now all is wrong with the mirrors of what is outside.
	env.Patch(outside, `{"data":{"key":"changed"}}`)
	env.Patch(gone, `{"metadata":{"finalizers":null}}`)
	env.Delete(gone)
	env.WaitGone(gone)
	mark := env.Mark()
	km = env.Start("--resource-types=ConfigMap.v1", "--source-namespaces="+env.Name("m?ne")+",nothing-else")
	env.Apply(source(late, "target-namespaces=PREFIX-a"))
	env.Patch(outside.In(a), `{"data":{"key":"tampered"}}`)
	env.Delete(outside)
	env.Patch(inside, `{"data":{"key":"changed"}}`)
	env.WaitFor(inside.In(a), "has the change", hasData("changed"))
	env.Delete(inside.In(a))
	env.WaitFor(inside.In(a), "is back", kit.Exists)
	km.WaitQuiet(500 * time.Millisecond)

	for _, r := range km.Since(mark).Where(audit.Filter{Verbs: append(audit.Writes, "get"), Resources: []string{"configmaps", "events"}}) {
		if r.Namespace != a || r.Name != "" && r.Name != "inside" {
			t.Errorf("it asked for what is none of its business: %s", r)
		}
	}
	if err := hasData("tampered")(env.Get(outside.In(a))); err != nil {
		t.Errorf("the mirror of a source outside was touched: %v", err)
	}
	env.Get(gone.In(a))
	if got := env.Get(outside); len(got.GetFinalizers()) == 0 { // it waits for the process that it belongs to
		t.Error("the finalizer of a source outside was taken off")
	}
	if got := env.Get(late); env.Find(late.In(a)) != nil || len(got.GetFinalizers()) > 0 || kit.StatusOf(got) != "" {
		t.Errorf("a new source outside was taken up: %v", got)
	}
}

func TestMetadataIsStrippedThatAFlagNames(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := kit.Object(configMap, env.Namespace("src"), "settings")
	a := env.Namespace("a")
	env.Apply(source(src, "target-namespaces=all"))
	env.Label(src, "example.com/one=1", "example.com/two=2", "team=blue")
	env.Annotate(src, "Note.example.com/x=1", "note=1", "owner=me")
	env.Start("--resource-types=ConfigMap.v1", "--strip-metadata=example.com/*, Note.example.com/?,owner")
	mirror := env.WaitFor(src.In(a), "is there", kit.Exists)
	keys := func(all map[string]string) (others []string) {
		for key := range all {
			if !strings.HasPrefix(key, domain) {
				others = append(others, key)
			}
		}
		return others
	}
	if got := fmt.Sprint(keys(mirror.GetLabels()), keys(mirror.GetAnnotations())); got != "[team] [note]" {
		t.Errorf("the mirror has the labels and annotations %s, want team and note", got)
	}
}

func TestTransformationsAreBoundedByFlags(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	env.Start("--resource-types=ConfigMap.v1", "--transform-max-rules=2", "--transform-max-size=1Ki", "--transform-timeout=20us")
	rule := "- {path: data.added, value: x, optional: true}\n"
	for name, row := range map[string]struct{ rules, status string }{
		"two-rules":   {rule + rule, "1/1 synced"},
		"three-rules": {rule + rule + rule, "stopped: "},
		"too-long":    {rule + "# " + strings.Repeat("-", 1024), "stopped: "},
		"too-slow":    {`- {path: data.added, template: '` + strings.Repeat(`{{ upper "x" }}`, 50) + `'}`, "1/1 synced: "},
	} {
		r := kit.Object(configMap, src, name)
		env.Apply(source(r, "target-namespaces=all", "transform=rules:\n"+row.rules))
		o := env.WaitFor(r, "has its status", statusHolds(row.status))
		if got, bad := kit.StatusOf(o), name != "two-rules"; strings.Contains(got, "transform") != bad {
			t.Errorf("%s: the status is %q", name, got)
		}
	}
}

func TestTheLeaseIsWhereFlagsSayAndThereIsNoneWithoutElection(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	const lease = "Lease.v1.coordination.k8s.io"
	home := env.Namespace("home")
	km := env.Start("--resource-types=ConfigMap.v1", "--leader-elect=false", "--leader-election-namespace="+home)
	if got := env.List(lease, home, ""); len(got) > 0 {
		t.Errorf("a lease without election: %v", got)
	}
	if code := km.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	start := func(flags ...string) {
		// The policy of the manifests knows their lease alone.
		env.Launch(kit.Launch{Groups: []string{controlplane.Admins}, Flags: append(flags, "--resource-types=ConfigMap.v1", "--leader-election-namespace="+home)})
	}
	start()
	env.WaitFor(kit.Object(lease, home, "kubemirror-controller-leader"), "is there", kit.Exists)
	start("--leader-election-id=another")
	env.WaitFor(kit.Object(lease, home, "another"), "is there", kit.Exists)
	if got := env.List(lease, home, ""); len(got) != 2 {
		t.Errorf("%d leases, want 2: %v", len(got), got)
	}
}

func TestTheServerIsFoundByFlagByEnvironmentOrByHomeFolder(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	good, err := env.ControlPlane().Kubeconfig(env.Name("somebody"), controlplane.Admins)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(home, ".kube"), 0o700), os.Symlink(good, filepath.Join(home, ".kube", "config"))); err != nil {
		t.Fatal(err)
	}
	// This one's current context leads nowhere.
	config, err := clientcmd.LoadFromFile(good)
	if err != nil {
		t.Fatal(err)
	}
	config.Clusters["away"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}
	config.Contexts["away"] = &clientcmdapi.Context{Cluster: "away", AuthInfo: config.Contexts["local"].AuthInfo}
	config.CurrentContext = "away"
	away := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*config, away); err != nil {
		t.Fatal(err)
	}
	for says, launch := range map[string]kit.Launch{
		"--kubeconfig, whatever the environment says": {Kubeconfig: good, Env: []string{"KUBECONFIG=" + away, "HOME=/nowhere"}},
		"--kubeconfig and --context":                  {Kubeconfig: away, Flags: []string{"--context=local"}},
		"$KUBECONFIG, whatever the home folder has":   {Flags: []string{"--kubeconfig="}, Env: []string{"KUBECONFIG=" + good, "HOME=/nowhere"}},
		"$KUBECONFIG and --context":                   {Flags: []string{"--kubeconfig=", "--context=local"}, Env: []string{"KUBECONFIG=" + away}},
		"the home folder":                             {Flags: []string{"--kubeconfig="}, Env: []string{"KUBECONFIG=", "HOME=" + home}},
	} {
		t.Log(says)
		launch.Flags = append(launch.Flags, "--resource-types=ConfigMap.v1", "--leader-elect=false")
		km := env.Launch(launch)
		km.WaitReady()
		if code := km.Stop(); code != 0 {
			t.Errorf("%s: exit code %d", says, code)
		}
	}
}

func TestMetricsAndProbesAreServedWhereFlagsSay(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	flags := func(metrics, probes string) kit.Launch {
		return kit.Launch{Flags: []string{
			"--resource-types=ConfigMap.v1", "--leader-elect=false",
			"--metrics-bind-address=" + metrics, "--health-probe-bind-address=" + probes,
		}}
	}
	serving := func(km *kit.Kubemirror) (lines []string) {
		for line := range strings.Lines(km.Log()) {
			if _, rest, found := strings.Cut(line, `"Serving" `); found {
				lines = append(lines, strings.TrimSpace(rest))
			}
		}
		return lines
	}
	addressOf := func(line string) string {
		_, address, _ := strings.Cut(line, "address=")
		return address
	}

	together := env.Launch(flags("127.0.0.1:0", "127.0.0.1:0"))
	together.WaitReady()
	together.Metrics()
	if got := serving(together); len(got) != 2 || addressOf(got[0]) != addressOf(got[1]) {
		t.Errorf("asked for one address for both, it serves %q", got)
	}
	apart := env.Launch(flags("localhost:0", "127.0.0.1:0"))
	apart.WaitReady()
	apart.Metrics()
	if got := serving(apart); len(got) != 2 || addressOf(got[0]) == addressOf(got[1]) {
		t.Errorf("asked for two addresses, it serves %q", got)
	}
	if code, _, err := apart.Probe(t.Context(), "/metrics"); err != nil || code != 404 {
		t.Errorf("metrics at the probes' own address: code %d, %v", code, err)
	}
	probes := env.Launch(flags("0", "127.0.0.1:0"))
	probes.WaitReady()
	if got := serving(probes); len(got) != 1 || !strings.Contains(got[0], "probes") {
		t.Errorf("asked for no metrics, it serves %q", got)
	}
	metrics := env.Launch(flags("127.0.0.1:0", "0"))
	env.Eventually("metrics are served", func(ctx context.Context) error {
		_, err := metrics.Kubemirror.Metrics(ctx)
		return err
	})
	if got := serving(metrics); len(got) != 1 || !strings.Contains(got[0], "metrics") {
		t.Errorf("asked for no probes, it serves %q", got)
	}
}

func TestTheLogSaysAsMuchAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	src := env.Namespace("src")
	env.Namespace("a")
	const wrote, listed, request = "Wrote a mirror", "Caches populated", "/api/v1/namespaces/"
	for i, row := range []struct {
		flags  []string
		env    string
		says   []string
		silent []string
	}{
		{nil, "", nil, []string{wrote, listed, request}},
		{nil, "info", nil, []string{wrote, listed, request}},
		{[]string{"-v=2"}, "", []string{wrote, listed}, []string{request}},
		{nil, "debug", []string{wrote, listed}, []string{request}},
		{nil, "trace", []string{wrote, listed, request}, nil},
		{[]string{"--v=0"}, "trace", nil, []string{wrote, listed, request}},
		{[]string{"--vmodule=sync_mirror=2"}, "", []string{wrote}, []string{listed, request}},
		{[]string{"--logging-format=json"}, "", nil, []string{wrote, listed, request}},
		{[]string{"--logging-format=json", "-v=2"}, "", []string{wrote, listed}, []string{request}},
		{[]string{"--logging-format=json"}, "debug", []string{wrote, listed}, []string{request}},
		{[]string{"--logging-format=json", "--vmodule=sync_mirror=2"}, "", []string{wrote}, []string{listed, request}},
	} {
		km := env.Launch(kit.Launch{Flags: append(row.flags, "--resource-types=ConfigMap.v1"), Env: []string{"LOG_LEVEL=" + row.env}})
		km.WaitReady()
		r := kit.Object(configMap, src, fmt.Sprintf("row-%d", i))
		env.Apply(source(r, "target-namespaces=all"))
		waitForMirrors(env, r, "a")
		if code := km.Stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		asked := fmt.Sprintf("asked by %q and LOG_LEVEL=%q", row.flags, row.env)
		for _, text := range row.says {
			if !strings.Contains(km.Log(), text) {
				t.Errorf("%s, the log lacks %q", asked, text)
			}
		}
		for _, text := range row.silent {
			if line := lineWith(km.Log(), text); line != "" {
				t.Errorf("%s, the log says %s", asked, line)
			}
		}
		if slices.Contains(row.flags, "--logging-format=json") {
			for line := range strings.Lines(km.Log()) {
				var fields struct{ Source *string }
				if err := json.Unmarshal([]byte(line), &fields); err != nil {
					t.Errorf("%s, a line is no JSON, or its source no text: %v: %s", asked, err, line)
				}
			}
		}
	}
}
