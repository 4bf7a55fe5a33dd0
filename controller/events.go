package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// events is the type of the objects that kubectl describe shows. They are made as
// plain objects: the typed client would bring every API group into the binary.
var events = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}

// maxNote is the server's bound on an event's text, in bytes.
const maxNote = 1024

// recorder writes events. client-go's would bring every API group into the binary, and
// may leave some out.
type recorder struct {
	Objects Objects
	// Identity names this process.
	Identity string
	limits   *eventLimits
}

func newRecorder(objects Objects, identity string) recorder {
	return recorder{objects, identity, newEventLimits()}
}

// source writes an event about a source.
func (r *recorder) source(ctx context.Context, src *mirror.Source, p mirror.Problem) error {
	return r.about(ctx, subject{src.APIVersion, src.Kind, src.Identity}, p)
}

// subject is what an event is about.
type subject struct {
	apiVersion, kind string
	mirror.Identity
}

// about writes an event about anything.
func (r *recorder) about(ctx context.Context, on subject, p mirror.Problem) error {
	if !r.limits.allow(on.UID) {
		return errTooManyEvents
	}
	now := time.Now()
	note := fmt.Sprintf("%s %s: %s", on.kind, klog.KRef(on.Namespace, on.Name), p.Text)
	// What has no namespace has its events in this one, by the server's rule.
	namespace := cmp.Or(on.Namespace, metav1.NamespaceDefault)
	regarding := map[string]any{"apiVersion": on.apiVersion, "kind": on.kind, "name": on.Name, "uid": string(on.UID)}
	if on.Namespace != "" {
		regarding["namespace"] = on.Namespace
	}
	if len(note) > maxNote {
		note = strings.ToValidUTF8(note[:maxNote-3], "") + "…"
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	event, err := json.Marshal(map[string]any{
		"apiVersion": events.GroupVersion().String(),
		"kind":       "Event",
		"metadata": map[string]any{
			"namespace": namespace,
			"name":      fmt.Sprintf("%.230s.%x", on.Name, now.UnixNano()),
		},
		"eventTime":           now.UTC().Format(metav1.RFC3339Micro),
		"reportingController": api.Domain,
		"reportingInstance":   r.Identity,
		"action":              "Mirror",
		"type":                "Warning",
		"reason":              p.Reason,
		"note":                note,
		// No resourceVersion: with it each event would be about another object.
		"regarding": regarding,
	})
	if err != nil {
		return err
	}
	_, err = r.Objects.Create(ctx, events, namespace, mirror.Body{ContentType: runtime.ContentTypeJSON, Bytes: event}, metav1.CreateOptions{FieldManager: api.FieldManager})
	return err
}
