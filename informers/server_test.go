package informers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
)

// server plays an API server that has objects of one type. It streams lists with
// the bookmark at their end, replays what a watch has missed, turns the loss of a
// label into a deletion, and forgets its history when it is told to.
type server struct {
	door    sync.Mutex // requests come in here
	mu      sync.Mutex
	version int
	objects map[string]*metav1.PartialObjectMetadata
	history []change
	oldest  int // the first resource version that can be watched from
	open    map[*stream]bool
	asked   []string
	largest int // how many objects the largest list had

	// plain servers refuse to stream lists.
	plain bool
	// busy servers begin to stream a list, and find then that they have too much to
	// do; plain lists they refuse.
	busy bool
	// refuse is asked about each request; what it returns is the answer, if any.
	refuse func(request string) error
	// hang has requests wait for their context's end; it is closed to let them go.
	hang map[string]chan struct{}
}

type change struct {
	version       int
	before, after *metav1.PartialObjectMetadata
}

func newServer(objects ...*metav1.PartialObjectMetadata) *server {
	s := &server{version: 1, objects: map[string]*metav1.PartialObjectMetadata{}, open: map[*stream]bool{}, hang: map[string]chan struct{}{}}
	for _, o := range objects {
		s.put(o)
	}
	return s
}

// object makes one with the label that a role selects by; "" for none.
func object(name, role string) *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	if role != "" {
		o.Labels = map[string]string{"role": role}
	}
	return o
}

func (s *server) put(o *metav1.PartialObjectMetadata) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o = o.DeepCopy()
	s.change(s.objects[o.Name], o)
	s.objects[o.Name] = o
}

func (s *server) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(s.objects[name], nil)
	delete(s.objects, name)
}

func (s *server) change(before, after *metav1.PartialObjectMetadata) {
	s.version++
	if after != nil {
		after.ResourceVersion = strconv.Itoa(s.version)
	}
	c := change{s.version, before, after}
	s.history = append(s.history, c)
	for w := range s.open {
		w.send(c)
	}
}

// hangUp ends all watches, as a server does that restarts. What it is given is
// done before anybody is answered again.
func (s *server) hangUp(meanwhile ...func()) {
	s.door.Lock()
	defer s.door.Unlock()
	s.set(func() {
		for w := range s.open {
			close(w.events)
		}
		clear(s.open)
	})
	for _, do := range meanwhile {
		do()
	}
}

// forget makes all that a watch has missed so far be missed for good.
func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.oldest = s.version
}

func (s *server) bookmark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.open {
		w.events <- s.mark(nil)
	}
}

// set changes how the server answers.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// requests gives what has been asked since the last time.
func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *server) watches() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for w := range s.open {
		list = append(list, w.selector.String())
	}
	slices.Sort(list)
	return list
}

// selection is what a selector picks of this server.
func (s *server) selection(selector string) Selection {
	return Selection{Metadata: client{s: s}, Resource: apples, Labels: selector}
}

// client reads the metadata of the one type of a server, as client-go's would.
type client struct {
	metadata.ResourceInterface
	s *server
}

func (c client) Resource(schema.GroupVersionResource) metadata.Getter { return c }

func (c client) Namespace(string) metadata.ResourceInterface { return c }

func (c client) List(ctx context.Context, options metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	return c.s.list(ctx, options)
}

func (c client) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return c.s.watch(ctx, options)
}

// arrive takes down a request, and refuses it or has it wait if so told.
func (s *server) arrive(ctx context.Context, request string) error {
	s.door.Lock()
	s.mu.Lock()
	s.door.Unlock()
	s.asked = append(s.asked, request)
	hang, refuse := s.hang[request], s.refuse
	s.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if refuse != nil {
		return refuse(request)
	}
	return nil
}

func (s *server) list(ctx context.Context, options metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	if err := s.arrive(ctx, "list "+options.LabelSelector); err != nil {
		return nil, err
	}
	selector, err := labels.Parse(options.LabelSelector)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy {
		return nil, apierrors.NewTooManyRequests("busy", 1)
	}
	list := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(s.version)}}
	for _, name := range slices.Sorted(maps.Keys(s.objects)) {
		if !matches(selector, s.objects[name]) || options.Continue != "" && name <= options.Continue {
			continue
		}
		// As a server with a watch cache: at version 0 the limit doesn't count.
		if options.Limit != 0 && options.ResourceVersion != "0" && len(list.Items) == int(options.Limit) {
			list.Continue = list.Items[len(list.Items)-1].Name
			break
		}
		list.Items = append(list.Items, *s.objects[name].DeepCopy())
	}
	s.largest = max(s.largest, len(list.Items))
	return list, nil
}

func (s *server) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	streaming := options.SendInitialEvents != nil && *options.SendInitialEvents
	request := "watch "
	if streaming {
		request = "stream "
	}
	if err := s.arrive(ctx, request+options.LabelSelector); err != nil {
		return nil, err
	}
	selector, err := labels.Parse(options.LabelSelector)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, _ := strconv.Atoi(options.ResourceVersion)
	switch {
	case streaming && s.plain:
		return nil, apierrors.NewInvalid(schema.GroupKind{Kind: "ListOptions"}, "", nil)
	case from != 0 && from < s.oldest:
		return nil, apierrors.NewResourceExpired("too old resource version")
	}
	w := &stream{server: s, selector: selector, events: make(chan watch.Event, 1000)}
	if streaming && s.busy {
		w.events <- watch.Event{Type: watch.Error, Object: &apierrors.NewTooManyRequests("busy", 1).ErrStatus}
		close(w.events)
		return w, nil
	}
	if streaming {
		for _, name := range slices.Sorted(maps.Keys(s.objects)) {
			w.send(change{s.version, nil, s.objects[name]})
		}
		w.events <- s.mark(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	} else {
		for _, c := range s.history {
			if c.version > from {
				w.send(c)
			}
		}
	}
	s.open[w] = true
	return w, nil
}

func (s *server) mark(annotations map[string]string) watch.Event {
	return watch.Event{Type: watch.Bookmark, Object: &metav1.PartialObjectMetadata{
		ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(s.version), Annotations: annotations},
	}}
}

// any is the Any of a Set's Config.
func (s *server) any(ctx context.Context, selector string) (bool, error) {
	if err := s.arrive(ctx, "any "+selector); err != nil {
		return false, err
	}
	parsed, err := labels.Parse(selector)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects {
		if matches(parsed, o) {
			return true, nil
		}
	}
	return false, nil
}

// stream is one watch.
type stream struct {
	server   *server
	selector labels.Selector
	events   chan watch.Event
}

func (w *stream) ResultChan() <-chan watch.Event { return w.events }

func (w *stream) Stop() {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	if w.server.open[w] {
		delete(w.server.open, w)
		close(w.events)
	}
}

func (w *stream) send(c change) {
	was, is := matches(w.selector, c.before), matches(w.selector, c.after)
	event := watch.Event{Object: c.after.DeepCopy()}
	switch {
	case !was && !is:
		return
	case was && is:
		event.Type = watch.Modified
	case is:
		event.Type = watch.Added
	default:
		event.Type = watch.Deleted
		last := c.before.DeepCopy()
		last.ResourceVersion = strconv.Itoa(c.version)
		event.Object = last
	}
	w.events <- event
}

func matches(selector labels.Selector, o *metav1.PartialObjectMetadata) bool {
	return o != nil && selector.Matches(labels.Set(o.Labels))
}

// forbidden is what a server says that knows its rules.
func forbidden(what string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, "", fmt.Errorf("no %s for you", what))
}
