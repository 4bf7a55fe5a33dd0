package transform

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"text/template/parse"
)

// Context is what the variables of templates stand for. The maps are read,
// never written.
type Context struct {
	TargetNamespace                 string
	SourceNamespace                 string
	SourceName                      string
	TargetName                      string            // the mirror's name
	Labels                          map[string]string // the source's
	Annotations                     map[string]string // the source's
	TargetLabels, TargetAnnotations map[string]string // the target namespace's
}

// A value in a template is a string, an int, a bool, a []string, a
// map[string]string, a *Context (the dot at the top), or nil for a key that
// isn't there.

var errMissing = errors.New(`the template reads a key that isn't there: allow for that with default, as in {{default "x" .Labels.key}}`)

// machine runs one template once.
type machine struct {
	*allowance
	vars []variable
	out  []byte
}

type variable struct {
	name  string
	value any
}

// flow says how a list of nodes ended.
type flow int

const (
	onward flow = iota
	broke
	continued
)

// run renders the template within the allowance. The text may hold any bytes
// that b64dec can make.
func (t *template) run(ctx *Context, a *allowance) (string, error) {
	m := &machine{allowance: a, vars: []variable{{"$", ctx}}}
	if _, err := m.list(t.root, ctx); err != nil {
		return "", err
	}
	return string(m.out), nil
}

func (m *machine) list(l *parse.ListNode, dot any) (flow, error) {
	if l == nil {
		return onward, nil
	}
	for _, n := range l.Nodes {
		if f, err := m.node(n, dot); err != nil || f != onward {
			return f, err
		}
	}
	return onward, nil
}

func (m *machine) node(n parse.Node, dot any) (flow, error) {
	if err := m.work(1); err != nil {
		return onward, err
	}
	switch n := n.(type) {
	case *parse.TextNode:
		return onward, m.print(string(n.Text))
	case *parse.ActionNode:
		v, err := m.pipe(n.Pipe, dot)
		if err != nil || len(n.Pipe.Decl) > 0 {
			return onward, err
		}
		text, err := scalarText(v)
		if err != nil {
			return onward, faultAt(n, err)
		}
		return onward, m.print(text)
	case *parse.IfNode:
		return m.branch(&n.BranchNode, dot, false)
	case *parse.WithNode:
		return m.branch(&n.BranchNode, dot, true)
	case *parse.RangeNode:
		return m.loop(n, dot)
	case *parse.BreakNode:
		return broke, nil
	case *parse.ContinueNode:
		return continued, nil
	}
	return onward, faultAt(n, errors.New("not supported"))
}

func (m *machine) print(text string) error {
	if err := m.write(len(text)); err != nil {
		return err
	}
	m.out = append(m.out, text...)
	return nil
}

// branch runs if, and with, which moves the dot.
func (m *machine) branch(b *parse.BranchNode, dot any, moves bool) (flow, error) {
	defer m.forget(len(m.vars))
	v, err := m.pipe(b.Pipe, dot)
	switch {
	case err != nil:
		return onward, err
	case !isTrue(v):
		return m.list(b.ElseList, dot)
	case moves:
		return m.list(b.List, v)
	}
	return m.list(b.List, dot)
}

// loop runs range over a list, or over a map in the order of its keys. There is
// no range over numbers: all that can be looped over is held by the allowance.
func (m *machine) loop(r *parse.RangeNode, dot any) (flow, error) {
	defer m.forget(len(m.vars))
	v, err := m.pipe(r.Pipe, dot)
	if err != nil {
		return onward, err
	}
	switch v := v.(type) {
	case []string:
		for i, element := range v {
			if done, err := m.turn(r, i, element); done || err != nil {
				return onward, err
			}
		}
		if len(v) > 0 {
			return onward, nil
		}
	case map[string]string:
		if err := m.hold(sizeOf(v)); err != nil {
			return onward, faultAt(r, err)
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if done, err := m.turn(r, key, v[key]); done || err != nil {
				return onward, err
			}
		}
		if len(v) > 0 {
			return onward, nil
		}
	case nil:
		return onward, faultAt(r, errMissing)
	default:
		return onward, faultAt(r, errors.New("range takes a list or a map"))
	}
	return m.list(r.ElseList, dot)
}

