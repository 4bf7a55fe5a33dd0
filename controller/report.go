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

// reportStatus tells a source's author what a new status says that the last one didn't: an
// event for each problem, and a log line for the person on call. It is called when
// a status was written because it changed; after a restart the status is what it
// was, and nothing is told again.
func (c *Controller) reportStatus(ctx context.Context, key mirror.SourceKey, src *mirror.Source, text string, unreported []mirror.Problem) {
	logger := klog.FromContext(ctx)
	if len(unreported) == 0 {
		logger.V(2).Info("Source has a new status", "source", key, "status", text)
		return
	}
	logger.Info("Source has a problem", "source", key, "status", text)
	for _, p := range unreported {
		if err := c.recordEvent(ctx, src, p); err != nil {
			logger.V(2).Info("Can't write an event; the status says the same", "source", key, "reason", p.Reason)
			return
		}
	}
}

// recordEvent writes an event about a source.
func (c *Controller) recordEvent(ctx context.Context, src *mirror.Source, p mirror.Problem) error {
	return c.recordEventAbout(ctx, subject{src.APIVersion, src.Kind, src.Identity}, p)
}

// subject is what an event is about.
type subject struct {
	apiVersion, kind string
	mirror.Identity
}

func (c *Controller) recordEventAbout(ctx context.Context, about subject, p mirror.Problem) error {
	now := time.Now()
	note := fmt.Sprintf("%s %s: %s", about.kind, klog.KRef(about.Namespace, about.Name), p.Text)
	// What has no namespace has its events in this one, by the server's rule.
	namespace := cmp.Or(about.Namespace, metav1.NamespaceDefault)
	regarding := map[string]any{"apiVersion": about.apiVersion, "kind": about.kind, "name": about.Name, "uid": string(about.UID)}
	if about.Namespace != "" {
		regarding["namespace"] = about.Namespace
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
			"name":      fmt.Sprintf("%.230s.%x", about.Name, now.UnixNano()),
		},
		"eventTime":           now.UTC().Format(metav1.RFC3339Micro),
		"reportingController": api.Domain,
		"reportingInstance":   c.Identity,
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
	_, err = c.Objects.Create(ctx, events, namespace, mirror.Body{ContentType: runtime.ContentTypeJSON, Bytes: event}, metav1.CreateOptions{FieldManager: api.FieldManager})
	return err
}

// reportDeleted tells of a mirror that was deleted. Where its source's author didn't ask
// for that, it is told where somebody will look: on the source, or on the mirror
// itself where that is all there is.
func (c *Controller) reportDeleted(ctx context.Context, key mirror.MirrorKey, s snapshot, r *mirror.Record) {
	logger := klog.FromContext(ctx).WithValues("mirror", klog.KObj(r.GetObjectMeta()), "type", mirror.TypeName(s.kind), "source", key.Source)
	if s.cause == "" {
		logger.V(2).Info("Deleted a mirror")
		return
	}
	logger.Info("Deleted a mirror that its source did not give up", "cause", s.cause)
	p := mirror.Problem{Reason: mirror.ReasonDeleted, Text: fmt.Sprintf("deleted the mirror %q: %s", r.Name, s.cause)}
	if s.source != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		st := c.stateLocked(key.Source)
		if st.deletions == nil {
			st.deletions = map[string][]mirror.Problem{}
		}
		st.deletions[key.Namespace] = append(st.deletions[key.Namespace], p)
		c.Sources.AddAfter(key.Source, statusDelay)
		return
	}
	if !c.takesEvents(r.Namespace) {
		return
	}
	apiVersion, kind := s.kind.ToAPIVersionAndKind()
	if err := c.recordEventAbout(ctx, subject{apiVersion, kind, r.Identity}, p); err != nil {
		logger.V(2).Info("Can't write an event", "reason", p.Reason)
	}
}

// takesEvents reports whether a namespace is there and stays: the server lets nothing
// be made in one that goes.
func (c *Controller) takesEvents(namespace string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ns := c.namespaces[namespace]
	return ns != nil && !ns.Terminating
}

// reportDeletions tells a source's author of mirrors that were deleted for another reason
// than the source's, those of one look together.
func (c *Controller) reportDeletions(ctx context.Context, key mirror.SourceKey, v sourceSnapshot) {
	for _, p := range v.removed {
		if err := c.recordEvent(ctx, v.source, p); err != nil {
			klog.FromContext(ctx).V(2).Info("Can't write an event", "source", key, "reason", p.Reason)
		}
	}
}
