package informers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
)

var (
	apples  = schema.GroupVersionResource{Group: "fruit", Version: "v1", Resource: "apples"}
	pears   = schema.GroupVersionResource{Group: "fruit", Version: "v1", Resource: "pears"}
	cherry1 = schema.GroupVersionResource{Group: "fruit", Version: "v1", Resource: "cherries"}
	cherry2 = schema.GroupVersionResource{Group: "fruit", Version: "v2", Resource: "cherries"}
)

// cluster is a server for each of some types, and what a Set over them tells.
type cluster struct {
	recorder
	servers  map[schema.GroupVersionResource]*server
	observer recorder
}

func newCluster(resources ...schema.GroupVersionResource) *cluster {
	c := &cluster{servers: map[schema.GroupVersionResource]*server{}}
	for _, resource := range resources {
		c.servers[resource] = newServer()
	}
	return c
}

// set makes a Set whose sources are labelled role=source and its mirrors
// role=mirror, each with a transformation that leaves its mark.
func (c *cluster) set() *Set {
	role := func(name, selector string) Role {
		return Role{
			Name: name, Selection: Selection{Metadata: clients{c}, Labels: selector},
			Transform: func(schema.GroupVersionResource) func(any) (any, error) { return marks(name) },
		}
	}
	return NewSet(Config{
		Sources: role("sources", "role=source"),
		Mirrors: role("mirrors", "role=mirror"),
		Any: func(ctx context.Context, resource schema.GroupVersionResource, selector string) (bool, error) {
			return c.servers[resource].any(ctx, selector)
		},
		Consumer: consumer{c}, Observer: observer{c},
	})
}

// clients finds the server of a type.
type clients struct{ *cluster }

func (c clients) Resource(resource schema.GroupVersionResource) metadata.Getter {
	return client{s: c.servers[resource]}
}

func marks(role string) func(any) (any, error) {
	return func(obj any) (any, error) {
		o := obj.(*metav1.PartialObjectMetadata).DeepCopy()
		o.Annotations = map[string]string{"reduced by": role}
		return o, nil
	}
}

type consumer struct{ *cluster }

func (c consumer) Sources(resource schema.GroupVersionResource) Handler {
	return marked{handler{&c.recorder, "source " + resource.Resource + " "}, "sources"}
}

func (c consumer) Mirrors(resource schema.GroupVersionResource) Handler {
	return marked{handler{&c.recorder, "mirror " + resource.Resource + " "}, "mirrors"}
}

func (c consumer) Ready(resource schema.GroupVersionResource) {
	c.say("ready %s %s", resource.Version, resource.Resource)
}

func (c consumer) Forget(resource schema.GroupVersionResource) {
	c.say("forget %s %s", resource.Version, resource.Resource)
}

type observer struct{ *cluster }

func (o observer) WatchFailing(resource string, failing bool) {
	o.observer.say("%s %t", resource, failing)
}

func (o observer) WatchGone(resource string) { o.observer.say("%s gone", resource) }

// marked complains of objects that another role's transformation has made.
type marked struct {
	handler
	role string
}

func (m marked) Set(obj any) {
	if by := obj.(*metav1.PartialObjectMetadata).Annotations["reduced by"]; by != m.role {
		m.say("reduced by %q", by)
	}
	m.handler.Set(obj)
}

// requests gives what the servers have been asked since the last time, sorted.
func (c *cluster) requests() []string {
	var all []string
	for resource, s := range c.servers {
		for _, request := range s.requests() {
			all = append(all, resource.Resource+" "+request)
		}
	}
	slices.Sort(all)
	return all
}

func (c *cluster) expectRequests(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := c.requests(); !slices.Equal(got, want) {
		t.Errorf("%s:\nasked %q\nwant  %q", when, got, want)
	}
}

// open says which watches each type has.
func (c *cluster) open() string {
	open := map[string][]string{}
	for resource, s := range c.servers {
		if watches := s.watches(); len(watches) > 0 {
			open[resource.Resource] = append(open[resource.Resource], watches...)
		}
	}
	text := ""
	for _, resource := range slices.Sorted(maps.Keys(open)) {
		text += fmt.Sprint(resource, open[resource])
	}
	return text
}
