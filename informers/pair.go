package informers

import (
	"context"
	"sync"
	"sync/atomic"
)

// pair is the two informers of one type: that of its sources runs always, that of
// its mirrors from the moment there is a use for it.
type pair struct {
	cancel  context.CancelFunc
	done    chan struct{} // closed when nothing of the pair runs any more
	sources *Informer
	mirrors atomic.Pointer[Informer]

	once  sync.Once
	inUse chan struct{} // closed at the first source or mirror
}

func (p *pair) use() { p.once.Do(func() { close(p.inUse) }) }

func (p *pair) running() []*Informer {
	if mirrors := p.mirrors.Load(); mirrors != nil {
		return []*Informer{p.sources, mirrors}
	}
	return []*Informer{p.sources}
}

func (p *pair) failing() bool {
	for _, i := range p.running() {
		if i.Failing() {
			return true
		}
	}
	return false
}

func (p *pair) settled() bool {
	for _, i := range p.running() {
		select {
		case <-i.Synced():
		default:
			if !i.Failing() {
				return false
			}
		}
	}
	return true
}

// firstUse starts the watch of a type's mirrors with its first source.
type firstUse struct {
	Handler
	pair *pair
}

func (f *firstUse) Set(obj any) {
	f.pair.use()
	f.Handler.Set(obj)
}
