package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
)

// asking is what a controller asked for.
type asking struct {
	audit.Request
	// sent is the object that was sent, or what a deletion or a patch says of the one
	// that it means.
	sent object
	// patch is the metadata of a patch; beyond says that it has more.
	patch  map[string]any
	beyond bool
	// unread says that the server refused it before it read any of it.
	unread bool
}

func newAsking(w audit.Write) (asking, error) {
	a := asking{Request: w.Request, unread: len(w.Sent) == 0}
	if a.unread {
		return a, nil
	}
	at, text := placeOf(w.Request), w.Sent
	if w.Verb == "delete" {
		var options struct{ Preconditions json.RawMessage }
		if err := json.Unmarshal(text, &options); err != nil {
			return a, err
		}
		if options.Preconditions == nil {
			return a, nil
		}
		text = fmt.Appendf(nil, `{"metadata":%s}`, options.Preconditions)
	}
	var err error
	if a.sent, err = read(at, text); err != nil || w.Verb != "patch" {
		return a, err
	}
	var patch struct{ Metadata map[string]any }
	all := map[string]any{}
	err = errors.Join(json.Unmarshal(text, &patch), json.Unmarshal(text, &all))
	a.patch, a.beyond = patch.Metadata, len(all) > 1
	return a, err
}

// judge says what is wrong with what a controller asked for.
func (r *record) judge(a asking) error {
	switch {
	case a.Subresource != "":
		return errors.New("it writes no subresource")
	case a.unread:
		return nil
	case a.Verb == "create":
		return r.judgeMirror(a.sent)
	case a.Verb == "update":
		return r.judgeReplace(a)
	case a.Verb == "delete":
		return r.judgeDelete(a)
	case a.Verb == "patch":
		return r.judgePatch(a)
	}
	return errors.New("it writes one object at a time")
}

// judgeMirror says what is wrong with what is to be a mirror.
func (r *record) judgeMirror(o object) error {
	if o.standing() != named || o.source() == "" {
		return fmt.Errorf("what it sends is no mirror: labels %v, annotations %v", o.labels, o.annotations)
	}
	return nil
}

// before is the state of the object that is to be changed.
func (r *record) before(a asking) (object, error) {
	if a.sent.uid == "" || a.sent.resourceVersion == "" {
		return object{}, errors.New("it names no version of the object, and would have met any")
	}
	o, known := r.state(a.sent.version)
	if cut, asked := r.cut[placeOf(a.Request)]; !known && asked {
		r.made[a.sent.uid] = true
		return cut, nil
	}
	switch {
	case !known:
		return object{}, fmt.Errorf("nobody has made the object %s", a.sent.uid)
	case o.place != placeOf(a.Request):
		return object{}, fmt.Errorf("the version that it names is of %s", o.place)
	}
	return o, nil
}

func (r *record) judgeReplace(a asking) error {
	o, err := r.before(a)
	if err != nil {
		return err
	}
	if isLetGo(o, a.sent) {
		return nil
	}
	if err := r.judgeMirror(a.sent); err != nil {
		return err
	}
	switch o.standing() {
	case named:
		return nil
	case nameless:
		if r.made[a.sent.uid] || o.sameSource(a.sent) {
			r.made[a.sent.uid] = r.made[a.sent.uid] || a.Code == 200 || isCut(a.Request)
			return nil
		}
	}
	return fmt.Errorf("what it replaces is not its own: labels %v, annotations %v", o.labels, o.annotations)
}

// isLetGo reports whether an object is put in its own place as it was, less the
// product's finalizer, which was the last one: so a source goes that is being deleted.
func isLetGo(before, sent object) bool {
	return len(before.finalizers) > 0 && len(before.othersFinalizers()) == 0 && len(sent.finalizers) == 0 &&
		before.content == sent.content && maps.Equal(before.labels, sent.labels) && maps.Equal(before.annotations, sent.annotations)
}

func (r *record) judgeDelete(a asking) error {
	o, err := r.before(a)
	if err != nil {
		return err
	}
	if o.standing() == named || o.standing() == nameless && r.made[a.sent.uid] {
		return nil
	}
	return fmt.Errorf("what it deletes is not its own: labels %v, annotations %v", o.labels, o.annotations)
}

// ofSource are the annotations that the product writes on sources.
var ofSource = []string{domain + "sync-status", domain + "failed-targets"}

// judgeLeaving says what is wrong with a patch that makes an object a mirror no more, and
// whether it is one: it takes the product's own keys off a mirror, and nothing else.
func (r *record) judgeLeaving(a asking) (bool, error) {
	labels, _ := a.patch["labels"].(map[string]any)
	annotations, _ := a.patch["annotations"].(map[string]any)
	if _, takes := labels[domain+"mirror"]; !takes {
		return false, nil
	}
	for _, keys := range []map[string]any{labels, annotations} {
		for key, value := range keys {
			if value != nil || !strings.HasPrefix(key, domain) {
				return true, fmt.Errorf("leaving a mirror behind, it writes %s", key)
			}
		}
	}
	if len(a.patch) != 4 || a.beyond {
		return true, errors.New("leaving a mirror behind, it patches more than labels and annotations")
	}
	o, err := r.before(a)
	if err == nil && o.standing() != named {
		err = errors.New("what it leaves behind is no mirror")
	}
	return true, err
}

func (r *record) judgePatch(a asking) error {
	if is, err := r.judgeLeaving(a); is {
		return err
	}
	for key, value := range a.patch {
		switch key {
		case "uid", "resourceVersion":
			continue
		case "finalizers":
			if err := r.judgeFinalizers(a); err != nil {
				return err
			}
			continue
		case "annotations":
			annotations, _ := value.(map[string]any)
			for annotation := range annotations {
				if !slices.Contains(ofSource, annotation) {
					return fmt.Errorf("it patches the annotation %s", annotation)
				}
			}
			continue
		}
		return fmt.Errorf("it patches metadata.%s", key)
	}
	if a.beyond || a.sent.uid == "" {
		return errors.New("it patches more than metadata, or just any object of the name")
	}
	return nil
}

// judgeFinalizers: the list is replaced as a whole, so others' must be in it.
func (r *record) judgeFinalizers(a asking) error {
	o, err := r.before(a)
	if err != nil {
		return err
	}
	if !slices.Equal(o.othersFinalizers(), a.sent.othersFinalizers()) {
		return fmt.Errorf("it changes others' finalizers from %q to %q", o.finalizers, a.sent.finalizers)
	}
	return nil
}
