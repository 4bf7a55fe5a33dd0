package mirror

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
)

// events is the type of the objects that kubectl describe shows. They are made as
// plain objects: the typed client would bring every API group into the binary.
var events = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}

// maxNote is the server's bound on an event's text, in bytes.
const maxNote = 1024

// tell tells a source's author what a new status says that the last one didn't: an
// event for each problem, and a log line for the person on call. It is called when
// a status was written because it changed; after a restart the status is what it
// was, and nothing is told again.
func (c *Controller) tell(ctx context.Context, key SourceKey, src *Source, text string, untold []Problem) {
	logger := klog.FromContext(ctx)
	if len(untold) == 0 {
		logger.V(2).Info("Source has a new status", "source", key, "status", text)
		return
	}
	logger.Info("Source has a problem", "source", key, "status", text)
	for _, p := range untold {
		if err := c.emit(ctx, src, p); err != nil {
			logger.V(2).Info("Can't write an event; the status says the same", "source", key, "reason", p.Reason)
			return
		}
	}
}

func (c *Controller) emit(ctx context.Context, src *Source, p Problem) error {
	now := time.Now()
	note := fmt.Sprintf("%s %s/%s: %s", src.Kind, src.Namespace, src.Name, p.Text)
	if len(note) > maxNote {
		note = strings.ToValidUTF8(note[:maxNote-3], "") + "…"
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	event, err := json.Marshal(map[string]any{
		"apiVersion": events.GroupVersion().String(),
		"kind":       "Event",
		"metadata": map[string]any{
			"namespace": src.Namespace,
			"name":      fmt.Sprintf("%.230s.%x", src.Name, now.UnixNano()),
		},
		"eventTime":           now.UTC().Format(metav1.RFC3339Micro),
		"reportingController": Domain,
		"reportingInstance":   c.Identity,
		"action":              "Mirror",
		"type":                "Warning",
		"reason":              p.Reason,
		"note":                note,
		// No resourceVersion: with it each event would be about another object.
		"regarding": map[string]any{
			"apiVersion": src.APIVersion, "kind": src.Kind,
			"namespace": src.Namespace, "name": src.Name, "uid": string(src.UID),
		},
	})
	if err != nil {
		return err
	}
	_, err = c.Objects.Create(ctx, events, src.Namespace, Body{runtime.ContentTypeJSON, event}, metav1.CreateOptions{FieldManager: FieldManager})
	return err
}
