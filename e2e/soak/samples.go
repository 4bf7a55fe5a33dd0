package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// probe is a source that is changed for the time that it takes, and nothing else.
const probe = "probe"

// sample is one value of a series, at a time from the beginning.
type sample struct {
	at    time.Duration
	value float64
}

// samples are what was measured, by figure and series.
type samples struct {
	*cluster
	begin time.Time

	mu     sync.Mutex
	values map[string]map[string][]sample
}

// The figures, in the order of the picture.
const (
	memory     = "memory that isn't file pages, MB"
	goroutines = "goroutines"
	files      = "open files and connections"
	lag        = "a change until its mirror is there, s"
)

var figures = []string{memory, goroutines, files, lag}

func (s *samples) add(figure, series string, value float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[string]map[string][]sample{}
	}
	if s.values[figure] == nil {
		s.values[figure] = map[string][]sample{}
	}
	s.values[figure][series] = append(s.values[figure][series], sample{time.Since(s.begin), value})
}

// run looks at each replica once a second.
func (s *samples) run(ctx context.Context) {
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for i := range replicas {
				s.look(ctx, i)
			}
		}
	}
}

// look measures a replica; one that is away, or can't answer, has no values.
func (s *samples) look(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	k, series := s.replica(i), "replica "+strconv.Itoa(i+1)
	metrics, err := k.Metrics(ctx)
	if err != nil {
		return
	}
	if m, err := k.Memory(); err == nil {
		s.add(memory, series, float64(m.Anonymous)/(1<<20))
	}
	s.add(goroutines, series, metrics.Sum("go_goroutines"))
	s.add(files, series, metrics.Sum("process_open_fds"))
}

// probe changes one source after the other, and waits for its mirror.
func (s *samples) probe(ctx context.Context) {
	from, to := s.client.Resource(configMaps).Namespace(sourceNamespace), s.client.Resource(configMaps).Namespace(target(targets-1))
	for n := 1; ctx.Err() == nil; n++ {
		value := strconv.Itoa(n)
		if _, err := from.Patch(ctx, probe, types.MergePatchType, fmt.Appendf(nil, `{"data":{"key":%q}}`, value), metav1.PatchOptions{}); err != nil {
			<-time.After(100 * time.Millisecond)
			continue
		}
		for begin := time.Now(); ctx.Err() == nil; <-time.After(10 * time.Millisecond) {
			mirror, err := to.Get(ctx, probe, metav1.GetOptions{})
			if err != nil {
				if n > 1 && time.Since(begin) > time.Minute {
					break // its namespace refuses mirrors for now
				}
				continue
			}
			if got, _, _ := unstructured.NestedString(mirror.Object, "data", "key"); got == value {
				s.add(lag, "probe", time.Since(begin).Seconds())
				break
			}
		}
		<-time.After(500 * time.Millisecond)
	}
}

// allowed is how much more the last third may have than the one before: what noise, and a
// leader that isn't the same, make of a flat line.
const allowed = 1.3

// judge prints the medians of the thirds, and says which line isn't flat.
func (s *samples) judge(out io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := time.Since(s.begin)
	var rising []error
	for _, figure := range figures {
		var thirds [3][]float64
		for _, series := range s.values[figure] {
			for _, one := range series {
				third := min(2, int(3*one.at/end))
				thirds[third] = append(thirds[third], one.value)
			}
		}
		middle, last := median(thirds[1]), median(thirds[2])
		_, _ = fmt.Fprintf(out, "%-40s %8.2f %8.2f %8.2f\n", figure, median(thirds[0]), middle, last)
		if last > allowed*middle+0.1 {
			rising = append(rising, fmt.Errorf("%s: %.2f in the last third, %.2f before", figure, last, middle))
		}
	}
	return errors.Join(rising...)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
