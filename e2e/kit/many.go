package kit

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// atATime is how many objects are written at once where there are many.
const atATime = 8

// ApplyAll is Apply for many texts, several at a time and in no order.
func (e *Env) ApplyAll(texts []string) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*e.patience)
	defer cancel()
	var mu sync.Mutex
	var failed []error
	each(texts, func(text string) {
		if err := e.applyText(ctx, text); err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		}
	})
	if len(failed) > 0 {
		e.t.Fatalf("%d of %d texts can't be applied; the first: %v", len(failed), len(texts), failed[0])
	}
}

func (e *Env) applyText(ctx context.Context, text string) error {
	objects, err := decode(strings.ReplaceAll(text, "PREFIX", e.prefix))
	for _, o := range objects {
		_, applyErr := e.applyNow(ctx, o)
		err = errors.Join(err, applyErr)
	}
	return err
}

// each does something with all items, several at a time.
func each[T any](items []T, do func(T)) {
	queue := make(chan T)
	var workers sync.WaitGroup
	for range atATime {
		workers.Go(func() {
			for item := range queue {
				do(item)
			}
		})
	}
	for _, item := range items {
		queue <- item
	}
	close(queue)
	workers.Wait()
}
