package controller

import (
	"container/heap"
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// maxContents bounds the content of sources that is kept, in bytes: whoever fills the
// cluster with large Secrets must not fill the memory with them. What is not kept is read
// again for each look at a mirror. The largest go first: that has the fewest sources read,
// and those of whoever has the largest.
const maxContents = 64 << 20

// contents has the sources whose content is kept. The cache's lock guards it.
type contents struct {
	most, size int
	at         map[mirror.SourceKey]*sizedSource
	bySize     largestFirst
}

type sizedSource struct {
	key         mirror.SourceKey
	size, index int
}

func newContents(most int) *contents {
	return &contents{most: most, at: map[mirror.SourceKey]*sizedSource{}}
}

// keep notes that a source's content is kept now. It returns the sources whose content is
// to be dropped for it; it may be itself.
func (c *contents) keep(key mirror.SourceKey, size int) (drop []mirror.SourceKey) {
	c.forget(key)
	c.at[key] = &sizedSource{key: key, size: size}
	heap.Push(&c.bySize, c.at[key])
	for c.size += size; c.size > c.most; {
		largest := c.bySize[0].key
		c.forget(largest)
		drop = append(drop, largest)
	}
	return drop
}

// forget notes that a source's content isn't kept any more.
func (c *contents) forget(key mirror.SourceKey) {
	if s := c.at[key]; s != nil {
		heap.Remove(&c.bySize, s.index)
		c.size -= s.size
		delete(c.at, key)
	}
}

// largestFirst is a heap (container/heap).
type largestFirst []*sizedSource

func (h largestFirst) Len() int           { return len(h) }
func (h largestFirst) Less(i, j int) bool { return h[i].size > h[j].size }

func (h largestFirst) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *largestFirst) Push(x any) {
	s := x.(*sizedSource)
	s.index = len(*h)
	*h = append(*h, s)
}

// Pop implements heap.Interface.
func (h *largestFirst) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return s
}

// admitLocked keeps the content of a source that has come, if it goes anywhere, at the
// cost of others' if need be. It returns the source as it is to be kept.
func (c *cache) admitLocked(key mirror.SourceKey, src *mirror.Source, st *state) *mirror.Source {
	if len(st.Requested) == 0 && c.origins.takers[key] == 0 || !src.HasContent() {
		c.contents.forget(key)
		return src.WithoutContent()
	}
	return c.keepContentLocked(key, src)
}

// keepContentLocked keeps the content of a source, or doesn't, and drops others'.
func (c *cache) keepContentLocked(key mirror.SourceKey, src *mirror.Source) *mirror.Source {
	for _, other := range c.contents.keep(key, src.Size) {
		if other == key {
			src = src.WithoutContent()
			continue
		}
		t := c.tables.of[other.Type]
		t.sources[other.NamespacedName()] = t.sources[other.NamespacedName()].WithoutContent()
	}
	return src
}

// withContent is a source with its content, which is read where it isn't kept. An error
// that isn't the server's says that the source has changed since.
func (r *reader) withContent(ctx context.Context, key mirror.SourceKey, s snapshot) (*mirror.Source, error) {
	if s.source.HasContent() {
		return s.source, nil
	}
	read, err := r.contentOf(ctx, key, s)
	switch {
	case objectNotFound(err):
		return nil, errStale
	case err != nil:
		return nil, err
	}
	// A watch may show the same version in another form than a GET (see mirror.Content).
	if (read.Of != nil || read.Identity != s.source.Identity) && !mirror.SameSpec(read, s.source) || !read.HasContent() {
		return nil, errStale
	}
	src := s.source.WithContent(read)
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	if t := r.cache.tables.of[key.Type]; t != nil && mirror.SameSpec(t.sources[key.NamespacedName()], src) {
		known := t.sources[key.NamespacedName()].WithContent(read)
		t.sources[key.NamespacedName()] = r.cache.keepContentLocked(key, known)
	}
	return src, nil
}

// contentOf reads what a source's mirrors are made from.
func (r *reader) contentOf(ctx context.Context, key mirror.SourceKey, s snapshot) (*mirror.Source, error) {
	switch {
	case s.source.StandsFor():
		_, origin := resolver{r.cache}.origin(s.source)
		u, err := r.client.getWhole(ctx, origin, s.source.Of.Namespace, s.source.Of.Name)
		if err != nil {
			return nil, err
		}
		return r.cache.Settings.Standing(s.source, u), nil
	case s.source.Requests():
		by, resource := resolver{r.cache}.origin(s.source)
		if by == nil {
			return nil, errStale
		}
		by, err := r.withContent(ctx, by.SourceKey(), snapshot{source: by, resource: resource})
		if err != nil {
			return nil, err
		}
		return r.cache.Settings.Granted(s.source, by), nil
	}
	u, err := r.client.getWhole(ctx, s.resource, key.Namespace, key.Name)
	if err != nil {
		return nil, err
	}
	return r.cache.Settings.NewSource(key.Type, u), nil
}

// origin is what a stand-in or a request is made of: of the latter the source that is handed
// out to it, and the type of that.
func (r resolver) origin(src *mirror.Source) (by *mirror.Source, resource schema.GroupVersionResource) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if src.StandsFor() {
		return nil, r.c.tables.served[src.Of.Type]
	}
	if by, _ = r.grantorLocked(*src.Of, src.Namespace); by == nil {
		return nil, resource
	}
	return by, r.c.tables.served[by.Type]
}
