package informers

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a type that doesn't answer counts as one that is about to.
const patience = time.Minute

// pair is the two informers of one type: that of its sources runs always, that of
// its mirrors from the moment there is a use for it.
type pair struct {
	started time.Time
	cancel  context.CancelFunc
	use     func()        // has the mirrors watched
	done    chan struct{} // closed when nothing of the pair runs any more
	sources *Informer
	mirrors atomic.Pointer[Informer]
	// asked says that the type has been asked for mirrors that nobody watches yet.
	asked   atomic.Bool
	telling sync.Mutex
}

func (p *pair) running() []*Informer {
	if mirrors := p.mirrors.Load(); mirrors != nil {
		return []*Informer{p.sources, mirrors}
	}
	return []*Informer{p.sources}
}

// tell passes on whether one of the two informers fails. What is told last is
// what is true last, though both may begin to fail, or end, at a time.
func (p *pair) tell(to func(failing bool)) {
	p.telling.Lock()
	defer p.telling.Unlock()
	failing := false
	for _, i := range p.running() {
		failing = failing || i.Failing()
	}
	to(failing)
}

func (p *pair) settled() bool {
	mirrors := p.mirrors.Load()
	switch {
	case time.Since(p.started) > patience:
		return true
	case mirrors != nil:
		return p.sources.settled() && mirrors.settled()
	default:
		return p.sources.Failing() || p.sources.settled() && p.asked.Load()
	}
}

// firstUse starts the watch of a type's mirrors with its first source.
type firstUse struct {
	Handler
	use func()
}

func (f *firstUse) Set(obj any) {
	f.use()
	f.Handler.Set(obj)
}

// SetAtStart implements Beginner.
func (f *firstUse) SetAtStart(obj any) {
	f.use()
	if b, ok := f.Handler.(Beginner); ok {
		b.SetAtStart(obj)
		return
	}
	f.Handler.Set(obj)
}
