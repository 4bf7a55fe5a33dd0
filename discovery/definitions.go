package discovery

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// establishGrace is how long after a kind was established the API server still holds
// each create of its objects, for two seconds, lest another server not know the kind
// yet. To begin with a kind sooner is to have its first mirrors later, and a worker
// kept busy by each of them meanwhile.
const establishGrace = 2 * time.Second

// definition is a CustomResourceDefinition, as far as it bears on the types that are
// served. The schemas, most of its size, are not even decoded.
type definition struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              definitionSpec   `json:"spec"`
	Status            definitionStatus `json:"status"`
}

type definitionSpec struct {
	Group string `json:"group"`
	Names struct {
		Plural string `json:"plural"`
		Kind   string `json:"kind"`
	} `json:"names"`
	Scope    string `json:"scope"`
	Versions []struct {
		Name   string `json:"name"`
		Served bool   `json:"served"`
	} `json:"versions"`
}

type definitionStatus struct {
	Conditions []metav1.Condition `json:"conditions"`
}

// DeepCopyObject makes a definition a runtime.Object. A definition is not changed
// once it is in a cache, so copies may share what it points to.
func (d *definition) DeepCopyObject() runtime.Object {
	c := *d
	return &c
}

// definitionList is what the API server lists.
type definitionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []definition `json:"items"`
}

// DeepCopyObject makes a list a runtime.Object.
func (l *definitionList) DeepCopyObject() runtime.Object {
	c := *l
	return &c
}

// reduced returns the definition without what is of no use here: annotations and
// managed fields, which may be as large as the schemas, and other conditions.
func (d *definition) reduced() *definition {
	r := &definition{Spec: d.Spec}
	r.Name, r.ResourceVersion, r.DeletionTimestamp = d.Name, d.ResourceVersion, d.DeletionTimestamp
	if c := meta.FindStatusCondition(d.Status.Conditions, "Established"); c != nil {
		r.Status.Conditions = []metav1.Condition{*c}
	}
	return r
}

// servesLike reports whether two reduced definitions serve the same.
func (d *definition) servesLike(other *definition) bool {
	return reflect.DeepEqual(d.Spec, other.Spec) && reflect.DeepEqual(d.Status, other.Status) &&
		d.DeletionTimestamp.Equal(other.DeletionTimestamp)
}

// establishedBy returns from when on the API server takes objects of the kind
// without delay, by our clock and as seen now. The zero time means that the kind is
// not established. The server's clock may be ahead of ours, hence the minimum.
func (d *definition) establishedBy(now time.Time) time.Time {
	c := meta.FindStatusCondition(d.Status.Conditions, "Established")
	switch {
	case c == nil || c.Status != metav1.ConditionTrue:
		return time.Time{}
	case c.LastTransitionTime.After(now):
		return now.Add(establishGrace)
	}
	return c.LastTransitionTime.Add(establishGrace)
}

// definitionsPage is how many definitions are listed at a time.
const definitionsPage = 20

// listDefinitions returns how to list and watch the CustomResourceDefinitions.
func listDefinitions(config *rest.Config, client *http.Client) (*cache.ListWatch, error) {
	gv := definitions.GroupVersion()
	scheme := runtime.NewScheme()
	scheme.AddKnownTypeWithName(gv.WithKind("CustomResourceDefinition"), &definition{})
	scheme.AddKnownTypeWithName(gv.WithKind("CustomResourceDefinitionList"), &definitionList{})
	metav1.AddToGroupVersion(scheme, gv)
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // for the Status of a refused request
	config = rest.CopyConfig(config)
	config.APIPath, config.GroupVersion = "/apis", &gv
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	restClient, err := rest.RESTClientForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("make the client for %s: %w", definitions.GroupResource(), err)
	}
	lw := cache.NewFilteredListWatchFromClient(restClient, definitions.Resource, metav1.NamespaceAll, pageDefinitions)
	list := lw.ListWithContextFunc
	lw.ListWithContextFunc = func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		page, err := list(ctx, options)
		if l, ok := page.(*definitionList); ok {
			for i := range l.Items { // all pages are gathered before any of it is transformed
				l.Items[i] = *l.Items[i].reduced()
			}
		}
		return page, err
	}
	return lw, nil
}

// pageDefinitions makes the pages of a list small. A server that does not stream
// lists answers one at resource version 0 whole, whatever the limit.
func pageDefinitions(options *metav1.ListOptions) {
	if options.Limit == 0 {
		return // a watch, or a list that is to come at once
	}
	options.Limit = definitionsPage
	if options.ResourceVersion == "0" {
		options.ResourceVersion = ""
	}
}
