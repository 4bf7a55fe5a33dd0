package install

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// mostCPU is what all policies together may cost the API server for one request, on
// top of what it costs without any; or as much again, where that is more: the server
// has the object converted for each policy, whatever is then asked of it.
const mostCPU = 100 * time.Millisecond

// texts are bad for one variable or another: many items, nothing but blanks, one long
// word, requirements of a selector, what is quoted in a refusal, many bytes a character.
var texts = []string{",", "a,", "!,", "!a*,", " ", "a", "a=b,", "a in (a,", "\"", "\u00e4", "\\,", "{{.", "- path: [", "secrets/"}

// unread are the texts for what no policy takes apart: it is compared, or quoted.
var unread = []string{",", "a", "\"", "\u00e4"}

// sizes are those of the annotations; the server takes no more than 256 KB of them.
var sizes = []int{16 << 10, 64 << 10, 250_000}

// meta is an object's metadata.
type meta map[string]any

// request is a dry run, of a user, that a policy has to judge.
type request struct {
	what, user, method, path string
	body                     any
}

func TestNoTextCostsTheAPIServerMuchCPU(t *testing.T) {
	if os.Getenv("CI") != "" && os.Getenv("COST") == "" {
		t.Skip("it takes minutes, and is run each night: make cost")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the CPU time of another process is read from /proc")
	}
	env := kit.New(t)
	system, ns := "system-"+env.Prefix(), env.Namespace("src")
	env.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + system + "}}")
	s := senders{}
	controller := "system:serviceaccount:" + system + ":kubemirror"
	refusesForgeries(t, env, false) // not the policy of another test
	stage(t, env, s, ns, controller)
	release(t, env, system, "--set=policies.mirrors.enabled=true", "--set=policies.authors.enabled=true")
	holds(t, env, true)
	costs := map[string]time.Duration{}
	var costly []request
	var most time.Duration
	for _, family := range families(env, ns, controller) {
		for _, r := range family { // from small to large
			if costs[r.what] = spent(t, env, s, r); costs[r.what] > mostCPU {
				costly = append(costly, r)
				break
			}
			most = max(most, costs[r.what])
		}
	}
	t.Logf("%d requests cost the API server up to %v; %d more, which are tried without policies", len(costs)-len(costly), most, len(costly))

	must(t, "take the policies away", helm(t, "uninstall", "kubemirror", "--namespace="+system, "--kubeconfig="+admin(t, env), "--no-hooks"))
	holds(t, env, false)
	for _, r := range costly {
		if plain := spent(t, env, s, r); costs[r.what]-plain > max(mostCPU, plain) {
			t.Errorf("%s: the policies cost %v of CPU time, on top of %v", r.what, costs[r.what]-plain, plain)
		}
	}
}

// full is what an object has as much of as a tenant can give it.
var full = []string{"annotations", "labels", "finalizers"}

// stage makes, before there is a policy, the objects that are changed later: plain
// ones, and full ones.
func stage(t *testing.T, env *kit.Env, s senders, ns, controller string) {
	t.Helper()
	env.Apply(fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: PREFIX-thief}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %q}]
