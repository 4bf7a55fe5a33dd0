package transform

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Name is a mirror's name or the template of one, ready to be rendered. It
// never changes. The zero value is no name: get one from ParseName.
type Name struct {
	plain  string
	render *template // nil where the name is plain
	limits Limits
}

// ParseName reads a mirror's name: a plain name, or a template with the
// variables and functions of rules, less .TargetName (contract, D/target-name).
// Spaces around it don't count.
func ParseName(text string, limits Limits) (Name, error) {
	n := Name{plain: strings.TrimSpace(text), limits: limits.withDefaults()}
	if len(text) > n.limits.MaxSize {
		return Name{}, fmt.Errorf("reading the target name: it takes %d bytes and the limit is %d", len(text), n.limits.MaxSize)
	}
	var err error
	if !strings.Contains(text, "{{") {
		err = checkName(n.plain)
	} else if n.render, err = compile(n.plain); err == nil && n.render.readsName {
		err = errors.New("a name can't be made from .TargetName, which is the name itself")
	}
	if err != nil {
		return Name{}, fmt.Errorf("reading the target name: %w", err)
	}
	return n, nil
}

// Reads is what the name's template reads of the metadata of a target's namespace.
func (n Name) Reads() TargetMetadata {
	if n.render == nil {
		return TargetMetadata{}
	}
	return n.render.readsMetadata
}

// Render returns the name for one target, always a valid one. Errors hold
// neither the template nor what it gave.
func (n Name) Render(ctx Context) (string, error) {
	name := n.plain
	if n.render != nil {
		output := n.limits.MaxOutput
		text, err := n.render.run(&ctx, newAllowance(n.limits, time.Now, &output))
		if err != nil {
			return "", fmt.Errorf("rendering the target name: %w", err)
		}
		name = strings.TrimSpace(text)
	}
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("rendering the target name: %w", err)
	}
	return name, nil
}

// checkName refuses what can't be the name of an object.
func checkName(name string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return errors.New("the outcome isn't a valid name: up to 253 lower-case letters, digits, - and ., with a letter or digit at both ends")
	}
	return nil
}
