package transform

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rules is a set of rules, ready to be applied to any number of objects. It
// never changes, so several goroutines may share one. The zero value has no
// rules.
type Rules struct {
	rules  []rule
	limits Limits
	now    func() time.Time // the clock of the time limit; tests put their own
}

// rule is one rule: what to do, where, and for which namespaces.
type rule struct {
	text    string // the path as it was written
	path    path
	pattern string // of namespaces; empty for all
	action  action
	value   any       // of setValue and mergeMap (there a map[string]any)
	render  *template // of setTemplate
	keep    *keepList // of keepKeys
	// fromText and from are of copyFrom, as text and path are.
	fromText string
	from     path
	// move says that what is copied is taken away where it was.
	move bool
	// optional says that it is no problem if there is nothing at the path.
	optional bool
}

type action int

const (
	noAction action = iota
	setValue
	setTemplate
	mergeMap
	remove
	keepKeys
	copyFrom
)

// Parse reads a rule set: YAML with a list under "rules", each with a path, one
// of value, template, merge, delete, keep and from, and perhaps a namespacePattern
// and optional (contract, D/transform). It refuses the whole set where any part can't be
// read, breaks a limit, or touches what is protected, so that nothing goes out
// half transformed. Errors name rule, path and line, never content.
func Parse(text string, limits Limits) (Rules, error) {
	r := Rules{limits: limits.withDefaults(), now: time.Now}
	if len(text) > r.limits.MaxSize {
		return Rules{}, fmt.Errorf("reading the rules: they take %d bytes and the limit is %d", len(text), r.limits.MaxSize)
	}
	list, err := listOfRules(text)
	if err != nil {
		return Rules{}, fmt.Errorf("reading the rules: %w", err)
	}
	if len(list) > r.limits.MaxRules {
		return Rules{}, fmt.Errorf("reading the rules: there are %d and the limit is %d", len(list), r.limits.MaxRules)
	}
	for i, n := range list {
		one, err := parseRule(n)
		if err != nil {
			return Rules{}, fmt.Errorf("reading rule %d%s: %w", i+1, one.where(), err)
		}
		r.rules = append(r.rules, one)
	}
	return r, nil
}

// listOfRules finds the nodes of the single rules.
func listOfRules(text string) ([]*yaml.Node, error) {
	top, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	var list *yaml.Node
	err = fieldsOf(top, func(key, value *yaml.Node) error {
		if key.Value != "rules" {
			return lineError(key, `unknown field: at the top there is only "rules"`)
		}
		list = value
		return nil
	})
	if err != nil {
		return nil, err
	}
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil, errors.New(`expected a list under "rules"`)
	}
	return list.Content, nil
}

// parseRule reads one rule. Where it fails, the rule holds the path if that
// much could be read.
func parseRule(n *yaml.Node) (rule, error) {
	var r rule
	actions := 0
	err := fieldsOf(n, func(key, value *yaml.Node) error {
		found, err := r.field(key, value)
		if found != noAction {
			r.action = found
			actions++
		}
		return err
	})
	switch {
	case err != nil:
		return r, err
	case r.path == nil:
		return r, lineError(n, "path is missing")
	case actions != 1:
		return r, lineError(n, "a rule takes exactly one of value, template, merge, keep, from and delete: true")
	case r.move && r.action != copyFrom:
		return r, lineError(n, "move goes together with from")
	}
	return r, checkProtected(r)
}

// field reads one field into the rule and tells which action it asks for.
func (r *rule) field(key, value *yaml.Node) (found action, err error) {
	switch key.Value {
	case "path":
		r.text, r.path, err = pathOf(value)
		return noAction, err
	case "namespacePattern":
		if r.pattern, err = textOf(value); err == nil {
			err = checkPattern(r.pattern)
		}
		return noAction, err
	case "optional":
		r.optional, err = switchOf(key, value)
		return noAction, err
	case "move":
		r.move, err = switchOf(key, value)
		return noAction, err
	case "from":
		r.fromText, r.from, err = pathOf(value)
		return copyFrom, err
	case "keep":
		r.keep, err = keepListOf(value)
		return keepKeys, err
	case "value":
		r.value, err = valueOf(value)
		return setValue, err
	case "template":
		text, err := textOf(value)
		if err == nil {
			r.render, err = compile(text)
		}
		return setTemplate, err
	case "merge":
		if value.Kind != yaml.MappingNode {
			return mergeMap, lineError(value, "merge takes a map")
		}
		r.value, err = valueOf(value)
		return mergeMap, err
	case "delete":
		v, err := valueOf(value)
		if yes, ok := v.(bool); err == nil && !ok {
			return remove, lineError(value, "delete takes true")
		} else if !yes {
			return noAction, err
		}
		return remove, err
	}
	return noAction, lineError(key, "unknown field: a rule takes path, value, template, merge, delete, keep, from, move, namespacePattern and optional")
}

func pathOf(n *yaml.Node) (text string, p path, err error) {
	if text, err = textOf(n); err == nil {
		p, err = parsePath(text)
	}
	return text, p, err
}

func switchOf(key, n *yaml.Node) (bool, error) {
	v, err := valueOf(n)
	yes, ok := v.(bool)
	if err == nil && !ok {
		err = lineError(n, key.Value+" takes true or false")
	}
	return yes, err
}

// where names the rule's path for an error, if there is one.
func (r rule) where() string {
	if r.path == nil {
		return ""
	}
	return " (" + r.text + ")"
}

// Namespace names hold nothing else, so a pattern with other characters could
// never match, and those that are special elsewhere ([, {, \) have no meaning.
var patternForm = regexp.MustCompile(`^[a-z0-9*?-]*$`)

func checkPattern(text string) error {
	if !patternForm.MatchString(text) {
		return errors.New("namespacePattern holds lower-case letters, digits, -, * and ? only")
	}
	return nil
}

// isForAll reports whether the rule is meant for every namespace.
func (r rule) isForAll() bool { return strings.Trim(r.pattern, "*") == "" }

// Reads is what the rules read of the metadata of a target's namespace.
func (r Rules) Reads() (reads TargetMetadata) {
	for _, one := range r.rules {
		if one.render != nil {
			reads = reads.And(one.render.readsMetadata)
		}
	}
	return reads
}

// DependsOnTarget reports whether the outcome can differ between targets of one
// source. Where it is false, one Apply does for all of them.
func (r Rules) DependsOnTarget() bool {
	for _, one := range r.rules {
		if !one.isForAll() || one.render != nil && one.render.readsTarget {
			return true
		}
	}
	return false
}
