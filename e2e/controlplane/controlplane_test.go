package controlplane_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
)

var (
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// start has a control plane for the test, and checks at the test's end that it
// leaves nothing behind.
func start(t *testing.T, o controlplane.Options) *controlplane.ControlPlane {
	t.Helper()
	temp, err := os.MkdirTemp("", "cp") // t.TempDir's path is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)

	begin := time.Now()
	c, err := controlplane.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the control plane was ready after %v", time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
		if err := c.Stop(); err != nil {
			t.Errorf("stopped a second time: %v", err)
		}
		left, err := os.ReadDir(temp)
		if err != nil || len(left) > 0 {
			t.Errorf("files are left: %v %v", left, err)
		}
		for _, command := range commandsThatMention(temp) {
			t.Errorf("a process is left: %s", command)
		}
	})
	return c
}

// commandsThatMention returns the command lines of running processes that hold
// the text. Where the system has no /proc there are none to see.
func commandsThatMention(text string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), text) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func client(t *testing.T, c *controlplane.ControlPlane, user string, groups ...string) dynamic.Interface {
	t.Helper()
	config, err := c.RESTConfig(user, groups...)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func object(kind, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": name},
	}}
}

func TestControlPlane(t *testing.T) {
	c := start(t, controlplane.Options{})
	t.Run("the audit log counts every request", func(t *testing.T) { auditCounts(t, c) })
	t.Run("a user may do what RBAC lets them", func(t *testing.T) { usersAreKnown(t, c) })
	t.Run("a stopped API server comes back with its data", func(t *testing.T) { outage(t, c) })
	t.Run("a paused API server answers nothing until it is resumed", func(t *testing.T) { pause(t, c) })
	// Last, as it also shows that the controller manager is over the outage.
	t.Run("a deleted namespace goes", func(t *testing.T) { deletedNamespaceGoes(t, c) })
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func deletedNamespaceGoes(t *testing.T, c *controlplane.ControlPlane) {
	admin := client(t, c, "admin", controlplane.Admins)
	if _, err := admin.Resource(namespaces).Create(t.Context(), object("Namespace", "short"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Resource(configMaps).Namespace("short").Create(t.Context(), object("ConfigMap", "c"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	watch, err := admin.Resource(namespaces).Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=short"})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if err := admin.Resource(namespaces).Delete(t.Context(), "short", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	begin, timeout := time.Now(), time.After(time.Minute)
	for {
		select {
		case e := <-watch.ResultChan():
			if e.Type == "DELETED" {
				t.Logf("the namespace was gone after %v", time.Since(begin).Round(time.Millisecond))
				return
			}
		case <-timeout:
			t.Fatal("the namespace is still there after a minute")
		}
	}
}

func auditCounts(t *testing.T, c *controlplane.ControlPlane) {
	bob := client(t, c, "bob", controlplane.Admins).Resource(configMaps).Namespace("default")
	mark, err := c.Audit().Mark()
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 50
	for range rounds {
		if _, err := bob.Create(t.Context(), object("ConfigMap", "counted"), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := bob.Create(t.Context(), object("ConfigMap", "counted"), metav1.CreateOptions{}); err == nil {
			t.Fatal("the same object was created twice")
		}
		if err := bob.Delete(t.Context(), "counted", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	watch, err := bob.Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	requests, err := c.Audit().Since(ctx, mark, audit.Filter{User: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	var created, refused int
	for _, r := range requests.Where(audit.Filter{Verbs: []string{"create"}, Resources: []string{"configmaps"}, Namespaces: []string{"default"}}) {
		switch r.Code {
		case 201:
			created++
		case 409:
			refused++
		}
	}
	deleted := len(requests.Where(audit.Filter{Verbs: []string{"delete"}}))
	watched := len(requests.Where(audit.Filter{Verbs: []string{"watch"}}))
	if created != rounds || refused != rounds || deleted != rounds || watched != 1 || len(requests) != 3*rounds+1 {
		t.Errorf("%d creates, %d refused, %d deletes, %d watches, %d in all; want %d of each, one watch, no more",
			created, refused, deleted, watched, len(requests), rounds)
	}
}

func usersAreKnown(t *testing.T, c *controlplane.ControlPlane) {
	carol := client(t, c, "carol")
	_, err := carol.Resource(configMaps).Namespace("default").List(t.Context(), metav1.ListOptions{})
	if err == nil || !strings.Contains(err.Error(), `User "carol" cannot list resource "configmaps"`) {
		t.Errorf("carol has no rights, and her list answered: %v", err)
	}
	path, err := c.Kubeconfig("system:serviceaccount:default:dave")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(path, ":") {
		t.Errorf("%s can't be named in $KUBECONFIG", path)
	}
}

func outage(t *testing.T, c *controlplane.ControlPlane) {
	admin := client(t, c, "admin", controlplane.Admins).Resource(configMaps).Namespace("default")
	if _, err := admin.Create(t.Context(), object("ConfigMap", "kept"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.StopAPIServer()
	if _, err := admin.Get(t.Context(), "kept", metav1.GetOptions{}); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("the API server is down, and a get answered: %v", err)
	}
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "kube-apiserver ended") {
		t.Errorf("the API server is down, and Check = %v", err)
	}
	begin := time.Now()
	if err := c.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("the API server was ready again after %v", time.Since(begin).Round(time.Millisecond))
	if _, err := admin.Get(t.Context(), "kept", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func pause(t *testing.T, c *controlplane.ControlPlane) {
	admin := client(t, c, "admin", controlplane.Admins).Resource(namespaces)
	if err := c.PauseAPIServer(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := admin.Get(ctx, "default", metav1.GetOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the API server is paused, and a get answered: %v", err)
	}
	if err := c.ResumeAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestStartNamesTheComponentThatFailsAndLeavesNothing(t *testing.T) {
	temp, err := os.MkdirTemp("", "cp")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(temp) }()
	t.Setenv("TMPDIR", temp)
	t.Setenv(controlplane.FlagsVariable, "--v=0  --no-such-flag")
	c, err := controlplane.Start(t.Context(), controlplane.Options{APIServerFlags: []string{controlplane.WithoutWatchList}})
	if err == nil {
		_ = c.Stop()
		t.Fatal("it started with a flag that the API server doesn't have")
	}
	for _, want := range []string{"kube-apiserver ended with exit code 1", "unknown flag: --no-such-flag"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v %v", left, err)
	}
	for _, command := range commandsThatMention(temp) {
		t.Errorf("a process is left: %s", command)
	}
}
