package controller

import (
	"context"

	"k8s.io/klog/v2"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// SyncConsent tells of a namespace whose word on mirrors can't be read: an event on it,
// and a line in the log. It is the worker of the queue of such namespaces.
//
// What was so at the start is told by the log alone: somebody was told when it came to
// be so, most likely, and a restart writes nothing (I3).
func (c *Controller) SyncConsent(ctx context.Context, name string) error {
	ns, isNew := c.unreadableConsent(name)
	if !isNew {
		return nil
	}
	p := mirror.UnclearConsent(ns.Unreadable)
	klog.FromContext(ctx).Info("A namespace can't be read", "namespace", name, "problem", p.Text)
	if err := c.events.about(ctx, subject{"v1", "Namespace", ns.Identity}, p); err != nil {
		klog.FromContext(ctx).V(2).Info("Can't write an event", "namespace", name, "reason", p.Reason)
	}
	return nil
}

// unreadableConsent reports whether there is something to tell of a namespace, and takes it for
// told.
func (c *Controller) unreadableConsent(name string) (ns *mirror.Namespace, isNew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ns = c.namespaces[name]
	switch {
	case !c.started || !c.Settings.TargetAllowed(name):
		return nil, false
	case ns == nil || ns.Unreadable == "":
		delete(c.consents, name)
		return nil, false
	}
	told := c.consents[name]
	c.consents[name] = ns.Unreadable
	return ns, told != ns.Unreadable
}
