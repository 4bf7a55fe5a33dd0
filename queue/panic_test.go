package queue

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2"
)

func TestAPanicOverOneKeyDoesNotStopTheOthersNorTellItsValue(t *testing.T) {
	var log bytes.Buffer // klog locks it
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(&log, nil)))
	defer klog.ClearLogger()
	synctest.Test(t, func(t *testing.T) {
		q := New("", letters(0, 0), nil)
		var served []string
		stop := running(t, q, 1, func(_ context.Context, key string) error {
			served = append(served, key)
			if len(served) == 1 {
				explode("s3cret")
			}
			return nil
		})
		q.Add("a1")
		q.Add("b1")
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		stop()
		if want := []string{"a1", "b1", "a1"}; !slices.Equal(served, want) {
			t.Errorf("served %v, want %v", served, want)
		}
	})
	text := log.String()
	if strings.Contains(text, "s3cret") {
		t.Errorf("the panic's value is in the log:\n%s", text)
	}
	if !strings.Contains(text, "key=a1") || !strings.Contains(text, "queue.explode") {
		t.Errorf("the log doesn't say where it was:\n%s", text)
	}
}

func explode(content string) { panic("content: " + content) }
