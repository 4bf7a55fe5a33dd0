package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Clients are the ways to the API server.
type Clients struct {
	Dynamic   dynamic.Interface
	Discovery discovery.DiscoveryInterface
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// Read reads what a system left in a cluster.
func (s System) Read(ctx context.Context, clients Clients) (*Cluster, error) {
	c := &Cluster{}
	err := each(ctx, clients.Dynamic, namespaces, "", func(u *unstructured.Unstructured) {
		ns, _ := mirror.IngestNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name: u.GetName(), UID: u.GetUID(), ResourceVersion: u.GetResourceVersion(),
			Labels: u.GetLabels(), Annotations: u.GetAnnotations(), DeletionTimestamp: u.GetDeletionTimestamp(),
		}})
		c.Namespaces = append(c.Namespaces, ns.(*mirror.Namespace))
	})
	if err != nil {
		return nil, err
	}
	resources, selectors := s.Reads, []string{""}
	if resources == nil {
		if resources, c.Unread, err = mirrorable(clients.Discovery); err != nil {
			return nil, err
		}
		selectors = []string{api.LabelEnabled, api.LabelMirror + "=true,!" + api.LabelEnabled}
	}
	for _, resource := range resources {
		for _, selector := range selectors {
			err := each(ctx, clients.Dynamic, resource, selector, func(u *unstructured.Unstructured) {
				c.Objects = append(c.Objects, Object{u, resource})
			})
			if apierrors.IsNotFound(err) {
				return nil, fmt.Errorf("the API server doesn't serve %s, so there is nothing of %s here", resource.GroupResource(), s.Name)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// mirrorable are the resources of which there may be sources and mirrors. Groups that an API
// service doesn't answer for are named, and are no reason to do nothing.
func mirrorable(client discovery.DiscoveryInterface) (found []schema.GroupVersionResource, unread []string, err error) {
	lists, err := client.ServerPreferredResources()
	if failed, some := discovery.GroupDiscoveryFailedErrorGroups(err); some {
		for gv := range failed {
			unread = append(unread, gv.String())
		}
		slices.Sort(unread)
	} else if err != nil {
		return nil, nil, fmt.Errorf("find out which types there are: %w", err)
	}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, nil, fmt.Errorf("find out which types there are: %w", err)
		}
		for _, r := range list.APIResources {
			if r.Namespaced && slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "patch") && !strings.Contains(r.Name, "/") {
				found = append(found, gv.WithResource(r.Name))
			}
		}
	}
	return found, unread, nil
}

// page is how many objects are asked for at a time.
const page = 500

// each calls back for all objects of a resource that a selector chooses.
func each(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource, selector string, do func(*unstructured.Unstructured)) error {
	options := metav1.ListOptions{LabelSelector: selector, Limit: page}
	for {
		list, err := client.Resource(resource).List(ctx, options)
		if err != nil {
			return fmt.Errorf("list %s: %w", resource.GroupResource(), err)
		}
		for i := range list.Items {
			do(&list.Items[i])
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// stopped finds out whether a system's controller runs, and says how to stop it.
func (s System) stopped(ctx context.Context, client dynamic.Interface) error {
	var running []error
	for _, resource := range []string{"deployments", "statefulsets", "daemonsets"} {
		gvr := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}
		err := each(ctx, client, gvr, "", func(u *unstructured.Unstructured) {
			if s.isController(u) && pods(u) > 0 {
				running = append(running, fmt.Errorf("%s %s/%s has %s; stop it: %s", u.GetKind(), u.GetNamespace(), u.GetName(), count(int(pods(u)), "Pod"), stopCommand(u)))
			}
		})
		if err != nil {
			return fmt.Errorf("find out whether %s still runs: %w; if you know that it doesn't, say so with --stopped", s.Name, err)
		}
	}
	if len(running) > 0 {
		return fmt.Errorf("the controller of %s still runs, and would undo the half of it: %w; if that isn't it, say so with --stopped", s.Name, errors.Join(running...))
	}
	return nil
}

// isController reports whether a workload is the system's, by its image or its chart's label.
func (s System) isController(u *unstructured.Unstructured) bool {
	containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	names := []string{u.GetLabels()["app.kubernetes.io/name"]}
	for _, container := range containers {
		fields, _ := container.(map[string]any)
		image, _ := fields["image"].(string)
		image, _, _ = strings.Cut(image, "@")
		image = image[strings.LastIndex(image, "/")+1:]
		name, _, _ := strings.Cut(image, ":")
		names = append(names, name)
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return name != "" && (name == s.Name || slices.Contains(s.images, name))
	})
}

// pods is how many of them a workload has, ready or not.
func pods(u *unstructured.Unstructured) int64 {
	var most int64
	for _, field := range []string{"replicas", "readyReplicas", "currentNumberScheduled", "numberReady"} {
		n, _, _ := unstructured.NestedInt64(u.Object, "status", field)
		most = max(most, n)
	}
	return most
}

func stopCommand(u *unstructured.Unstructured) string {
	if u.GetKind() == "DaemonSet" {
		return fmt.Sprintf("kubectl -n %s delete daemonset %s", u.GetNamespace(), u.GetName())
	}
	return fmt.Sprintf("kubectl -n %s scale %s %s --replicas=0", u.GetNamespace(), strings.ToLower(u.GetKind()), u.GetName())
}
