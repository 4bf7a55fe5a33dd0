package tests

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

// endsWithOneLine checks that a process ends with that status and has said one
// line, with these words in it; where it serves doesn't count.
func endsWithOneLine(t *testing.T, km *kit.Kubemirror, status int, words ...string) {
	t.Helper()
	if code := km.WaitExit(); code != status {
		t.Errorf("exit status %d, want %d", code, status)
	}
	var lines []string
	for line := range strings.Lines(km.Log()) {
		if !strings.Contains(line, `"Serving" `) {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Errorf("it says, in %d lines instead of one:\n%s", len(lines), strings.Join(lines, ""))
		return
	}
	for _, word := range words {
		if !strings.Contains(lines[0], word) {
			t.Errorf("%q is not in what it says: %s", word, lines[0])
		}
	}
}

func TestAFlagThatIsWrongEndsTheProcessWithStatus2AndOneLine(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	const typeName, number, duration, globs, address, size, dnsName = "Kind.version", "whole number", "duration", "glob", "host:port", "bytes", "lower case"
	for _, row := range []struct{ flag, value, takes string }{
		{"--resource-types", "secrets", typeName},
		{"--resource-types", "Secret", typeName},
		{"--resource-types", "Secret.v1,,ConfigMap.v1", typeName},
		{"--resource-types", "Ingress.networking.k8s.io", typeName},
		{"--resource-types", "Secret.v1;ConfigMap.v1", typeName},
		{"--resource-types", "Ingress.v1.networking.k8s.io,Ingress.v1beta1.networking.k8s.io", "one version"},
		{"--discovery-interval", "soon", duration},
		{"--discovery-interval", "0s", duration},
		{"--discovery-interval", "-5m", duration},
		{"--leader-elect", "maybe", "true or false"},
		{"--max-targets", "many", number},
		{"--max-targets", "0", number},
		{"--max-targets", "1.5", number},
		{"--max-targets", "", number},
		{"--worker-threads", "0", number},
		{"--worker-threads", "-1", number},
		{"--rate-limit-qps", "fast", "number"},
		{"--rate-limit-qps", "0", "number"},
		{"--rate-limit-qps", "NaN", "number"},
		{"--rate-limit-burst", "0", number},
		{"--rate-limit-burst", "1e3", number},
		{"--excluded-namespaces", "kube-*,Not_A_Name", globs},
		{"--excluded-namespaces", "!kube-system", globs},
		{"--included-namespaces", "app[12]", globs},
		{"--source-namespaces", "a b", globs},
		{"--strip-metadata", "example.com/*,!other", globs},
		{"--metrics-bind-address", "here", address},
		{"--metrics-bind-address", ":many", address},
		{"--metrics-bind-address", ":80800", address},
		{"--health-probe-bind-address", "127.0.0.1", address},
		{"--health-probe-bind-address", ":-1", address},
		{"--metrics-secure", "maybe", "true or false"},
		{"--tls-cert-file", "/nowhere.crt", "--metrics-secure"},
		{"--tls-private-key-file", "/nowhere.key", "--metrics-secure"},
		{"--leader-election-id", "Not_A_Name", dnsName},
		{"--leader-election-id", "", dnsName},
		{"--leader-election-namespace", "not/a/name", dnsName},
		{"--transform-timeout", "100", duration},
		{"--transform-timeout", "0", duration},
		{"--transform-max-rules", "0", number},
		{"--transform-max-size", "large", size},
		{"--transform-max-size", "10KB", size},
		{"--transform-max-size", "0", size},
		{"--logging-format", "xml", "text"},
		{"--v", "loud", number},
		{"--v", "-1", number},
		{"--v", "10", number},
		{"--vmodule", "sync_mirror", "file=N"},
		{"--vmodule", "sync_mirror=10", "file=N"},
		{"--context", "nowhere", "context"},
	} {
		t.Run(row.flag+"="+row.value, func(t *testing.T) {
			km := env.Launch(kit.Launch{Flags: []string{row.flag + "=" + row.value}})
			endsWithOneLine(t, km, 2, row.flag, `"`+row.value+`"`, row.takes)
		})
	}
}

// TestATypeThatIsNeverMirroredCantBeNamed has the contract's list.
func TestATypeThatIsNeverMirroredCantBeNamed(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	for _, name := range []string{
		"Pod.v1", "Event.v1", "Event.v1.events.k8s.io", "Node.v1", "Endpoints.v1", "EndpointSlice.v1.discovery.k8s.io",
		"Lease.v1.coordination.k8s.io", "PersistentVolume.v1", "PersistentVolumeClaim.v1", "ReplicaSet.v1.apps",
		"ReplicationController.v1", "ControllerRevision.v1.apps", "Binding.v1", "CSIStorageCapacity.v1.storage.k8s.io",
		"PodMetrics.v1beta1.metrics.k8s.io",
	} {
		km := env.Launch(kit.Launch{Flags: []string{"--resource-types=Secret.v1," + name}})
		endsWithOneLine(t, km, 2, "--resource-types", name, "never mirrored")
	}
}

func TestACommandLineThatIsWrongEndsTheProcessWithStatus2AndOneLine(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const kubeconfig = `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: u, user: {}}],
contexts: [{name: good, context: {cluster: c, user: u}}, {name: broken, context: {cluster: none, user: u}}], current-context: good}`
	good, malformed, empty := file("good.yaml", kubeconfig), file("malformed.yaml", "clusters: ["), file("empty.yaml", "")
	noServer := file("no-server.yaml", strings.Replace(kubeconfig, "https://127.0.0.1:1", "::nonsense", 1))
	noCertificate := file("no-certificate.yaml", strings.Replace(kubeconfig, "user: {}", "user: {client-certificate: /nowhere.crt, client-key: /nowhere.key}", 1))
	const none = "--kubeconfig=" // so that the environment counts
	const secure, probes = "--metrics-secure", "--health-probe-bind-address=localhost:0"
	home := "HOME=" + t.TempDir()
	for says, row := range map[string]struct {
		launch kit.Launch
		words  []string
	}{
		"a flag that there isn't":                    {kit.Launch{Flags: []string{"--max-target=5"}}, []string{"--max-target", "--help"}},
		"a certificate without its key":              {kit.Launch{Flags: []string{secure, probes, "--tls-cert-file=/nowhere.crt"}}, []string{"--tls-cert-file", `"/nowhere.crt"`, "--tls-private-key-file"}},
		"a key without its certificate":              {kit.Launch{Flags: []string{secure, probes, "--tls-private-key-file=/nowhere.key"}}, []string{"--tls-private-key-file", `"/nowhere.key"`, "--tls-cert-file"}},
		"a certificate that isn't there":             {kit.Launch{Flags: []string{secure, probes, "--tls-cert-file=/nowhere.crt", "--tls-private-key-file=/nowhere.key"}}, []string{"--tls-cert-file", `"/nowhere.crt"`, "no such file"}},
		"files that are no certificate":              {kit.Launch{Flags: []string{secure, probes, "--tls-cert-file=" + good, "--tls-private-key-file=" + good}}, []string{"--tls-cert-file", good, "PEM"}},
		"plain probes where metrics are secure":      {kit.Launch{Flags: []string{secure, "--metrics-bind-address=:8080", "--health-probe-bind-address=:8080"}}, []string{"--metrics-bind-address", `":8080"`, "--health-probe-bind-address"}},
		"a short flag that there isn't":              {kit.Launch{Flags: []string{"-x"}}, []string{"-x", "--help"}},
		"a flag without its value":                   {kit.Launch{Flags: []string{"--max-targets"}}, []string{"--max-targets", "argument"}},
		"a command that there isn't":                 {kit.Launch{Flags: []string{"mirror"}}, []string{`"mirror"`, "command"}},
		"a level that there isn't":                   {kit.Launch{Env: []string{"LOG_LEVEL=loud"}}, []string{"LOG_LEVEL", `"loud"`, "info", "debug", "trace"}},
		"a kubeconfig that isn't there":              {kit.Launch{Kubeconfig: "/nowhere/config"}, []string{"--kubeconfig", "/nowhere/config"}},
		"a kubeconfig that is a folder":              {kit.Launch{Kubeconfig: os.TempDir()}, []string{"--kubeconfig", os.TempDir()}},
		"a kubeconfig that can't be read":            {kit.Launch{Kubeconfig: malformed}, []string{"--kubeconfig", malformed}},
		"a kubeconfig with nothing in it":            {kit.Launch{Kubeconfig: empty}, []string{"--kubeconfig", empty}},
		"a kubeconfig without an address":            {kit.Launch{Kubeconfig: noServer}, []string{"--kubeconfig", noServer}},
		"a kubeconfig that names files not there":    {kit.Launch{Kubeconfig: noCertificate}, []string{"--kubeconfig", noCertificate, "/nowhere.crt"}},
		"a context that the file doesn't have":       {kit.Launch{Kubeconfig: good, Flags: []string{"--context=nowhere"}}, []string{"--context", `"nowhere"`}},
		"a context without a cluster":                {kit.Launch{Kubeconfig: good, Flags: []string{"--context=broken"}}, []string{"broken"}},
		"$KUBECONFIG that isn't there":               {kit.Launch{Flags: []string{none}, Env: []string{"KUBECONFIG=/nowhere/config", home}}, []string{"KUBECONFIG"}},
		"$KUBECONFIG that can't be read":             {kit.Launch{Flags: []string{none}, Env: []string{"KUBECONFIG=" + malformed, home}}, []string{"KUBECONFIG", malformed}},
		"a context that $KUBECONFIG doesn't have":    {kit.Launch{Flags: []string{none, "--context=nowhere"}, Env: []string{"KUBECONFIG=" + good}}, []string{"--context", `"nowhere"`}},
		"no kubeconfig at all, and not in a cluster": {kit.Launch{Flags: []string{none}, Env: []string{"KUBECONFIG=", home, "KUBERNETES_SERVICE_HOST="}}, []string{"--kubeconfig", "KUBECONFIG"}},
	} {
		t.Run(says, func(t *testing.T) { endsWithOneLine(t, env.Launch(row.launch), 2, row.words...) })
	}
}

func TestAnAddressThatIsTakenEndsTheProcessWithStatus1AndOneLine(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, flag := range []string{"--metrics-bind-address", "--health-probe-bind-address"} {
		km := env.Launch(kit.Launch{Flags: []string{flag + "=" + taken.Addr().String()}})
		endsWithOneLine(t, km, 1, taken.Addr().String(), "in use")
	}
}

func TestAnAPIServerThatIsNotThereEndsTheProcessWithStatus1AndOneLine(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for says, row := range map[string]struct{ address, why string }{
		"an address that refuses connections":    {"127.0.0.1:1", "connection refused"},
		"a server that takes them and is silent": {silent.Addr().String(), ""},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config")
			text := `{apiVersion: v1, kind: Config, clusters: [{name: c, cluster: {server: "https://` + row.address + `"}}], users: [{name: u, user: {}}],
contexts: [{name: x, context: {cluster: c, user: u}}], current-context: x}`
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			km := kit.New(t).Within(time.Minute).Launch(kit.Launch{Kubeconfig: path})
			endsWithOneLine(t, km, 1, "API server", row.address, row.why)
			if took := time.Since(begin); took < 20*time.Second || took > 45*time.Second {
				t.Errorf("it waited %v, want about 30 s", took)
			}
		})
	}
}

func TestTheVersionIsPrintedInOneLine(t *testing.T) {
	t.Parallel()
	binary, err := kubemirror.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	version := exec.CommandContext(t.Context(), binary, "version")
	version.Env = []string{"KUBECONFIG=/nowhere"} // it asks nobody
	out, err := version.Output()
	if err != nil || !regexp.MustCompile(`^kubemirror \S+ \(go\S+, \w+/\w+\)\n$`).Match(out) {
		t.Errorf("it printed %q, %v", out, err)
	}
	help := exec.CommandContext(t.Context(), binary, "--help")
	out, err = help.Output()
	for _, flag := range []string{"--resource-types", "--max-targets", "--kubeconfig", "kubemirror version"} {
		if !strings.Contains(string(out), flag) || err != nil {
			t.Errorf("the help lacks %s: %v", flag, err)
		}
	}
}
