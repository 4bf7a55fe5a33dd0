package faultproxy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Write is a request to change an object.
type Write struct {
	// Method is POST, PUT, PATCH or DELETE.
	Method string
	// Group and Resource name the type: "" and "configmaps".
	Group, Resource string
	// Namespace and Name are the object's; a POST has no name.
	Namespace, Name string
}

// String is the write in a few words, for a failed test to print.
func (w Write) String() string {
	return fmt.Sprintf("%s %s/%s/%s", w.Method, w.Namespace, w.Resource, w.Name)
}

// apart are the groups whose objects are neither sources nor mirrors.
var apart = []string{"events.k8s.io", "coordination.k8s.io", "authentication.k8s.io", "authorization.k8s.io"}

// newWrite reads a request. It is false for a read, for a trial, and for what is not to
// be counted.
func newWrite(r *http.Request) (Write, bool) {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return Write{}, false
	}
	t, ok := targetOf(r)
	w := Write{r.Method, t.group, t.resource, t.namespace, t.name}
	return w, ok && !slices.Contains(apart, w.Group) && w.Resource != "events" && !r.URL.Query().Has("dryRun")
}

// target is what the path of a request names.
type target struct{ group, resource, namespace, name string }

// targetOf reads /api/v1/… and /apis/GROUP/VERSION/….
func targetOf(r *http.Request) (t target, ok bool) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		t.group, parts = parts[1], parts[3:]
	default:
		return t, false
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		t.namespace, parts = parts[1], parts[2:]
	}
	t.resource = parts[0]
	if len(parts) > 1 {
		t.name = parts[1]
	}
	return t, true
}

// armed is what is to befall a write.
type armed struct {
	nth   int
	of    func(Write) bool
	fault Fault
	fired bool
	// each says that the fault befalls all from the n-th on.
	each bool
}

// Arm has the n-th write from now on, counted from 1 among those that of lets through
// (nil: all), befallen by a fault. It takes the place of what was armed before; a nil
// fault only begins to count anew.
func (p *Proxy) Arm(n int, of func(Write) bool, fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = nil
	p.armed = armed{nth: n, of: of, fault: fault}
}

// ArmEach has each write from now on that of lets through (nil: all) befallen by a fault.
func (p *Proxy) ArmEach(of func(Write) bool, fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = nil
	p.armed = armed{nth: 1, of: of, fault: fault, each: true}
}

// Fired reports whether the write that was armed for has come.
func (p *Proxy) Fired() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.armed.fired
}

// Writes are those since Arm, the ones that something has befallen too.
func (p *Proxy) Writes() []Write {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.writes)
}

// count counts a write, and returns what is to befall it.
func (p *Proxy) count(w Write) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = append(p.writes, w)
	a := &p.armed
	if a.fault == nil || a.fired && !a.each || a.of != nil && !a.of(w) {
		return nil
	}
	if a.nth--; a.nth > 0 {
		return nil
	}
	a.fired = true
	return a.fault
}
