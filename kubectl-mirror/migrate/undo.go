package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// Undo is what takes a migration back. It stands in a file before anything is written.
type Undo struct {
	From string `json:"from"`
	Time string `json:"time"`
	// Objects are in the order in which they are to be taken back: a copy isn't ours any more
	// before its source stops asking.
	Objects []Before `json:"objects"`
}

// Before is what an object was like: the keys of its labels and annotations that were to be
// changed, and all of ours. Null stands for a key that wasn't there.
type Before struct {
	APIVersion string    `json:"apiVersion"`
	Resource   string    `json:"resource"`
	Kind       string    `json:"kind"`
	Namespace  string    `json:"namespace"`
	Name       string    `json:"name"`
	UID        types.UID `json:"uid,omitempty"`
	// Made says that it wasn't there, and is to go.
	Made        bool               `json:"made,omitempty"`
	Labels      map[string]*string `json:"labels,omitempty"`
	Annotations map[string]*string `json:"annotations,omitempty"`
	// Finalizer says that ours was there.
	Finalizer bool `json:"finalizer,omitempty"`
}

func (b *Before) String() string { return b.Kind + " " + b.Namespace + "/" + b.Name }

// undoOf is what takes a plan back.
func undoOf(p *Plan, now time.Time) *Undo {
	u := &Undo{From: p.From, Time: now.UTC().Format(time.RFC3339)}
	for i := range p.Sources {
		for _, c := range p.Sources[i].Copies {
			u.add(c)
		}
	}
	for i := range p.Sources {
		u.add(p.Sources[i].Ask)
		u.add(p.Sources[i].LetGo)
	}
	for _, o := range p.Makes() {
		b := before(o)
		b.Made = true
		u.Objects = append(u.Objects, b)
	}
	return u
}

// add remembers what a patch changes.
func (u *Undo) add(p Patch) {
	if p.Empty() {
		return
	}
	i := slices.IndexFunc(u.Objects, func(b Before) bool { return b.UID == p.Object.GetUID() })
	if i < 0 {
		u.Objects = append(u.Objects, before(p.Object))
		i = len(u.Objects) - 1
	}
	remember(u.Objects[i].Labels, p.Object.GetLabels(), p.Labels)
	remember(u.Objects[i].Annotations, p.Object.GetAnnotations(), p.Annotations)
}

func before(o Object) Before {
	b := Before{APIVersion: o.GetAPIVersion(), Resource: o.Resource.Resource, Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(),
		Labels: map[string]*string{}, Annotations: map[string]*string{}, Finalizer: slices.Contains(o.GetFinalizers(), api.Finalizer)}
	for key, value := range o.GetLabels() {
		if isKeyOfOurs(key) {
			b.Labels[key] = &value
		}
	}
	for key, value := range o.GetAnnotations() {
		if isKeyOfOurs(key) {
			b.Annotations[key] = &value
		}
	}
	return b
}

func isKeyOfOurs(key string) bool { return strings.HasPrefix(key, api.Domain+"/") }

func remember(to map[string]*string, have map[string]string, changes map[string]*string) {
	for key := range changes {
		if value, there := have[key]; there {
			to[key] = &value
		} else {
			to[key] = nil
		}
	}
}

// Save writes the file anew, whole or not at all.
func (u *Undo) Save(path string) error {
	text, err := yaml.Marshal(u)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".kubemirror-undo-*") // for its owner alone
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = fmt.Fprintf(file, "# Takes a migration back: kubectl mirror migrate --undo %s\n%s", filepath.Base(path), text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// ReadUndo reads such a file.
func ReadUndo(path string) (*Undo, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the user's own word
	if err != nil {
		return nil, fmt.Errorf("--undo: %w", err)
	}
	u := &Undo{}
	if err := yaml.UnmarshalStrict(text, u); err != nil || u.From == "" {
		return nil, fmt.Errorf("--undo: %s is no file that --apply wrote", path)
	}
	return u, nil
}

// Do takes everything back that is still as the migration left it, and says what of each
// object. It can be done twice.
func (u *Undo) Do(ctx context.Context, client dynamic.Interface, say func(string)) error {
	for i := range u.Objects {
		b := &u.Objects[i]
		gv, err := schema.ParseGroupVersion(b.APIVersion)
		if err != nil {
			return fmt.Errorf("take back %s: %w", b, err)
		}
		text, err := b.restore(ctx, client.Resource(gv.WithResource(b.Resource)).Namespace(b.Namespace))
		if err != nil {
			return fmt.Errorf("take back %s: %w; what was taken back stays so, and --undo can be run again", b, err)
		}
		say(fmt.Sprintf("%s: %s", b, text))
	}
	return nil
}

func (b *Before) restore(ctx context.Context, objects dynamic.ResourceInterface) (said string, err error) {
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		said, err = b.restoreOnce(ctx, objects)
		return err
	})
	return said, err
}

func (b *Before) restoreOnce(ctx context.Context, objects dynamic.ResourceInterface) (string, error) {
	now, err := objects.Get(ctx, b.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return "isn't there any more", nil
	case err != nil:
		return "", err
	case now.GetUID() != b.UID:
		return "is another object by now, and left alone", nil
	}
	patch := b.patch(now)
	said := "is as it was"
	if patch != nil {
		if now, err = objects.Patch(ctx, b.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: asAuthor}); err != nil {
			return "", err
		}
		said = "taken back"
	}
	if !b.Made {
		return said, nil
	}
	uid := now.GetUID()
	err = objects.Delete(ctx, b.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	return "deleted, for it was made", err
}

// patch is what makes an object what it was; nil where it is.
func (b *Before) patch(now *unstructured.Unstructured) []byte {
	metadata := map[string]any{}
	if labels := restored(now.GetLabels(), b.Labels); len(labels) > 0 {
		metadata["labels"] = labels
	}
	if annotations := restored(now.GetAnnotations(), b.Annotations); len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	if !b.Finalizer && slices.Contains(now.GetFinalizers(), api.Finalizer) && now.GetDeletionTimestamp() == nil {
		metadata["finalizers"] = mirror.OthersFinalizers(now.GetFinalizers())
	}
	if len(metadata) == 0 {
		return nil
	}
	metadata["uid"], metadata["resourceVersion"] = now.GetUID(), now.GetResourceVersion()
	text, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		panic(err) // texts can always be encoded
	}
	return text
}

// restored are the changes that bring back what keys were; what we wrote since goes.
func restored(now map[string]string, was map[string]*string) map[string]*string {
	changes := map[string]*string{}
	for key, value := range was {
		if has, there := now[key]; there != (value != nil) || value != nil && *value != has {
			changes[key] = value
		}
	}
	for key := range now {
		if _, known := was[key]; !known && isKeyOfOurs(key) {
			changes[key] = nil
		}
	}
	return changes
}
