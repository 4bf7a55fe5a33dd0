package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
	"github.com/lukaszraczylo/kubemirror/e2e/oracle"
)

const (
	domain          = "kubemirror.raczylo.com/"
	prefix          = "soak-"
	sourceNamespace = prefix + "src"
	replicas        = 3
)

var (
	namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
)

// cluster is a control plane and the replicas on it.
type cluster struct {
	dir, binary, kubeconfig string
	plane                   *controlplane.ControlPlane
	client                  dynamic.Interface

	mu      sync.Mutex
	running [replicas]*kubemirror.Kubemirror
	started int
}

func newCluster(ctx context.Context) (c *cluster, err error) {
	c = &cluster{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.clear())
		}
	}()
	if c.dir, err = os.MkdirTemp("", "kubemirror-soak-"); err != nil {
		return c, fmt.Errorf("make a folder for the logs: %w", err)
	}
	if c.binary, err = kubemirror.Build(ctx, c.dir); err != nil {
		return c, err
	}
	if c.plane, err = controlplane.Start(ctx, controlplane.Options{}); err != nil {
		return c, err
	}
	if c.kubeconfig, err = c.plane.Kubeconfig("kubemirror", controlplane.Admins); err != nil {
		return c, err
	}
	config, err := c.plane.RESTConfig("author", controlplane.Admins)
	if err != nil {
		return c, err
	}
	config.QPS, config.Timeout = -1, 10*time.Second
	if c.client, err = dynamic.NewForConfig(config); err != nil {
		return c, fmt.Errorf("make the authors' client: %w", err)
	}
	for i := range replicas {
		if err := c.start(i); err != nil {
			return c, err
		}
	}
	return c, nil
}

// start starts a replica, in the place of one that has ended.
func (c *cluster) start(i int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started++
	k, err := kubemirror.Start(kubemirror.Config{
		Binary: c.binary, Name: fmt.Sprintf("kubemirror-%d-%d", i+1, c.started), Dir: c.dir, Kubeconfig: c.kubeconfig,
		Flags: []string{"--resource-types=ConfigMap.v1", "--source-namespaces=" + prefix + "*", "--included-namespaces=" + prefix + "*"},
	})
	if err == nil {
		c.running[i] = k
	}
	return err
}

func (c *cluster) replica(i int) *kubemirror.Kubemirror {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running[i]
}

// mend starts again what isn't there.
func (c *cluster) mend(ctx context.Context) error {
	for i := range replicas {
		if c.replica(i).Ended() {
			if err := c.start(i); err != nil {
				return err
			}
		}
	}
	return c.replica(0).Ready(ctx)
}

// clear ends and removes all.
func (c *cluster) clear() error {
	for _, k := range c.running {
		if k != nil {
			k.Kill()
		}
	}
	var err error
	if c.plane != nil {
		err = c.plane.Stop()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// restLimit is how long the cluster may take to come to rest. A mirror that was made and
// deleted in turn for long is met with pauses of up to five minutes.
const restLimit = 6 * time.Minute

// converge waits until the oracle finds nothing wrong, and returns how long that took.
func (c *cluster) converge(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, restLimit)
	defer cancel()
	begin := time.Now()
	for {
		err := c.check(ctx)
		if err == nil {
			return time.Since(begin), nil
		}
		select {
		case <-ctx.Done():
			return time.Since(begin), fmt.Errorf("%v after the last fault, mirrors are not as they should be: %w; the log of %s ends:\n%s",
				restLimit, err, c.replica(0).Name(), c.replica(0).LogTail(20))
		case <-time.After(time.Second):
		}
	}
}

// check asks the oracle.
func (c *cluster) check(ctx context.Context) error {
	s := oracle.State{Included: []string{prefix + "*"}, Honoured: []string{prefix + "*"}, Sources: map[oracle.Place]string{}, Foreign: map[oracle.Place]string{}}
	for resource, into := range map[schema.GroupVersionResource]*[]unstructured.Unstructured{namespaces: &s.Namespaces, configMaps: &s.Objects} {
		list, err := c.client.Resource(resource).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list %s: %w", resource.Resource, err)
		}
		for _, o := range list.Items {
			ours := strings.HasPrefix(o.GetName(), prefix) || strings.HasPrefix(o.GetNamespace(), prefix)
			if ours && o.GetName() != "kube-root-ca.crt" {
				*into = append(*into, o)
			}
		}
	}
	for i := range s.Objects {
		// Whatever a source is like now, its author has left it so.
		if o := &s.Objects[i]; o.GetNamespace() == sourceNamespace {
			s.Sources[oracle.PlaceOf(o)] = oracle.Author(o)
		}
	}
	return s.Check()
}
