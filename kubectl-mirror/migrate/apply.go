package migrate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Applying is a plan that is carried out.
type Applying struct {
	System  System
	Clients Clients
	Options Options
	// Stopped says that the old controller is known not to run.
	Stopped bool
	// Dir is where the undo file goes.
	Dir string
	// Say is called for each thing done.
	Say func(string)
}

// Do carries a plan out, after everything has been tried and the way back is on disk.
func (a Applying) Do(ctx context.Context, p *Plan) error {
	if !a.Stopped {
		if err := a.System.stopped(ctx, a.Clients.Dynamic); err != nil {
			return err
		}
	}
	if err := a.try(ctx, p); err != nil {
		return err
	}
	path := filepath.Join(a.Dir, "kubemirror-undo-"+a.Options.Now.UTC().Format("20060102T150405Z")+".yaml")
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already; try again in a second", path)
	}
	undo := undoOf(p, a.Options.Now)
	if err := undo.Save(path); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	a.Say(path + " takes it back, with --undo")
	if len(p.Makes()) > 0 {
		again, err := a.makeSources(ctx, p, undo, path)
		if err != nil {
			return err
		}
		p = again
	}
	for i := range p.Sources {
		for _, step := range p.Sources[i].Steps() {
			if err := write(ctx, a.Clients.Dynamic, step, nil); err != nil {
				return fmt.Errorf("%w; what was written so far harms nothing: run it again", err)
			}
			a.Say(step.Object.String() + " patched")
		}
	}
	return nil
}

// try asks the server of each write whether it would take it.
func (a Applying) try(ctx context.Context, p *Plan) error {
	for _, o := range p.Makes() {
		if _, err := a.create(ctx, o, []string{metav1.DryRunAll}); err != nil {
			return fmt.Errorf("nothing was written: %w", err)
		}
	}
	for _, step := range p.Steps() {
		if err := write(ctx, a.Clients.Dynamic, step, []string{metav1.DryRunAll}); err != nil {
			return fmt.Errorf("nothing was written: %w", err)
		}
	}
	return nil
}

// makeSources makes the sources that there were none of, and plans anew: their copies are
// marked with their UIDs.
func (a Applying) makeSources(ctx context.Context, p *Plan, undo *Undo, path string) (*Plan, error) {
	for _, o := range p.Makes() {
		uid, err := a.create(ctx, o, nil)
		if err != nil {
			return nil, err
		}
		for i := range undo.Objects {
			if b := &undo.Objects[i]; b.Made && b.Namespace == o.GetNamespace() && b.Name == o.GetName() {
				b.UID = uid
			}
		}
		if err := undo.Save(path); err != nil {
			return nil, err
		}
		a.Say(o.String() + " made")
	}
	c, err := a.System.Read(ctx, a.Clients)
	if err != nil {
		return nil, err
	}
	again := a.System.Plan(c, a.Options)
	more := undoOf(again, a.Options.Now)
	for _, b := range undo.Objects {
		if b.Made {
			more.Objects = append(more.Objects, b)
		}
	}
	if err := a.try(ctx, again); err != nil {
		return nil, err
	}
	return again, more.Save(path)
}

func (a Applying) create(ctx context.Context, o Object, dryRun []string) (types.UID, error) {
	made, err := a.Clients.Dynamic.Resource(o.Resource).Namespace(o.GetNamespace()).Create(ctx, o.Unstructured, metav1.CreateOptions{FieldManager: asAuthor, DryRun: dryRun})
	if err != nil {
		return "", fmt.Errorf("create %s: %w", o, explained(err))
	}
	return made.GetUID(), nil
}

// write sends a patch, of which the server refuses what isn't for the object as it was read.
func write(ctx context.Context, client dynamic.Interface, p Patch, dryRun []string) error {
	_, err := client.Resource(p.Object.Resource).Namespace(p.Object.GetNamespace()).
		Patch(ctx, p.Object.GetName(), types.MergePatchType, p.Merge(true), metav1.PatchOptions{FieldManager: p.Manager, DryRun: dryRun})
	if err != nil {
		return fmt.Errorf("patch %s: %w", p.Object, explained(err))
	}
	return nil
}

// explained says what to do about an error.
func explained(err error) error {
	switch {
	case apierrors.IsConflict(err):
		return fmt.Errorf("it has changed since it was read, so run it again: %w", err)
	case strings.Contains(err.Error(), "ValidatingAdmissionPolicy") && strings.Contains(err.Error(), "only KubeMirror"):
		return fmt.Errorf("%w. The chart's policy on forgeries is there: migrate before the chart is installed, or as one of policies.trustedUsers or policies.trustedGroups", err)
	}
	return err
}

// now is the moment of a run.
func now() time.Time { return time.Now().Truncate(time.Second) }
