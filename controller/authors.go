package controller

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	expiring "k8s.io/apimachinery/pkg/util/cache"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Access is asked whether somebody may do something.
type Access interface {
	Allows(ctx context.Context, author mirror.Author, right mirror.Right) (bool, error)
}

const (
	// A right that was taken away is good for a mirror as long as allowedFor; one that was
	// given is seen after deniedFor.
	allowedFor = time.Minute
	deniedFor  = 10 * time.Second
	// lookAgain is after how long a mirror is tried again whose author lacked a right:
	// nobody tells of rights that come.
	lookAgain = 5 * time.Minute
	// maxAnswers bounds how many answers are kept.
	maxAnswers = 4096
)

// authors says whether a source's author may have it mirrored somewhere. Mirrors that are
// there are no question: what is written to them was asked about when the source was.
type authors struct {
	known  *mirror.Authors // nil: nobody is asked about
	access Access
	again  func(key mirror.MirrorKey, after time.Duration)

	answers *expiring.LRUExpireCache
	mu      sync.Mutex
	// asking has the questions that the server is about to answer: one asks for all.
	asking map[question]chan struct{}
}

// question is whether one may do something.
type question struct {
	author string
	right  mirror.Right
}

func newAuthors(known *mirror.Authors, access Access, again func(mirror.MirrorKey, time.Duration)) *authors {
	return &authors{known: known, access: access, again: again, answers: expiring.NewLRUExpireCache(maxAnswers), asking: map[question]chan struct{}{}}
}

// concerns reports whether authors are asked about before such a write: one that makes a
// mirror, or takes for one what was none.
func (a *authors) concerns(action mirror.Action, have *mirror.Record) bool {
	return a.known != nil && (action == mirror.Create || action == mirror.Recreate || have != nil && have.Standing == mirror.Adoptable)
}

// refusal is why no mirror of a source may be made in the namespace: nil where it may.
func (a *authors) refusal(ctx context.Context, key mirror.MirrorKey, src *mirror.Source, resource schema.GroupVersionResource) (*mirror.Problem, error) {
	if a.known == nil {
		return nil, nil
	}
	if by := mirror.GrantedBy(src); by != nil && by.StandsFor() {
		problem, err := a.lacks(ctx, key, by, mirror.RightToRead(by))
		if err != nil {
			return nil, err
		}
		if problem != nil { // whose it is, is nobody's business here
			return &mirror.Problem{Reason: problem.Reason, Failed: true, Text: "whoever hands it out may not; whoever keeps that can tell why"}, nil
		}
	}
	return a.lacks(ctx, key, src, src.RightsIn(resource, key.Namespace)...)
}

// lacks is what a source's author may not do of what a mirror takes: nil where he may all.
func (a *authors) lacks(ctx context.Context, key mirror.MirrorKey, src *mirror.Source, rights ...mirror.Right) (*mirror.Problem, error) {
	author, problem := a.known.Of(src)
	if problem != nil || a.known.Trust(author) {
		return problem, nil
	}
	for _, right := range rights {
		allowed, err := a.allows(ctx, src.Stamp(), author, right)
		if err != nil {
			return nil, err
		}
		if !allowed {
			a.again(key, lookAgain)
			p := mirror.MayNot(author, right)
			return &p, nil
		}
	}
	return nil, nil
}

// allows asks for the right everywhere first: whoever has it is asked about once for all
// namespaces.
func (a *authors) allows(ctx context.Context, stamp string, author mirror.Author, right mirror.Right) (bool, error) {
	allowed, err := a.answer(ctx, question{stamp, right.Everywhere()}, author)
	if allowed || err != nil {
		return allowed, err
	}
	return a.answer(ctx, question{stamp, right}, author)
}

// answer is the server's, or that of a moment ago.
func (a *authors) answer(ctx context.Context, q question, author mirror.Author) (bool, error) {
	for {
		a.mu.Lock()
		if allowed, ok := a.answers.Get(q); ok {
			a.mu.Unlock()
			return allowed.(bool), nil
		}
		other := a.asking[q]
		if other == nil {
			a.asking[q] = make(chan struct{})
			a.mu.Unlock()
			return a.ask(ctx, q, author)
		}
		a.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func (a *authors) ask(ctx context.Context, q question, author mirror.Author) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	allowed, err := a.access.Allows(ctx, author, q.right)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
	case allowed:
		a.answers.Add(q, true, allowedFor)
	default:
		a.answers.Add(q, false, deniedFor)
	}
	close(a.asking[q])
	delete(a.asking, q)
	return allowed && err == nil, err
}

// refused is a write that wasn't sent, since the source's author may not have it.
type refused struct{ problem mirror.Problem }

// Error implements error.
func (r refused) Error() string { return r.problem.Text }
