package transform

import (
	"errors"
	"fmt"
	glob "path"
	"unicode/utf8"
)

// Problem tells that one rule could not be applied. It holds no content.
type Problem struct {
	Rule   int    // its number, from 1
	Path   string // its path as it was written
	Reason string
	// Missing says that there was nothing at the path, which may be misspelt. The rule
	// did what it could: what it sets was added.
	Missing bool
	// Withholds says that there is no outcome: what the rule was to hold back would be
	// in it.
	Withholds bool
}

// String is one line for a status, an event or a log.
func (p Problem) String() string {
	return fmt.Sprintf("rule %d (%s): %s", p.Rule, p.Path, p.Reason)
}

// Apply runs the rules in order on the content of an object, made of the types
// that JSON is decoded to (map[string]any, []any, string, int64, float64, bool
// and nil). A rule that fails changes nothing and is a problem; those after it
// still run. A rule whose place isn't there is a problem too, unless it is
// optional; what it sets is added nevertheless. The caller decides what a problem means: by contract,
// D/transform-strict, whether the outcome is used at all. Only where a rule that keeps keys
// fails there is no outcome (nil) in any case: it says what may go out, and all else would.
//
// The object is never written to. What Apply returns shares all that wasn't
// changed with it, and values with the rules: treat it as read-only, or copy it.
// In a Secret, stringData is folded into data first, as the server does, also
// where there are no rules.
//
// An error means that the object is not one, and that there is no outcome.
func (r Rules) Apply(object map[string]any, ctx Context) (changed map[string]any, problems []Problem, err error) {
	e, err := newEditing(object, &ctx, r)
	if err != nil {
		return nil, nil, fmt.Errorf("applying rules: %w", err)
	}
	withheld := false
	for i, one := range r.rules {
		if !one.isFor(ctx.TargetNamespace) {
			continue
		}
		if err := e.apply(one); err != nil {
			_, missing := errors.AsType[missingError](err)
			p := Problem{Rule: i + 1, Path: one.text, Reason: err.Error(), Missing: missing, Withholds: one.action == keepKeys && !missing}
			problems, withheld = append(problems, p), withheld || p.Withholds
		}
	}
	if withheld {
		return nil, problems, nil
	}
	return e.object, problems, nil
}

// isFor reports whether the rule is meant for the namespace. Names of namespaces
// hold no slash and checkPattern lets only * and ? through, which leaves of
// path.Match a glob matcher that takes no exponential time.
func (r rule) isFor(namespace string) bool {
	if r.isForAll() {
		return true
	}
	matches, err := glob.Match(r.pattern, namespace)
	return matches && err == nil
}

// editing is one Apply under way.
type editing struct {
	object map[string]any
	mine   mine
	data   dataKind
	ctx    *Context
	rules  Rules
	output int // bytes that rules may still write
}

func newEditing(object map[string]any, ctx *Context, r Rules) (*editing, error) {
	e := &editing{object: object, ctx: ctx, rules: r, output: r.limits.MaxOutput, data: dataKindOf(object)}
	if object == nil {
		return nil, errors.New("there is no object")
	}
	if e.data == secretData {
		return e, e.foldStringData()
	}
	return e, nil
}

// apply runs one rule: everything that can fail first, then the change. A place
// that isn't there is an error too, unless the rule says that it may be missing:
// the path may be misspelt, and what it was meant to change go out as it is. What
// can be put there all the same is put there.
func (e *editing) apply(r rule) error {
	switch r.action {
	case keepKeys:
		return e.keepKeys(r)
	case copyFrom:
		return e.copyFrom(r)
	}
	at := e.data.place(r.path)
	if err := e.data.checkPlace(at); err != nil {
		return err
	}
	found, there, err := find(e.object, at)
	switch {
	case err != nil:
		return err
	case r.action == remove && !there:
		return r.missing("there is nothing to delete")
	}
	if _, isMap := found.(map[string]any); r.action == mergeMap && !isMap && found != nil {
		return errors.New("merge needs a map there, and there is something else")
	}
	value, err := e.valueOf(r, at)
	if err != nil {
		return err
	}
	e.put(at, r.action, value)
	if !there {
		return r.missing("there was nothing, so it was added")
	}
	return nil
}

// missing is the error of a rule whose place isn't there, or nil where it may be.
func (r rule) missing(outcome string) error {
	if r.optional {
		return nil
	}
	return missingError(outcome)
}

// missingError says what became of a rule whose place isn't there.
type missingError string

func (m missingError) Error() string {
	return string(m) + `; check the path, or say "optional: true" if it need not be there`
}

// put changes the object at a place that find has been to.
func (e *editing) put(at path, do action, value any) {
	if changed, ok := put(e.object, &e.mine, at, do, value).(map[string]any); ok {
		e.object = changed
	}
}

// valueOf returns what the rule puts in place, encoded as the place needs it.
func (e *editing) valueOf(r rule, at path) (any, error) {
	value := r.value
	if r.action == remove {
		return nil, nil
	}
	if r.action == setTemplate {
		text, err := r.render.run(e.ctx, newAllowance(e.rules.limits, e.rules.now, &e.output))
		if err != nil {
			return nil, err
		}
		value = text
		if !utf8.ValidString(text) && !e.data.holdsBytes(at) {
			return nil, errors.New("the outcome is not UTF-8 text")
		}
	}
	return e.data.encode(at, value)
}
