package queue

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// provider notes which metrics are made, and what they are told last.
type provider struct {
	mu     sync.Mutex
	values map[string]float64
}

type metric struct {
	p    *provider
	name string
}

func (p *provider) make(name string) metric {
	m := metric{p, name}
	m.change(func(v float64) float64 { return v })
	return m
}

func (m metric) change(f func(float64) float64) {
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	m.p.values[m.name] = f(m.p.values[m.name])
}

func (m metric) Inc()              { m.change(func(v float64) float64 { return v + 1 }) }
func (m metric) Dec()              { m.change(func(v float64) float64 { return v - 1 }) }
func (m metric) Set(to float64)    { m.change(func(float64) float64 { return to }) }
func (m metric) Observe(x float64) { m.change(func(v float64) float64 { return v + x }) }

func (p *provider) NewDepthMetric(name string) workqueue.GaugeMetric {
	return p.make("depth of " + name)
}

func (p *provider) NewAddsMetric(name string) workqueue.CounterMetric {
	return p.make("adds of " + name)
}

func (p *provider) NewLatencyMetric(name string) workqueue.HistogramMetric {
	return p.make("latency of " + name)
}

func (p *provider) NewWorkDurationMetric(name string) workqueue.HistogramMetric {
	return p.make("work of " + name)
}

func (p *provider) NewUnfinishedWorkSecondsMetric(name string) workqueue.SettableGaugeMetric {
	return p.make("unfinished of " + name)
}

func (p *provider) NewLongestRunningProcessorSecondsMetric(name string) workqueue.SettableGaugeMetric {
	return p.make("longest of " + name)
}

func (p *provider) NewRetriesMetric(name string) workqueue.CounterMetric {
	return p.make("retries of " + name)
}

func TestMetricsGoToTheProviderUnderTheQueuesName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{values: map[string]float64{}}
		q := New("fruit", letters(0, 0), p)
		failed := false
		stop := running(t, q, 1, func(_ context.Context, key string) error {
			time.Sleep(time.Second)
			if key == "a1" && !failed {
				failed = true
				return errors.New("no")
			}
			return nil
		})
		q.Add("a1")
		q.Add("b1")
		time.Sleep(time.Minute)
		synctest.Wait()
		q.Add("c1")
		time.Sleep(600 * time.Millisecond)
		synctest.Wait()
		stop()
		want := map[string]float64{
			"adds of fruit":       4, // one of them a retry
			"depth of fruit":      0,
			"latency of fruit":    1.5, // b1 waits for a1, a1 again for b1 after 0.5 s of backoff
			"work of fruit":       4,
			"unfinished of fruit": 0.5,
			"longest of fruit":    0.5,
			"retries of fruit":    1,
		}
		if !maps.Equal(p.values, want) {
			t.Errorf("got  %v\nwant %v", p.values, want)
		}
	})
}

func TestAQueueWithoutAProviderTellsTheGlobalOneNothing(t *testing.T) {
	p := &provider{values: map[string]float64{}}
	workqueue.SetProvider(p)
	synctest.Test(t, func(t *testing.T) {
		running(t, New("fruit", letters(0, 0), nil), 1, func(context.Context, string) error { return nil })()
	})
	if len(p.values) != 0 {
		t.Errorf("told: %v", slices.Sorted(maps.Keys(p.values)))
	}
}
