package informers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// wholeClient reads whole objects of the one type of a server, as client-go's would.
type wholeClient struct {
	dynamic.ResourceInterface
	s *server
}

func (c wholeClient) Resource(schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return c
}

func (c wholeClient) Namespace(string) dynamic.ResourceInterface { return c }

func (c wholeClient) List(ctx context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	list, err := c.s.list(ctx, options)
	if err != nil {
		return nil, err
	}
	whole := &unstructured.UnstructuredList{}
	whole.SetResourceVersion(list.ResourceVersion)
	whole.SetContinue(list.Continue)
	for n := range list.Items {
		whole.Items = append(whole.Items, *unstructuredOf(&list.Items[n]))
	}
	return whole, nil
}

func (c wholeClient) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	w, err := c.s.watch(ctx, options)
	if err != nil {
		return nil, err
	}
	return heeded{watch.Filter(w, func(event watch.Event) (watch.Event, bool) {
		if o, ok := event.Object.(*metav1.PartialObjectMetadata); ok {
			event.Object = unstructuredOf(o)
		}
		return event, true
	})}, nil
}

func unstructuredOf(o *metav1.PartialObjectMetadata) *unstructured.Unstructured {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		panic(err)
	}
	return &unstructured.Unstructured{Object: fields}
}

// reduceWhole is reduce for whole objects.
func reduceWhole(obj any) (any, error) {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return reduce(obj)
	}
	o := &metav1.PartialObjectMetadata{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, o); err != nil {
		return nil, err
	}
	return reduce(o)
}

func TestWholeObjectsAreToldOfLikeMetadata(t *testing.T) {
	onEachServer(t, func(t *testing.T, s *server, r *recorder) {
		log := logged(t)
		s.put(object("z", "x"))
		broken := object("e", "x")
		broken.Labels["broken"] = "badly"
		s.put(broken)
		selection := Selection{Dynamic: wholeClient{s: s}, Resource: apples, Labels: "role=x"}
		i := New("things", selection, reduceWhole, smallOnly{handler{recorder: r}, t}, r.failing)
		defer running(t, i)()
		r.expectInAnyOrder(t, "the first list", "a@2", "b@3", "z@5")
		if n := strings.Count(log(), "Can't read an object"); n != 1 {
			t.Errorf("%d lines say that an object can't be read, want 1", n)
		}
		s.put(object("a", "x"))
		s.remove("a")
		r.expect(t, "a change and a deletion", "a@7", "a gone at 8")
		s.hangUp(func() {
			s.remove("b")
			s.remove("e")
			s.forget()
		})
		time.Sleep(time.Minute)
		r.expectInAnyOrder(t, "a new list", "z@5", "b gone at 3", "e gone at 6")
	})
}

func TestPlainListsAreReadInPages(t *testing.T) {
	for name, client := range map[string]func(s *server) Selection{
		"of metadata":      func(s *server) Selection { return s.selection("") },
		"of whole objects": func(s *server) Selection { return Selection{Dynamic: wholeClient{s: s}, Resource: apples} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newServer(), &recorder{}
				s.plain = true
				const n = 3*page + 1
				for k := range n {
					s.put(object(fmt.Sprintf("%04d", k), ""))
				}
				defer running(t, New("things", client(s), reduceWhole, handler{recorder: r}, r.failing))()
				list := func(when string) {
					t.Helper()
					time.Sleep(time.Minute)
					synctest.Wait()
					if got := len(r.told()); got != n {
						t.Errorf("%s: %d objects were told of, want %d", when, got, n)
					}
					if s.largest > page {
						t.Errorf("%s: a list has %d objects, want %d at most", when, s.largest, page)
					}
				}
				list("at first")
				s.hangUp(s.forget)
				list("when the watch is too old")
			})
		})
	}
}

// client-go holds all pages of a list before it has any of it reduced.
func TestWholeObjectsOfAPageAreReducedBeforeTheNextIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newServer(), &recorder{}
		s.plain = true
		for k := range 2*page + 1 {
			s.put(object(fmt.Sprintf("%04d", k), ""))
		}
		var pages, reduced []int
		n := 0
		transform := func(obj any) (any, error) {
			if _, whole := obj.(*unstructured.Unstructured); whole {
				n++
			}
			return reduceWhole(obj)
		}
		s.refuse = func(request string) error {
			if request == "list " {
				pages, reduced = append(pages, len(pages)*page), append(reduced, n)
			}
			return nil
		}
		defer running(t, New("things", Selection{Dynamic: wholeClient{s: s}, Resource: apples}, transform, handler{recorder: r}, r.failing))()
		synctest.Wait()
		if !slices.Equal(reduced, pages) || n != 2*page+1 {
			t.Errorf("%d objects were reduced, want %d; before each page %d, want %d", n, 2*page+1, reduced, pages)
		}
	})
}
