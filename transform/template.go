package transform

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"text/template/parse"
)

// template is a template that has been read and checked, ready to run.
type template struct {
	root *parse.ListNode
	// readsTarget reports whether it reads a variable that differs by target.
	readsTarget bool
	// readsMetadata is what of the target namespace's metadata it reads.
	readsMetadata TargetMetadata
	// readsName reports whether it reads the mirror's name.
	readsName bool
}

// TargetMetadata says which of the metadata of a target's namespace templates read: a
// change of the rest changes nothing of what they give.
type TargetMetadata struct{ Labels, Annotations bool }

// And is what both read.
func (m TargetMetadata) And(other TargetMetadata) TargetMetadata {
	return TargetMetadata{m.Labels || other.Labels, m.Annotations || other.Annotations}
}

// fault is what is wrong at one place of a template. It tells the byte and
// leaves out the text there, which is a rule's content.
type fault struct {
	position int // from 1
	reason   string
}

func (f fault) Error() string {
	return fmt.Sprintf("%s (byte %d of the template)", f.reason, f.position)
}

// faultAt puts a place to an error that has none.
func faultAt(n parse.Node, err error) error {
	if _, ok := errors.AsType[fault](err); ok || err == nil {
		return err
	}
	return fault{int(n.Position()) + 1, err.Error()}
}

var templateLine = regexp.MustCompile(`^template: template:(\d+):`)

// compile reads a template and refuses everything that the evaluator doesn't
// run, so that a mistake shows before the first target and not at the last.
func compile(text string) (*template, error) {
	tree := parse.New("template")
	tree.Mode = parse.SkipFuncCheck // command does it, and doesn't quote names
	trees := map[string]*parse.Tree{}
	tree, err := tree.Parse(text, "", "", trees)
	if err != nil {
		if line := templateLine.FindStringSubmatch(err.Error()); line != nil {
			return nil, fmt.Errorf("the template can't be read: see its line %s", line[1])
		}
		return nil, errors.New("the template can't be read")
	}
	for _, defined := range trees {
		if defined != tree {
			return nil, errors.New("the template defines another one: define and block are not supported")
		}
	}
	t := &template{root: tree.Root}
	return t, t.list(tree.Root)
}

// list checks the nodes of a list, which may be nil.
func (t *template) list(l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := t.node(n); err != nil {
			return faultAt(n, err)
		}
	}
	return nil
}

func (t *template) node(n parse.Node) error {
	switch n := n.(type) {
	case *parse.TextNode, *parse.BreakNode, *parse.ContinueNode:
		return nil
	case *parse.ActionNode:
		return t.pipe(n.Pipe)
	case *parse.IfNode:
		return t.branch(&n.BranchNode)
	case *parse.WithNode:
		return t.branch(&n.BranchNode)
	case *parse.RangeNode:
		return t.branch(&n.BranchNode)
	default:
		return errors.New("templates can't call templates")
	}
}

func (t *template) branch(b *parse.BranchNode) error {
	if err := t.pipe(b.Pipe); err != nil {
		return err
	}
	if err := t.list(b.List); err != nil {
		return err
	}
	return t.list(b.ElseList)
}

// pipe checks the variables and the commands of a pipeline.
func (t *template) pipe(p *parse.PipeNode) error {
	for _, v := range p.Decl {
		if v.Ident[0] == "$" {
			return faultAt(v, errors.New("$ can't be assigned to"))
		}
	}
	for i, c := range p.Cmds {
		if err := t.command(c, i > 0); err != nil {
			return faultAt(c, err)
		}
	}
	return nil
}

// command checks a function with its arguments, or a value by itself.
func (t *template) command(c *parse.CommandNode, piped bool) error {
	args := c.Args
	if id, ok := args[0].(*parse.IdentifierNode); ok {
		f, ok := functions[id.Ident]
		if !ok {
			return errors.New("there is no such function here: there are " + functionNames)
		}
		args = args[1:]
		if err := f.accepts(args, piped); err != nil {
			return err
		}
	} else if piped || len(args) > 1 {
		return errors.New("only functions take arguments")
	}
	for _, n := range args {
		if err := t.arg(n); err != nil {
			return faultAt(n, err)
		}
	}
	return nil
}

// arg checks one operand.
func (t *template) arg(n parse.Node) error {
	switch n := n.(type) {
	case *parse.DotNode, *parse.StringNode, *parse.BoolNode:
		return nil
	case *parse.NumberNode:
		if _, err := strconv.ParseInt(n.Text, 0, strconv.IntSize); err != nil && n.Text[0] != '\'' {
			return errors.New("only whole numbers are supported")
		}
		return nil
	case *parse.FieldNode:
		t.reads(n.Ident)
		return nil
	case *parse.VariableNode:
		t.reads(n.Ident[1:])
		return nil
	case *parse.ChainNode:
		t.reads(n.Field)
		return t.arg(n.Node)
	case *parse.PipeNode:
		return t.pipe(n)
	case *parse.IdentifierNode:
		return errors.New("a function with arguments goes in parentheses")
	default:
		return errors.New("nil is not supported")
	}
}

// reads notes the variables of the target. A field of that name below
// something else counts as well, which costs no more than work done twice.
func (t *template) reads(fields []string) {
	t.readsName = t.readsName || slices.Contains(fields, "TargetName")
	t.readsMetadata.Labels = t.readsMetadata.Labels || slices.Contains(fields, "TargetLabels")
	t.readsMetadata.Annotations = t.readsMetadata.Annotations || slices.Contains(fields, "TargetAnnotations")
	t.readsTarget = t.readsTarget || t.readsName || t.readsMetadata != TargetMetadata{} || slices.Contains(fields, "TargetNamespace")
}
