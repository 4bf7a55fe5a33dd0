package controller

import (
	"container/list"
	"context"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// maxContents bounds the content of sources that is kept, in bytes: a quarter of a
// gigabyte of Secrets must not take as much here. What is not kept is read again when it
// is needed, one source at a time.
const maxContents = 64 << 20

// contents has the sources whose content is kept, the one that was used last in front. The
// cache's lock guards it.
type contents struct {
	most, size int
	order      *list.List // of sizedSource
	at         map[mirror.SourceKey]*list.Element
}

type sizedSource struct {
	key  mirror.SourceKey
	size int
}

func newContents(most int) *contents {
	return &contents{most: most, order: list.New(), at: map[mirror.SourceKey]*list.Element{}}
}

// use notes that a source's content is kept and used now. It returns the sources whose
// content is to be dropped for it.
func (c *contents) use(key mirror.SourceKey, size int) (drop []mirror.SourceKey) {
	c.forget(key)
	c.at[key] = c.order.PushFront(sizedSource{key, size})
	for c.size += size; c.size > c.most && c.order.Len() > 1; {
		last := c.order.Back().Value.(sizedSource).key
		c.forget(last)
		drop = append(drop, last)
	}
	return drop
}

// forget notes that a source's content isn't kept any more.
func (c *contents) forget(key mirror.SourceKey) {
	if element := c.at[key]; element != nil {
		c.size -= c.order.Remove(element).(sizedSource).size
		delete(c.at, key)
	}
}

// admitLocked keeps the content of a source that has come, if it goes anywhere, at the
// cost of others' if need be. It returns the source as it is to be kept.
func (h SourceHandler) admitLocked(key mirror.SourceKey, src *mirror.Source, st *state) *mirror.Source {
	if len(st.Requested) == 0 {
		h.c.contents.forget(key)
		return src.WithoutContent()
	}
	h.c.useContentLocked(key, src)
	return src
}

func (c *cache) useContentLocked(key mirror.SourceKey, src *mirror.Source) {
	for _, other := range c.contents.use(key, src.Size) {
		t := c.tables[other.Type]
		t.sources[other.NamespacedName()] = t.sources[other.NamespacedName()].WithoutContent()
	}
}

// withContent is a source with its content, which is read where it isn't kept. An error
// that isn't the server's says that the source has changed since.
func (r *reader) withContent(ctx context.Context, key mirror.SourceKey, s snapshot) (*mirror.Source, error) {
	if s.source.HasContent() {
		return s.source, nil
	}
	read, err := r.client.getSource(ctx, s.resource, key)
	switch {
	case objectNotFound(err):
		return nil, errStale
	case err != nil:
		return nil, err
	}
	src := r.cache.Settings.NewSource(read)
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	t := r.cache.tables[key.Type]
	if t == nil || !mirror.SameSpec(src, s.source) {
		return nil, errStale
	}
	if known := t.sources[key.NamespacedName()]; mirror.SameSpec(known, src) {
		src = known.WithContent(src)
		t.sources[key.NamespacedName()] = src
		r.cache.useContentLocked(key, src)
	}
	return src, nil
}
