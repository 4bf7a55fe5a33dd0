package metrics

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2/textlogger"
)

func TestConnectionsThatFailDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		errorLog := newErrorLog(textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&text))))
		for range 1000 {
			errorLog.Println("http: TLS handshake error from 10.0.0.9:4711: EOF")
		}
		if lines := strings.Count(text.String(), "\n"); lines != 5 {
			t.Errorf("1,000 connections that fail at once are %d lines in the log, want 5", lines)
		}
		if !strings.Contains(text.String(), "TLS handshake error from 10.0.0.9:4711: EOF") {
			t.Errorf("the log doesn't say what is wrong: %s", text.String())
		}

		text.Reset()
		time.Sleep(time.Minute)
		errorLog.Println("http: TLS handshake error from 10.0.0.9:4711: EOF")
		if got := text.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "leftOut=995") {
			t.Errorf("a minute later the log has %q, want one line that says how many were left out", got)
		}
	})
}