`, controller))
	for i, text := range welcomes {
		for _, size := range []int{8 << 10, sizes[2]} {
			name := env.Namespace(strings.TrimPrefix(letsIn(env, i, size), env.Name("")))
			m := meta{"annotations": map[string]any{domain + "allow-from": strings.Repeat(text, size/len(text))}}
			if code, answer := s.send(t, env, request{"annotate", "admin", http.MethodPatch, "/api/v1/namespaces/" + name, namespaceOf(m)}, false); code != http.StatusOK {
				t.Fatalf("annotate a namespace: %d %.500s", code, answer)
			}
		}
	}
	env.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: " + ns + ", name: stand-in}}")
	finalizers := make([]string, sizes[2]/12)
	for i := range finalizers {
		finalizers[i] = fmt.Sprintf("a.b/%08x", i)
	}
	for kind, label := range map[string]string{"source": "enabled", "mirror": "mirror"} {
		for _, field := range append([]string{"plain"}, full...) {
			name := kind + "-" + field
			env.Apply(fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {namespace: %s, name: %s, labels: {%s: 'true'}, annotations: {%s: 'true', %s: %s}}}",
				ns, name, domain+label, domain+"sync", domain+"mirror-id", "secrets/"+ns+"/"+name))
			m := meta{"annotations": map[string]any{}, "labels": map[string]any{}}
			switch field {
			case "plain":
				continue
			case "finalizers":
				m["finalizers"] = finalizers
			default:
				fill(m, field, "", sizes[2])
			}
			fill := request{"fill " + name, "admin", http.MethodPatch, "/api/v1/namespaces/" + ns + "/secrets/" + name, map[string]any{"metadata": m}}
			if code, answer := s.send(t, env, fill, false); code != http.StatusOK {
				t.Fatalf("%s: %d %.500s", fill.what, code, answer)
			}
		}
	}
}

// welcomes are texts of allow-from that are bad for one who reads them.
var welcomes = []string{"*?", "a*,", "*a*,", "?", " , "}

// letsIn is the namespace that lets in what so much of such a text says.
func letsIn(env *kit.Env, text, size int) string { return env.Name(fmt.Sprintf("in%d-%d", text, size)) }

func configMapOf(m meta) any {
	return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": m}
}

func secretOf(m meta) any {
	return map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": m}
}

func namespaceOf(m meta) any {
	return map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": m}
}

// fill adds labels or annotations of so many bytes altogether, with a short key each.
func fill(m meta, field, prefix string, size int) {
	of := m[field].(map[string]any)
	for i := 0; size > 0; i++ {
		key := fmt.Sprintf("%sk%x", prefix, i)
		of[key] = ""
		size -= len(key)
	}
}

// families are requests for one variable each, from small to large.
func families(env *kit.Env, ns, controller string) [][]request {
	secrets, namespaces := "/api/v1/namespaces/"+ns+"/secrets", "/api/v1/namespaces"
	var all [][]request
	// write has an object made, and one changed, with that metadata.
	write := func(what, path, there string, of func(size int) meta, object func(meta) any) {
		var creations, changes []request
		for _, size := range sizes {
			sized := fmt.Sprintf("%s, %d bytes", what, size)
			m := of(size)
			changes = append(changes, request{"change " + sized, "admin", http.MethodPatch, path + "/" + there, map[string]any{"metadata": m}})
			creations = append(creations, request{"create " + sized, "admin", http.MethodPost, path,
				object(meta{"name": env.Name("new"), "labels": m["labels"], "annotations": m["annotations"]})})
		}
		all = append(all, creations, changes)
	}
	source := func(what string, of func(size int) meta) {
		write("a source: "+what, secrets, "source-plain", of, secretOf)
	}
	standIn := func(what string, of func(size int) meta) {
		write("a stand-in: "+what, "/api/v1/namespaces/"+ns+"/configmaps", "stand-in", of, configMapOf)
	}
	namespace := func(what string, of func(size int) meta) {
		write("a namespace: "+what, namespaces, ns, of, namespaceOf)
	}
	bare := func() meta { return meta{"labels": map[string]any{}, "annotations": map[string]any{}} }
	on := func() meta {
		return meta{"labels": map[string]any{domain + "enabled": "true"}, "annotations": map[string]any{domain + "sync": "true"}}
	}
	for _, text := range texts {
		long := func(key string, of func() meta) (string, func(size int) meta) {
			return fmt.Sprintf("%s of %q", key, text), func(size int) meta {
				m := of()
				m["annotations"].(map[string]any)[domain+key] = strings.Repeat(text, size/len(text))
				return m
			}
		}
		for _, key := range []string{"target-namespaces", "target-selector", "target-name", "transform", "allow-to"} {
			source(long(key, on))
		}
		standIn(long("mirror-of", on))
		namespace(long("allow-from", bare))
		if !slices.Contains(unread, text) {
			continue
		}
		for _, key := range []string{"sync", "exclude", "paused", "transform-strict", "recreate-on-immutable-change", "keep-metadata", "on-delete", "max-targets", "target-kind", "author", "unknown"} {
			source(long(key, on))
		}
		namespace(long("unknown", bare))
	}
	for _, field := range []string{"labels", "annotations"} {
		for _, prefix := range []string{"", domain} {
			many := func(of func() meta) (string, func(size int) meta) {
				return fmt.Sprintf("many %s that begin with %q", field, prefix), func(size int) meta {
					m := of()
					fill(m, field, prefix, size)
					return m
				}
			}
			source(many(on))
			namespace(many(bare))
		}
	}
	// What a namespace lets in, the leash reads of each mirror.
	for i, text := range welcomes {
		var creations []request
		for _, size := range append([]int{8 << 10}, sizes[2]) {
			namespace := letsIn(env, i, size)
			creations = append(creations, request{fmt.Sprintf("create a mirror where allow-from is %q, %d bytes", text, size), controller, http.MethodPost,
				"/api/v1/namespaces/" + namespace + "/secrets", secretOf(meta{"name": "loot", "labels": map[string]any{domain + "mirror": "true"}, "annotations": map[string]any{
					domain + "mirror-id": "secrets/" + namespace + "/loot", domain + "source-namespace": strings.Repeat("a", 63), domain + "source-name": "db"}})})
		}
		all = append(all, creations)
	}
	for _, field := range full {
		for _, user := range []string{"admin", controller} {
			for what, body := range map[string]any{
				"its content": map[string]any{"data": map[string]any{"k": "eA=="}},
				"its status":  map[string]any{"metadata": meta{"annotations": map[string]any{domain + "sync-status": "1/1 synced"}}},
				"a finalizer": map[string]any{"metadata": meta{"finalizers": []string{domain + "finalizer"}}},
				"its labels":  map[string]any{"metadata": meta{"labels": map[string]any{"k0": "x"}}},
			} {
				for _, name := range []string{"source-" + field, "mirror-" + field} {
					all = append(all, []request{{user + " changes of " + name + " " + what, user, http.MethodPatch, secrets + "/" + name, body}})
				}
			}
		}
	}
	return all
}

// spent is the CPU time that the API server takes for a request: the least of three
// times, since it has other things to do too.
func spent(t *testing.T, env *kit.Env, s senders, r request) time.Duration {
	t.Helper()
	var times []time.Duration
	for range 3 {
		before := cpuTime(t, env)
		if code, answer := s.send(t, env, r, true); code >= http.StatusInternalServerError {
			t.Errorf("%s: %d %.200s", r.what, code, answer)
		}
		times = append(times, cpuTime(t, env)-before)
		if times[len(times)-1] <= mostCPU {
			break
		}
	}
	return slices.Min(times)
}

func cpuTime(t *testing.T, env *kit.Env) time.Duration {
	t.Helper()
	d, err := env.ControlPlane().APIServerCPUTime()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// senders are the clients of each user.
type senders map[string]*http.Client

func (s senders) of(t *testing.T, env *kit.Env, user string) *http.Client {
	t.Helper()
	if s[user] != nil {
		return s[user]
	}
	var groups []string
	if user == "admin" {
		groups = append(groups, controlplane.Admins)
	}
	config, err := env.ControlPlane().RESTConfig(user, groups...)
	if err != nil {
		t.Fatal(err)
	}
	config.Timeout = time.Minute
	if s[user], err = rest.HTTPClientFor(config); err != nil {
		t.Fatal(err)
	}
	return s[user]
}

// send sends a request as it is: a client of Kubernetes would spend more on it than
// the server.
func (s senders) send(t *testing.T, env *kit.Env, r request, dry bool) (int, string) {
	t.Helper()
	body, err := json.Marshal(r.body)
	if err != nil {
		t.Fatal(err)
	}
	url := env.ControlPlane().URL() + r.path
	if dry {
		url += "?dryRun=All"
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if r.method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
		if _, operations := r.body.([]any); operations {
			req.Header.Set("Content-Type", "application/json-patch+json")
		}
	}
	response, err := s.of(t, env, r.user).Do(req)
	if err != nil {
		t.Fatalf("%s: %v", r.what, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", r.what, err)
	}
	return response.StatusCode, string(answer)
}
