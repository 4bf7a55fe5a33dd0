package migrate

import (
	"fmt"
	"io"
	"strings"

	"github.com/lukaszraczylo/kubemirror/api"
)

// Print writes a plan for people, with the commands that carry it out. Of what objects hold
// it has nothing but names of keys.
func (p *Plan) Print(to io.Writer) {
	var text strings.Builder
	for i := range p.Sources {
		p.Sources[i].print(&text)
	}
	if len(p.Notes) > 0 {
		text.WriteString("Beside these:\n")
		for _, note := range p.Notes {
			fmt.Fprintf(&text, "  note: %s\n", note)
		}
		text.WriteString("\n")
	}
	fmt.Fprintf(&text, "%s It is decided by %s.\n", p.Sum(), p.Origin)
	_, _ = io.WriteString(to, text.String())
}

// Sum is a plan in one line.
func (p *Plan) Sum() string {
	if p.Nothing() {
		return "Nothing is to be done."
	}
	sources, copies, notes := 0, 0, len(p.Notes)
	for i := range p.Sources {
		t := &p.Sources[i]
		copies += len(t.Copies) + t.Later
		notes += len(t.Notes)
		if len(t.Steps()) > len(t.Copies) || t.Make {
			sources++
		}
	}
	return fmt.Sprintf("%s and %s are to be changed; %s.", count(sources, "source"), count(copies, "copy"), count(notes, "note"))
}

func (t *Takeover) print(to io.Writer) {
	steps := t.Steps()
	if len(steps) == 0 && !t.Make && len(t.Notes) == 0 {
		return
	}
	become := "become mirrors where they are"
	if len(t.Copies)+t.Later == 1 {
		become = "becomes a mirror where it is"
	}
	_, _ = fmt.Fprintf(to, "%s: %s %s, %s to be made", t.Source, count(len(t.Copies)+t.Later, "copy"), become, count(len(t.New), "mirror"))
	if len(t.New) > 0 {
		_, _ = fmt.Fprintf(to, " (%s)", some(t.New))
	}
	_, _ = fmt.Fprintln(to)
	for _, note := range t.Notes {
		_, _ = fmt.Fprintf(to, "  note: %s\n", note)
	}
	if t.Make {
		data, _ := t.Source.Object["data"].(map[string]any)
		_, _ = fmt.Fprintf(to, "  --apply makes it, with the keys %s, to go to %s, and then marks the copies\n", strings.Join(keysOf(data, nil), ", "), t.Source.GetAnnotations()[api.AnnotationTargetNamespaces])
	}
	for _, step := range steps {
		_, _ = fmt.Fprintln(to, "  "+step.Command())
	}
	_, _ = fmt.Fprintln(to)
}

// some are the first of many names.
func some(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// Command is the patch as it can be pasted into a shell.
func (p Patch) Command() string {
	return fmt.Sprintf("kubectl -n %s patch %s %s --field-manager=%s --type=merge -p %s",
		p.Object.GetNamespace(), p.Object.Resource.GroupResource(), p.Object.GetName(), p.Manager, quote(string(p.Merge(false))))
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
