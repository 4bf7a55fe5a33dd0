package record

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
)

// byProduct is in the URI of what the product writes, by whichever process, one of an
// earlier release too.
const byProduct = "fieldManager=kubemirror"

// apart are the groups that no mirror and no source is of: events, the lease, reviews.
var apart = []string{"events.k8s.io", "coordination.k8s.io", "authentication.k8s.io", "authorization.k8s.io"}

// record is what the log tells of the objects that there were.
type record struct {
	// states has those that each object was in, by its UID.
	states map[string][]object
	// made has the UIDs of what the product has created or taken over.
	made map[string]bool
	// cut has what the product asked to be created and got no answer to: a process that
	// is killed hears of nothing, and the server may have done it.
	cut map[place]object
}

// Breaches says of each write that a controller asked for and that touches something
// else than its own what it was and why. Is tells the users that are controllers.
func Breaches(writes iter.Seq2[audit.Write, error], is func(user string) bool) ([]string, error) {
	r := record{states: map[string][]object{}, made: map[string]bool{}, cut: map[place]object{}}
	var asked []asking
	for w, err := range writes {
		if err != nil {
			return nil, err
		}
		if strings.Contains(w.URI, "dryRun=") {
			continue
		}
		if err := r.add(w); err != nil {
			return nil, fmt.Errorf("read the answer to %s: %w", w.Request, err)
		}
		if is(w.User) && !slices.Contains(apart, w.Group) {
			a, err := newAsking(w)
			if err != nil {
				return nil, fmt.Errorf("read what was sent with %s: %w", w.Request, err)
			}
			asked = append(asked, a)
		}
	}
	var breaches []string
	for _, a := range asked {
		if err := r.judge(a); err != nil {
			breaches = append(breaches, fmt.Sprintf("%s: %v", a.Request, err))
		}
	}
	return breaches, nil
}

// isCut reports whether it isn't known what has come of a request.
func isCut(r audit.Request) bool { return r.Code == 0 || r.Code >= 499 }

// add records what a write has made of an object.
func (r *record) add(w audit.Write) error {
	if w.Subresource != "" && w.Subresource != "status" {
		return nil // it is answered with another object
	}
	at := placeOf(w.Request)
	if w.Verb == "create" && isCut(w.Request) && strings.Contains(w.URI, byProduct) {
		o, err := read(at, w.Sent)
		r.cut[at] = o
		return err
	}
	o, err := read(at, w.Came)
	if err != nil || o.resourceVersion == "" || o.gone {
		return err
	}
	if o.partial {
		if o.content, err = r.contentAfter(w, o); err != nil {
			return err
		}
	}
	r.states[o.uid] = append(r.states[o.uid], o)
	if created := w.Code == 201; created && strings.Contains(w.URI, byProduct) {
		r.made[o.uid] = true
	}
	return nil
}

// contentAfter is the content of an object after a write that was answered with its
// metadata alone: what was sent, if that was all of it, and otherwise what it was before.
func (r *record) contentAfter(w audit.Write, answer object) ([sha256.Size]byte, error) {
	if whole := w.Verb == "create" || w.Verb == "update"; whole && len(w.Sent) > 0 {
		return contentOf(w.Sent)
	}
	before, _ := r.state(answer.version)
	return before.content, nil
}

// state is an object in one version. That may be one that no write was answered with:
// where a whole namespace is deleted, its objects get a deletion timestamp, and
// nothing else; then it is what it was before.
func (r *record) state(v version) (object, bool) {
	var last object
	for _, o := range r.states[v.uid] {
		if number(o.resourceVersion) <= number(v.resourceVersion) && number(o.resourceVersion) >= number(last.resourceVersion) {
			last = o
		}
	}
	return last, last.uid != ""
}

func number(resourceVersion string) uint64 {
	n, _ := strconv.ParseUint(resourceVersion, 10, 64) // the server's own
	return n
}
