package discovery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// document is a CustomResourceDefinition as the server has it: more in it is of no
// use to us than is.
func document(n int) string {
	return fmt.Sprintf(`{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": {"name": "foos.g%d.example.com", "resourceVersion": "%d", "deletionTimestamp": "2026-01-02T00:00:00Z",
			"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "the whole again"}, "managedFields": [{"manager": "kubectl"}]},
		"spec": {"group": "g%[1]d.example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo", "shortNames": ["f"]},
			"versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}, {"name": "v1beta1", "served": false}]},
		"status": {"storedVersions": ["v1"], "conditions": [
			{"type": "NamesAccepted", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
			{"type": "Established", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z", "message": "it is"}]}}`, n, n+1)
}

// crds is an API server with so many definitions. It streams lists, or answers those
// at resource version 0 whole, as servers do that don't.
type crds struct {
	many    int
	streams bool

	mu    sync.Mutex
	pages []int // how many definitions each list had
}

func (c *crds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case query.Get("watch") == "":
		c.list(w, r)
		return
	case query.Get("sendInitialEvents") != "" && !c.streams:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Reason: metav1.StatusReasonInvalid, Code: http.StatusUnprocessableEntity,
		})
		return
	case query.Get("sendInitialEvents") != "":
		for n := range c.many {
			_, _ = fmt.Fprintf(w, `{"type": "ADDED", "object": %s}`, document(n))
		}
		_, _ = fmt.Fprint(w, `{"type": "BOOKMARK", "object": {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
			"metadata": {"resourceVersion": "100", "annotations": {"k8s.io/initial-events-end": "true"}}}}`)
	}
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func (c *crds) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	from, _ := strconv.Atoi(query.Get("continue"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	to, more := c.many, ""
	if limit > 0 && query.Get("resourceVersion") != "0" && from+limit < c.many {
		to = from + limit
		more = strconv.Itoa(to)
	}
	c.mu.Lock()
	c.pages = append(c.pages, to-from)
	c.mu.Unlock()
	var items []string
	for n := from; n < to; n++ {
		items = append(items, document(n))
	}
	_, _ = fmt.Fprintf(w, `{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinitionList",
		"metadata": {"resourceVersion": "100", "continue": %q}, "items": [%s]}`, more, strings.Join(items, ","))
}

func TestDefinitionsAreReadAPieceAtATimeAndKeptWithoutWhatIsOfNoUse(t *testing.T) {
	for _, streams := range []bool{true, false} {
		t.Run(fmt.Sprintf("streamed: %t", streams), func(t *testing.T) {
			const many = 2*definitionsPage + 1
			server := &crds{many: many, streams: streams}
			listener := httptest.NewServer(server)
			t.Cleanup(listener.Close)
			t.Cleanup(listener.CloseClientConnections)
			listWatch, err := listDefinitions(&rest.Config{Host: listener.URL}, listener.Client())
			if err != nil {
				t.Fatal(err)
			}
			informer := cache.NewSharedIndexInformerWithOptions(listWatch, &definition{}, cache.SharedIndexInformerOptions{})
			if err := informer.SetTransform(reduce); err != nil {
				t.Fatal(err)
			}
			go informer.RunWithContext(t.Context())
			cache.WaitForCacheSync(t.Context().Done(), informer.HasSynced)
			kept := informer.GetStore().List()
			if len(kept) != many {
				t.Fatalf("it has %d definitions, want %d", len(kept), many)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			for _, page := range server.pages {
				if page > definitionsPage {
					t.Errorf("pages of %v, want at most %d in each", server.pages, definitionsPage)
				}
			}
			if got, want := fmt.Sprintf("%+v", kept[0].(*definition).reduced()), fmt.Sprintf("%+v", kept[0]); got != want {
				t.Errorf("reduced again, it is %s, and was %s", got, want)
			}
			d := kept[0].(*definition)
			if d.Annotations != nil || d.ManagedFields != nil || len(d.Status.Conditions) != 1 {
				t.Errorf("it keeps %+v", d)
			}
			if d.Spec.Group == "" || d.Spec.Names.Kind != "Foo" || d.Spec.Names.Plural != "foos" || d.Spec.Scope != "Namespaced" ||
				len(d.Spec.Versions) != 2 || !d.Spec.Versions[0].Served || d.Spec.Versions[1].Served || d.DeletionTimestamp == nil {
				t.Errorf("it lacks what matters: %+v", d)
			}
			if by := d.establishedBy(time.Now()); !by.Equal(time.Date(2026, 1, 1, 0, 0, 3, 0, time.UTC)) {
				t.Errorf("it is established by %v", by)
			}
		})
	}
}

func TestAPageIsReducedBeforeTheNextOneIsRead(t *testing.T) {
	listener := httptest.NewServer(&crds{many: 2 * definitionsPage})
	t.Cleanup(listener.Close)
	listWatch, err := listDefinitions(&rest.Config{Host: listener.URL}, listener.Client())
	if err != nil {
		t.Fatal(err)
	}
	page, err := listWatch.ListWithContext(t.Context(), metav1.ListOptions{Limit: 500})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range page.(*definitionList).Items {
		if d.Name == "" || d.Annotations != nil || d.ManagedFields != nil {
			t.Fatalf("it has %+v", d)
		}
	}
}

func conditions(name string, status metav1.ConditionStatus, since metav1.Time) []metav1.Condition {
	return []metav1.Condition{{Type: name, Status: status, LastTransitionTime: since}}
}

func TestAKindIsEstablishedTwoSecondsAfterItsConditionSaysSo(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name       string
		conditions []metav1.Condition
		want       time.Time
	}{
		{"without conditions it is not", nil, time.Time{}},
		{"nor where the condition is false", conditions("Established", "False", metav1.NewTime(now)), time.Time{}},
		{"nor by another condition", conditions("NamesAccepted", "True", metav1.NewTime(now)), time.Time{}},
		{"just now", conditions("Established", "True", metav1.NewTime(now)), now.Add(2 * time.Second)},
		{"long ago", conditions("Established", "True", metav1.NewTime(now.Add(-time.Hour))), now.Add(2*time.Second - time.Hour)},
		{"in the future, by a clock of ours that is late", conditions("Established", "True", metav1.NewTime(now.Add(time.Hour))), now.Add(2 * time.Second)},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &definition{Status: definitionStatus{Conditions: row.conditions}}
			if got := d.establishedBy(now); !got.Equal(row.want) {
				t.Errorf("it is established by %v, want %v", got, row.want)
			}
		})
	}
}

func TestTheTransformNeverFails(t *testing.T) {
	for _, object := range []any{nil, "text", &definition{}, &metav1.PartialObjectMetadata{}, cache.DeletedFinalStateUnknown{Key: "foos"}, (*definitionList)(nil)} {
		if _, err := reduce(object); err != nil {
			t.Errorf("%T: %v", object, err)
		}
	}
}