// turn runs the body of a range once. One variable takes the element; of two
// the first takes the index or key.
func (m *machine) turn(r *parse.RangeNode, key, element any) (done bool, err error) {
	if err := m.work(1); err != nil {
		return true, err
	}
	defer m.forget(len(m.vars))
	if names := r.Pipe.Decl; len(names) == 1 {
		m.assign(names[0], element)
	} else if len(names) == 2 {
		m.assign(names[0], key)
		m.assign(names[1], element)
	}
	f, err := m.list(r.List, element)
	return f == broke, err
}

// pipe runs a pipeline and puts its value in the variables it declares.
func (m *machine) pipe(p *parse.PipeNode, dot any) (any, error) {
	var piped []any
	for _, c := range p.Cmds {
		v, err := m.command(c, dot, piped)
		if err != nil {
			return nil, faultAt(c, err)
		}
		piped = []any{v}
	}
	for _, v := range p.Decl {
		if p.IsAssign {
			m.assign(v, piped[0])
		} else {
			m.vars = append(m.vars, variable{v.Ident[0], piped[0]})
		}
	}
	return piped[0], nil
}

// command runs a function, with what was piped in as its last argument, or
// fetches a value.
func (m *machine) command(c *parse.CommandNode, dot any, piped []any) (any, error) {
	id, ok := c.Args[0].(*parse.IdentifierNode)
	if !ok {
		return m.arg(c.Args[0], dot)
	}
	f := functions[id.Ident]
	args := make([]any, 0, len(c.Args))
	for _, n := range c.Args[1:] {
		v, err := m.arg(n, dot)
		if err != nil {
			return nil, err
		}
		if f.decides != nil && isTrue(v) == *f.decides {
			return v, nil
		}
		args = append(args, v)
	}
	return f.run(m.allowance, append(args, piped...))
}

// arg fetches one operand.
func (m *machine) arg(n parse.Node, dot any) (any, error) {
	if err := m.work(1); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.StringNode:
		return n.Text, nil
	case *parse.BoolNode:
		return n.True, nil
	case *parse.NumberNode:
		return int(n.Int64), nil
	case *parse.FieldNode:
		v, err := fields(dot, n.Ident)
		return v, faultAt(n, err)
	case *parse.VariableNode:
		v, err := fields(m.variable(n.Ident[0]).value, n.Ident[1:])
		return v, faultAt(n, err)
	case *parse.ChainNode:
		v, err := m.arg(n.Node, dot)
		if err != nil {
			return nil, err
		}
		v, err = fields(v, n.Field)
		return v, faultAt(n, err)
	case *parse.PipeNode:
		return m.pipe(n, dot)
	}
	return nil, faultAt(n, errors.New("not supported"))
}

// fields follows a chain of fields from v. What isn't there is nil, and so is
// all below it.
func fields(v any, names []string) (any, error) {
	for _, name := range names {
		switch from := v.(type) {
		case *Context:
			v = from.variable(name)
		case map[string]string:
			v = lookup(from, name)
		case nil:
		default:
			return nil, errors.New("only maps have keys")
		}
	}
	return v, nil
}

func lookup(from map[string]string, key string) any {
	if v, ok := from[key]; ok {
		return v
	}
	return nil
}

func (c *Context) variable(name string) any {
	switch name {
	case "TargetNamespace":
		return c.TargetNamespace
	case "SourceNamespace":
		return c.SourceNamespace
	case "SourceName":
		return c.SourceName
	case "TargetName":
		return c.TargetName
	case "Labels":
		return c.Labels
	case "Annotations":
		return c.Annotations
	case "TargetLabels":
		return c.TargetLabels
	case "TargetAnnotations":
		return c.TargetAnnotations
	}
	return nil
}

// variable finds the innermost variable of that name. The parser has made sure
// that there is one.
func (m *machine) variable(name string) *variable {
	for i := len(m.vars) - 1; i > 0; i-- {
		if m.vars[i].name == name {
			return &m.vars[i]
		}
	}
	return &m.vars[0]
}

func (m *machine) assign(v *parse.VariableNode, value any) {
	m.variable(v.Ident[0]).value = value
}

// forget drops the variables declared since there were n.
func (m *machine) forget(n int) { m.vars = m.vars[:n] }

// isTrue reports whether a value is there and neither empty, zero nor false.
func isTrue(v any) bool {
	switch v := v.(type) {
	case string:
		return v != ""
	case int:
		return v != 0
	case bool:
		return v
	case []string:
		return len(v) > 0
	case map[string]string:
		return len(v) > 0
	}
	return v != nil
}

// scalarText writes a single value as text.
func scalarText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case nil:
		return "", errMissing
	}
	return "", errors.New("a list or a map isn't text: use join, index or toJson")
}
