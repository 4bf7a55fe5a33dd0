package controller

import (
	"time"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// How often we write on a source, however often there is a reason to. After an outage its
// mirrors come back one by one, and each of them changes what is to be said; while the
// server is away, each mirror that fails has its source looked at.

// statusPeriod is the least time between two statuses of a source. The first is written
// as soon as its work has settled, and so is any that comes later than that.
const statusPeriod = 2 * time.Second

// A source that couldn't be written on is tried again by its queue's backoff; whatever
// else leads to it meanwhile doesn't make it sooner than this. It is bounded by less
// than the queue's, so that a server that is back is believed soon.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// pace is when a source may be written on again.
type pace struct {
	status   time.Time // of the last one
	failures int       // in a row
	failed   time.Time // when the last of them was
}

// untilStatus is how long a status is to wait; zero for not at all.
func (p *pace) untilStatus() time.Duration {
	return max(0, statusPeriod-time.Since(p.status))
}

// untilRetry is how long any write is to wait.
func (p *pace) untilRetry() time.Duration {
	if p.failures == 0 {
		return 0
	}
	return max(0, min(lastRetry, firstRetry<<min(p.failures-1, 20))-time.Since(p.failed))
}

func (p *pace) fail() { p.failures, p.failed = p.failures+1, time.Now() }

func (p *pace) succeed() { p.failures = 0 }

// putOff reports whether a source is not to be written on yet, since that has failed just
// now, or others undo it again and again. It is looked at again when it may.
func (w *sourceWorker) putOff(key mirror.SourceKey, src *mirror.Source, aim aim) bool {
	pause := w.untilRetry(key)
	if !src.Deleting { // one that goes is released once, and that is never undone
		pause = max(pause, w.pauseSource(key, aim))
	}
	if pause > 0 {
		w.cache.Sources.AddAfter(key, pause)
	}
	return pause > 0
}

// untilRetry is how long a source is not to be asked about or written on, since that has
// failed.
func (w *sourceWorker) untilRetry(key mirror.SourceKey) time.Duration {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	if st := w.cache.states[key]; st != nil {
		return st.pace.untilRetry()
	}
	return 0
}

// failed records that the server couldn't be asked about a source, or wouldn't let it
// be written on.
func (w *sourceWorker) failed(key mirror.SourceKey) {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	w.cache.stateLocked(key).pace.fail()
}
