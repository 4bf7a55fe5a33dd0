package install

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// serviceName is what the certificate of the metrics is for.
const serviceName = "kubemirror.kubemirror-system.svc"

// volume is a folder with tls.crt and tls.key, changed the way a node changes the
// files of a Secret: all at a time, by a link.
type volume struct{ dir string }

func (v volume) file(name string) string { return filepath.Join(v.dir, name) }

// renew puts a new certificate into the volume, and returns who trusts it.
func (v volume) renew(t *testing.T) *x509.CertPool {
	t.Helper()
	certificate, key, err := cert.GenerateSelfSignedCertKey(serviceName, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	version, err := os.MkdirTemp(v.dir, "..version")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"tls.crt": certificate, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(version, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", name), v.file(name)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Base(version), v.file("..next")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(v.file("..next"), v.file("..data")); err != nil {
		t.Fatal(err)
	}
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(certificate)
	return trust
}

// scrape asks for the metrics as Prometheus does, on a connection of its own, and
// verifies who answers.
func scrape(ctx context.Context, km *kit.Kubemirror, trust *x509.CertPool, token string) (int, string, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, ServerName: serviceName, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+km.Address("metrics")+"/metrics", http.NoBody)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: transport, Timeout: 15 * time.Second}).Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

func TestSecureMetricsAreForThoseWhoMayReadThem(t *testing.T) {
	env := kit.New(t)
	system, src := "system-"+env.Prefix(), env.Namespace("src")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	for _, name := range []string{"prometheus", "passer-by"} {
		env.Apply("{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: " + src + ", name: " + name + "}}")
	}
	release(t, env, system, "--set=secureMetrics.enabled=true", "--set=secureMetrics.certificateSecret=metrics-tls",
		"--set=controller.resourceTypes={Secret.v1}", "--set=controller.includedNamespaces="+env.Prefix()+"-*")
	env.Apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: PREFIX-prometheus}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: kubemirror-metrics-reader}
subjects: [{kind: ServiceAccount, name: prometheus, namespace: ` + src + `}]
`)
	files := volume{t.TempDir()}
	first := files.renew(t)
	pod := deployment(t, env.Get(kit.Object("Deployment.v1.apps", system, "kubemirror"))).Spec.Template.Spec
	args := mounted(t, pod, files.dir)
	mark := env.Mark()
	km := env.Launch(kit.Launch{
		Kubeconfig: account(t, env, system, pod.ServiceAccountName),
		Flags:      append(args, "--leader-election-namespace="+system, "--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=localhost:0"),
	})
	km.WaitReady() // by plain HTTP
	token := func(name string) string {
		return strings.TrimSpace(must(t, "get a token", run(t, "", "kubectl", "--kubeconfig="+admin(t, env), "-n", src, "create", "token", name)))
	}
	prometheus := token("prometheus")
	for _, row := range []struct {
		who, token string
		status     int
	}{
		{"nobody", "", 401},
		{"a guesser", "s3cr3t-guess", 401},
		{"one whose token somebody changed", prometheus[:len(prometheus)-4] + "AAAA", 401},
		{"one who may not", token("passer-by"), 403},
		{"Prometheus", prometheus, 200},
	} {
		status, text, err := scrape(t.Context(), km, first, row.token)
		if err != nil || status != row.status || strings.Contains(text, "kubemirror_build_info") != (status == 200) {
			t.Errorf("%s is answered %d, %v, want %d:\n%.300s", row.who, status, err, row.status, text)
		}
	}

	t.Log("a renewed certificate is served without a restart")
	second := files.renew(t)
	env.Eventually("the new certificate is served", func(ctx context.Context) error {
		_, _, err := scrape(ctx, km, second, prometheus)
		return err
	})
	if _, _, err := scrape(t.Context(), km, first, prometheus); err == nil {
		t.Error("the old certificate is still served")
	}

	t.Log("the account has the rights that it takes, and the leash lets it")
	km.Stop()
	asked := asked(t, env, mark, "system:serviceaccount:"+system+":"+pod.ServiceAccountName)
	for _, resource := range []string{"tokenreviews", "subjectaccessreviews"} {
		if !slices.ContainsFunc(asked, func(r audit.Request) bool { return r.Resource == resource && r.Verb == "create" }) {
			t.Errorf("it created no %s", resource)
		}
	}
	for _, r := range asked {
		if r.Code == 401 || r.Code == 403 {
			t.Errorf("the server answered %d to %s", r.Code, r)
		}
	}
	if log := km.Log(); strings.Contains(log, prometheus) || strings.Contains(log, "s3cr3t-guess") {
		t.Error("the log has a token")
	}
}

// mounted are the arguments of the Pod, with the volume of the certificate in that
// folder.
func mounted(t *testing.T, pod corev1.PodSpec, folder string) []string {
	t.Helper()
	c := pod.Containers[0]
	if len(pod.Volumes) != 1 || pod.Volumes[0].Secret.SecretName != "metrics-tls" || len(c.VolumeMounts) != 1 || !c.VolumeMounts[0].ReadOnly {
		t.Fatalf("the Pod has the volumes %v and mounts %v", pod.Volumes, c.VolumeMounts)
	}
	args := slices.Clone(c.Args)
	for i := range args {
		args[i] = strings.Replace(args[i], c.VolumeMounts[0].MountPath, folder, 1)
	}
	return args
}

func TestMetricsThatAreNotSecureTakeNoRightsForIt(t *testing.T) {
	for _, o := range render(t) {
		if o.GetName() == "kubemirror-metrics-reader" || strings.Contains(fmt.Sprint(o.Object["rules"]), "reviews") {
			t.Errorf("%s %s is for secure metrics, and they are not turned on", o.GetKind(), o.GetName())
		}
	}
}

func TestTheServiceMonitorFollowsTheWayTheMetricsAreServed(t *testing.T) {
	const token = "bearerTokenFile:/var/run/secrets/kubernetes.io/serviceaccount/token"
	for flags, want := range map[string]string{
		"":                           "map[interval:30s port:metrics]",
		"secureMetrics.enabled=true": "map[" + token + " interval:30s port:metrics scheme:https tlsConfig:map[insecureSkipVerify:true]]",
		"secureMetrics.enabled=true,secureMetrics.certificateSecret=tls":                                               "map[" + token + " interval:30s port:metrics scheme:https tlsConfig:map[ca:map[secret:map[key:ca.crt name:tls]] serverName:" + serviceName + "]]",
		"secureMetrics.enabled=true,serviceMonitor.tlsConfig.caFile=/ca.crt,serviceMonitor.bearerTokenFile=/etc/token": "map[bearerTokenFile:/etc/token interval:30s port:metrics scheme:https tlsConfig:map[caFile:/ca.crt]]",
	} {
		spec := of(t, render(t, "--set=serviceMonitor.enabled=true,"+flags), "ServiceMonitor", "kubemirror").Object["spec"].(map[string]any)
		if got := fmt.Sprint(spec["endpoints"].([]any)[0]); got != want {
			t.Errorf("with %q the endpoint is %s, want %s", flags, got, want)
		}
	}
}
