package outages

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// Certificates and tokens are replaced while a process runs: by files in the place of
// others, as kubelet and cert-manager do it.

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// configFor is the configuration of a user who may do so much.
func configFor(t *testing.T, env *kit.Env, user string, groups ...string) *rest.Config {
	t.Helper()
	config, err := env.ControlPlane().RESTConfig(user, groups...)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// startBy starts a process that is known to the server by what is in some files.
func startBy(t *testing.T, env *kit.Env, user string, credentials *clientcmdapi.AuthInfo) *kit.Kubemirror {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	server := configFor(t, env, user)
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"local": {Server: server.Host, CertificateAuthorityData: server.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{"files": credentials},
		Contexts:       map[string]*clientcmdapi.Context{"local": {Cluster: "local", AuthInfo: "files"}},
		CurrentContext: "local",
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	km := env.Launch(kit.Launch{Kubeconfig: path, Flags: []string{"--resource-types=ConfigMap.v1", "--leader-elect=false"}})
	km.User = user
	km.WaitReady()
	return km
}

// serial is the number of the certificate that the API server shows.
func serial(t *testing.T, env *kit.Env) string {
	t.Helper()
	trust, err := rest.TLSConfigFor(configFor(t, env, env.Name("visitor"), kit.Controllers))
	if err != nil {
		t.Fatal(err)
	}
	dialer := tls.Dialer{Config: trust}
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(env.ControlPlane().URL(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// TestCertificatesThatAreReplacedAreTakenUpWithoutARestart replaces the server's and the
// client's own. The client's new one is in another name, by which it is told that it is used.
func TestCertificatesThatAreReplacedAreTakenUpWithoutARestart(t *testing.T) {
	env, src := place(t, 10)
	dir := t.TempDir()
	files := &clientcmdapi.AuthInfo{ClientCertificate: filepath.Join(dir, "tls.crt"), ClientKey: filepath.Join(dir, "tls.key")}
	become := func(user string) {
		config := configFor(t, env, user, kit.Controllers)
		write(t, files.ClientCertificate, config.CertData)
		write(t, files.ClientKey, config.KeyData)
	}
	before, after := env.Name("kubemirror-before"), env.Name("kubemirror-after")
	become(before)
	km := startBy(t, env, before, files)
	env.Apply(fmt.Sprintf(source, "one"))
	waitForAll(env, 10, "one")
	env.WaitFor(src, "says so", kit.HasStatus("10/10 synced"))
	uids, shown := mirrors(env), serial(t, env)

	become(after)
	if err := env.ControlPlane().RenewServerCertificate(); err != nil {
		t.Fatal(err)
	}
	env.ControlPlane().StopAPIServer()
	mark := env.Mark()
	if err := env.ControlPlane().StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if serial(t, env) == shown {
		t.Fatal("the server shows the certificate that it had")
	}
	env.Patch(src, `{"data":{"key":"two"}}`)
	waitForAll(env.Within(time.Minute), 10, "two")
	if asked := km.Since(mark); len(asked) > 0 {
		t.Errorf("the old certificate was used:\n%s", asked)
	}
	km.User = after
	wroteWhatWasNeeded(t, env, km, mark, uids)
}

// wroteWhatWasNeeded says that each mirror was changed once, and that nothing was made anew
// or taken away.
func wroteWhatWasNeeded(t *testing.T, env *kit.Env, km *kit.Kubemirror, mark audit.Mark, before map[string]types.UID) {
	t.Helper()
	km.WaitQuiet(time.Second)
	wroteOnce(t, km, mark)
	if wrote := km.Since(mark).Where(audit.Filter{Verbs: []string{"create", "delete"}, Except: []string{"events"}}); len(wrote) > 0 {
		t.Errorf("nothing was to be made or deleted, and it asked:\n%s", wrote)
	}
	if after := mirrors(env); !maps.Equal(before, after) {
		t.Errorf("mirrors were deleted and made anew:\nbefore %v\nafter  %v", before, after)
	}
	if km.Ended() {
		t.Error("the process has ended")
	}
}

// TestATokenThatRunsOutIsReplacedByTheOneInItsFile has the server refuse the old one before
// the new one is there, too: 401 is not told as something that the source's author could mend.
func TestATokenThatRunsOutIsReplacedByTheOneInItsFile(t *testing.T) {
	env, src := place(t, 10)
	env.Apply(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: km, namespace: PREFIX-src}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: PREFIX-km}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: km, namespace: PREFIX-src}]
`)
	admin, err := dynamic.NewForConfig(configFor(t, env, env.Name("admin"), controlplane.Admins))
	if err != nil {
		t.Fatal(err)
	}
	accounts := admin.Resource(schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}).Namespace(env.Name("src"))
	file := filepath.Join(t.TempDir(), "token")
	// renew makes a token that is good as long as a Secret of that name is there.
	renew := func(name string) (token string, revoke func()) {
		held := env.Apply("{apiVersion: v1, kind: Secret, metadata: {namespace: PREFIX-src, name: " + name + "}}")
		request := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": map[string]any{"name": "km"},
			"spec": map[string]any{"boundObjectRef": map[string]any{"kind": "Secret", "apiVersion": "v1", "name": name, "uid": string(held.GetUID())}},
		}}
		answer, err := accounts.Create(t.Context(), request, metav1.CreateOptions{}, "token")
		if err != nil {
			t.Fatal(err)
		}
		token, _, err = unstructured.NestedString(answer.Object, "status", "token")
		if err != nil {
			t.Fatal(err)
		}
		return token, func() { env.Delete(kit.Object("Secret", env.Name("src"), name)) }
	}
	first, revoke := renew("first")
	write(t, file, []byte(first))
	km := startBy(t, env, "system:serviceaccount:"+env.Name("src")+":km", &clientcmdapi.AuthInfo{TokenFile: file})
	env.Apply(fmt.Sprintf(source, "one"))
	waitForAll(env, 10, "one")
	env.WaitFor(src, "says so", kit.HasStatus("10/10 synced"))
	uids := mirrors(env)

	revoke()
	old := configFor(t, env, env.Name("nobody"))
	old.CertData, old.KeyData, old.BearerToken = nil, nil, first
	stranger, err := dynamic.NewForConfig(old)
	if err != nil {
		t.Fatal(err)
	}
	env.Eventually("the server takes the token no more", func(ctx context.Context) error {
		if _, err := stranger.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(env.Name("src")).List(ctx, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
			return fmt.Errorf("it answered %w", err)
		}
		return nil
	})
	mark := env.Mark()
	env.Patch(src, `{"data":{"key":"two"}}`)
	env.Eventually("the process has been refused", func(context.Context) error {
		if n := km.Metrics().Sum("rest_client_requests_total", `code="401"`); n < 10 {
			return fmt.Errorf("%v times", n)
		}
		return nil
	})
	second, _ := renew("second")
	write(t, file, []byte(second))
	waitForAll(env.Within(time.Minute), 10, "two")
	env.Within(time.Minute).WaitFor(src, "says that all is well", kit.HasStatus("10/10 synced"))
	wroteWhatWasNeeded(t, env, km, mark, uids)
	for _, event := range env.Events(src) {
		if event.Reason == "WriteRefused" {
			t.Errorf("its author was told: %s", event)
		}
	}
}
