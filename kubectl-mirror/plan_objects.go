package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/cluster"
	"github.com/lukaszraczylo/kubemirror/kubectl-mirror/explain"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// fromFiles reads what is to be applied, and asks the server what it would make of it.
func (p *plan) fromFiles(ctx context.Context, c *cluster.Cluster) ([]change, error) {
	objects, err := p.objects(resource.NewBuilder(p.flags).Unstructured().NamespaceParam(c.Namespace).DefaultNamespace(), p.files)
	if err != nil {
		return nil, err
	}
	done := p.busy("asking the server what it would make of the files")
	defer done()
	var changes []change
	for _, u := range objects {
		t, notMirrored, err := c.TypeOf(u.GroupVersionKind().GroupKind().String())
		if err != nil {
			if isSource(u) {
				return nil, fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
			}
			continue
		}
		live, err := c.Object(ctx, t, u.GetNamespace(), u.GetName())
		if err != nil && !apierrors.IsForbidden(err) {
			return nil, err
		}
		if !isSource(u) && !isSource(live) {
			continue
		}
		after, err := c.Apply(ctx, t, live, u)
		change := change{kind: t, notMirrored: notMirrored, before: live, after: after}
		if err != nil {
			change.refusal = refusal(err)
		}
		changes = append(changes, change)
	}
	return some(changes, objects)
}

func (p *plan) objects(b *resource.Builder, files resource.FilenameOptions) ([]*unstructured.Unstructured, error) {
	infos, err := b.FilenameParam(false, &files).Flatten().Do().Infos()
	if err != nil {
		return nil, fmt.Errorf("the files can't be read: %w", err)
	}
	var objects []*unstructured.Unstructured
	for _, info := range infos {
		if u, ok := info.Object.(*unstructured.Unstructured); ok {
			if u.GetNamespace() == "" && info.Namespaced() {
				u.SetNamespace(info.Namespace)
			}
			objects = append(objects, u)
		}
	}
	return objects, nil
}

func some(changes []change, objects []*unstructured.Unstructured) ([]change, error) {
	if len(changes) == 0 {
		return nil, fmt.Errorf("none of the %d objects is a source: a source has the label kubemirror.raczylo.com/enabled and the annotation kubemirror.raczylo.com/sync", len(objects))
	}
	return changes, nil
}

// refusal is why the server wouldn't take a source: a policy's own words, which are about
// what the source asks for, or else what is known to hold nothing of the object.
func refusal(err error) string {
	status := apierrors.APIStatus(nil)
	if errors.As(err, &status) {
		if _, words, found := strings.Cut(status.Status().Message, "denied request: "); found {
			return words
		}
	}
	if mirror.LacksRight(err) {
		return "you may not write it there"
	}
	return mirror.WriteProblem("dry run", err).Text
}

// offline says what would be made of files in a cluster that has the namespaces of another.
func (p *plan) offline() error {
	controller, err := cluster.ControllerOf(p.controllerFlags)
	if err != nil {
		return err
	}
	namespaces, err := p.namespacesIn(p.namespaces)
	if err != nil {
		return err
	}
	objects, err := p.objects(resource.NewLocalBuilder().Unstructured().Local(), p.files)
	if err != nil {
		return err
	}
	var changes []change
	for _, u := range objects {
		if !isSource(u) {
			continue
		}
		if u.GetNamespace() == "" {
			return fmt.Errorf("%s %s names no namespace, which it takes without a cluster", u.GetKind(), u.GetName())
		}
		plural, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
		t := discovery.Type{Resource: plural, Kind: u.GetKind()}
		changes = append(changes, change{kind: t, notMirrored: discovery.Unlisted(t, controller.ResourceTypes), after: folded(u)})
	}
	if changes, err = some(changes, objects); err != nil {
		return err
	}
	e := &explain.Explainer{Settings: &controller.Settings, Namespaces: namespaces, Reader: nothing{}}
	var end error
	for _, change := range changes {
		report := e.Explain(context.Background(), explain.Source{Object: change.after, Type: change.kind, NotMirrored: change.notMirrored})
		if err := p.print(context.Background(), nothing{}, change, &report); err != nil {
			end = err
		}
	}
	return end
}

// namespacesIn reads the namespaces of a file.
func (p *plan) namespacesIn(file string) (map[string]*mirror.Namespace, error) {
	objects, err := p.objects(resource.NewLocalBuilder().Unstructured().Local(), resource.FilenameOptions{Filenames: []string{file}})
	if err != nil {
		return nil, err
	}
	all := map[string]*mirror.Namespace{}
	for _, u := range objects {
		if u.GetKind() == "Namespace" && u.GetAPIVersion() == "v1" {
			all[u.GetName()] = cluster.NamespaceOf(u)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no Namespace in %s; make it with kubectl get namespaces -o yaml", file)
	}
	return all, nil
}

// folded is a Secret as the server keeps it: what is in stringData is in data.
func folded(u *unstructured.Unstructured) *unstructured.Unstructured {
	texts, found, _ := unstructured.NestedStringMap(u.Object, "stringData")
	if !found || u.GetKind() != "Secret" || u.GetAPIVersion() != "v1" {
		return u
	}
	u = u.DeepCopy()
	data, _, _ := unstructured.NestedMap(u.Object, "data")
	if data == nil {
		data = map[string]any{}
	}
	for key, text := range texts {
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	u.Object["data"] = data
	delete(u.Object, "stringData")
	return u
}

// nothing is what is read of no cluster.
type nothing struct{}

func (nothing) Existing(context.Context, schema.GroupVersionResource, string, string) (*metav1.PartialObjectMetadata, error) {
	return nil, nil
}

func (nothing) Whole(context.Context, schema.GroupVersionResource, string, string) (*unstructured.Unstructured, error) {
	return nil, nil
}

func (nothing) Try(context.Context, schema.GroupVersionResource, *unstructured.Unstructured) error {
	return nil
}

// copyOf is an object's own copy, made of what JSON is made of.
func copyOf(object any) map[string]any {
	text, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	var c map[string]any
	_ = json.Unmarshal(text, &c)
	return c
}
