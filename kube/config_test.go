package kube

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{name: here, cluster: {server: "https://127.0.0.1:6443"}}, {name: nowhere, cluster: {server: "http://%zz"}}]
users: [{name: ann, user: {token: t0ken}}]
contexts:
- {name: here, context: {cluster: here, user: ann, namespace: app}}
- {name: nowhere, context: {cluster: nowhere, user: ann}}
- {name: empty, context: {}}
current-context: here
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// alone keeps the configuration of whoever runs the test out of it.
func alone(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
}

func TestTheConfigurationIsThatOfTheKubeconfigsContext(t *testing.T) {
	alone(t)
	c, err := Connect(Config{Kubeconfig: file(t, kubeconfig), QPS: 3, Burst: 5, UserAgent: "me/1"})
	if err != nil {
		t.Fatal(err)
	}
	if c.REST.Host != "https://127.0.0.1:6443" || c.REST.UserAgent != "me/1" || c.REST.RateLimiter.QPS() != 3 || c.Namespace != "app" {
		t.Errorf("%s as %s, %v a second, in %s", c.REST.Host, c.REST.UserAgent, c.REST.RateLimiter.QPS(), c.Namespace)
	}
}

func TestAConfigurationThatCanNotBeUsedIsToldByTheFlagThatNamesIt(t *testing.T) {
	alone(t)
	good, broken := file(t, kubeconfig), file(t, "not a kubeconfig")
	for it, row := range map[string]struct {
		config      Config
		environment string
		starts      string
	}{
		"there is none":          {Config{}, "", "no cluster is configured: give --kubeconfig or $KUBECONFIG, or run it in a cluster"},
		"no such file":           {Config{Kubeconfig: "/nowhere"}, "", `invalid value "/nowhere" for --kubeconfig: it takes a file that kubectl can use too: `},
		"no kubeconfig":          {Config{Kubeconfig: broken}, "", `invalid value "` + broken + `" for --kubeconfig: it takes a file that kubectl can use too: `},
		"none in $KUBECONFIG":    {Config{}, broken, `invalid value "` + broken + `" for $KUBECONFIG: it takes a file that kubectl can use too: `},
		"no such context":        {Config{Kubeconfig: good, Context: "there"}, "", `invalid value "there" for --context: it takes a context of the kubeconfig`},
		"a context of nothing":   {Config{Kubeconfig: good, Context: "empty"}, "", `invalid value "empty" for --context: it takes a context with a cluster and a user: `},
		"a server of no address": {Config{Kubeconfig: good, Context: "nowhere"}, "", `invalid value "` + good + `" for --kubeconfig: can't use what it says of the API server: `},
	} {
		t.Run(it, func(t *testing.T) {
			t.Setenv("KUBECONFIG", row.environment)
			if _, err := Connect(row.config); err == nil || !strings.HasPrefix(err.Error(), row.starts) {
				t.Errorf("told as %v, want %s…", err, row.starts)
			}
		})
	}
}

func TestATokenThatIsRefusedIsReadFromItsFileAgain(t *testing.T) {
	alone(t)
	token := file(t, "first")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer second" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	config := strings.NewReplacer(`"https://127.0.0.1:6443"`, server.URL+", insecure-skip-tls-verify: true", "token: t0ken", "tokenFile: "+token).Replace(kubeconfig)
	c, err := Connect(Config{Kubeconfig: file(t, config), QPS: 3, Burst: 5})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.HTTP.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	before := []int{ask(), ask()} // the first is the one for which the file was read
	if err := os.WriteFile(token, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := ask(); after != http.StatusOK || !slices.Equal(before, []int{401, 401}) {
		t.Errorf("with the old token %v, with the new one in its file %d", before, after)
	}
}
