package queue

import (
	"context"
	"fmt"
	"testing"
)

// What a key costs on its way through, with so many groups waiting.
func BenchmarkAKeyThroughTheQueue(b *testing.B) {
	for _, groups := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("groups=%d", groups), func(b *testing.B) {
			type key struct{ group, n int }
			q := New("", Turns[key, int]{Tenant: func(key) string { return "" }, Group: func(k key) int { return k.group }}, nil)
			for g := range groups {
				for n := range 10_000 / groups {
					q.Add(key{g, n})
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				k, _ := q.work.Get()
				q.done(k, false)
				q.Add(k.Value())
			}
			b.StopTimer()
			ctx, cancel := context.WithCancel(b.Context())
			cancel()
			q.Run(ctx, ctx, 1, nil)
		})
	}
}
