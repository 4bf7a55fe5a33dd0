package metrics

import (
	"log"
	"strings"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/klog/v2"
)

// newErrorLog is where net/http and promhttp report what they can't return. Whoever
// reaches a port can have them report something at each connection, such as a TLS
// handshake that ends halfway. So after some lines at first there is one every ten
// seconds, with how many were left out before it.
func newErrorLog(logger klog.Logger) *log.Logger {
	return log.New(&someLines{logger: logger, sometimes: rate.Sometimes{First: 5, Interval: 10 * time.Second}}, "", 0)
}

// someLines writes some of the lines to klog. A log.Logger calls it one line at a time.
type someLines struct {
	logger    klog.Logger
	sometimes rate.Sometimes
	leftOut   int
}

// Write takes one line.
func (l *someLines) Write(line []byte) (int, error) {
	l.leftOut++
	l.sometimes.Do(func() {
		l.logger.Error(nil, "Serving metrics and probes", "problem", strings.TrimSpace(string(line)), "leftOut", l.leftOut-1)
		l.leftOut = 0
	})
	return len(line), nil
}
