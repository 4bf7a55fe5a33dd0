package leader

import (
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// repeatAfter is how often the same failure is logged. The elector logs each of its tries
// to reach a server that is away, which are three a second.
const repeatAfter = 10 * time.Second

// quieter is a logger that says the same thing about a failure once in a while.
func quieter(logger logr.Logger) logr.Logger {
	return logger.WithSink(seldom{logger.WithCallDepth(1).GetSink(), &said{at: map[string]time.Time{}}})
}

// seldom passes errors on that haven't been said for a while.
type seldom struct {
	logr.LogSink
	*said
}

// said is when each message was last.
type said struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (s *said) lately(message string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.at[message]; ok && time.Since(last) < repeatAfter {
		return true
	}
	s.at[message] = time.Now()
	return false
}

// Error implements logr.LogSink.
func (s seldom) Error(err error, message string, values ...any) {
	if !s.lately(message) {
		s.LogSink.Error(err, message, values...)
	}
}

// WithValues implements logr.LogSink.
func (s seldom) WithValues(values ...any) logr.LogSink {
	return seldom{s.LogSink.WithValues(values...), s.said}
}

// WithName implements logr.LogSink.
func (s seldom) WithName(name string) logr.LogSink {
	return seldom{s.LogSink.WithName(name), s.said}
}
