package migrate

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Cluster is what was read of one, by name within its parts.
type Cluster struct {
	Namespaces []*mirror.Namespace
	Objects    []Object
	// Unread are API groups that couldn't be read.
	Unread []string

	index map[objectID]int
}

// Object is an object and the resource that it is one of.
type Object struct {
	*unstructured.Unstructured
	Resource schema.GroupVersionResource
}

// objectID names an object.
type objectID struct{ resource, namespace, name string }

func objectOf(o Object) objectID {
	return objectID{o.Resource.GroupResource().String(), o.GetNamespace(), o.GetName()}
}

// String is the object as a person would say it.
func (o Object) String() string {
	return o.GetKind() + " " + strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")
}

// find returns an object of the same kind as another one.
func (c *Cluster) find(resource schema.GroupResource, namespace, name string) (Object, bool) {
	i, there := c.index[objectID{resource.String(), namespace, name}]
	if !there {
		return Object{}, false
	}
	return c.Objects[i], true
}

// names are the namespaces' that a condition holds for, less one.
func (c *Cluster) names(less string, holds func(string) bool) []string {
	var names []string
	for _, ns := range c.Namespaces {
		if ns.Name != less && holds(ns.Name) {
			names = append(names, ns.Name)
		}
	}
	return names
}

// sort puts all in the order in which it is told, to be found.
func (c *Cluster) sort() {
	slices.SortFunc(c.Namespaces, func(a, b *mirror.Namespace) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(c.Objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.GetKind(), b.GetKind()), cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	c.index = make(map[objectID]int, len(c.Objects))
	for i, o := range c.Objects {
		c.index[objectOf(o)] = i
	}
}
