package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
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
		if u.GetName() == "" {
			continue // its name is yet to be generated
		}
		one, err := p.changeOf(ctx, c, u)
		if err != nil {
			return nil, err
		}
		if one != nil {
			changes = append(changes, *one)
		}
	}
	if len(changes) == 0 {
		return nil, noSource(objects)
	}
	return changes, nil
}

// changeOf is what the server would make of an object; nil where that is no source and was
// none.
func (p *plan) changeOf(ctx context.Context, c *cluster.Cluster, u *unstructured.Unstructured) (*change, error) {
	t, notMirrored, err := c.TypeOfKind(u.GroupVersionKind().GroupKind())
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("%s %s/%s", t.Resource.GroupResource(), u.GetNamespace(), u.GetName())
	live, err := c.Object(ctx, t, u.GetNamespace(), u.GetName())
	unread := errors.Is(err, cluster.ErrForbidden)
	switch {
	case err != nil && !unread:
		return nil, err
	case !isSource(u) && !isSource(live):
		return nil, nil
	case unread:
		return nil, fmt.Errorf("you may not read %s, which it takes to know whether it is there", what)
	case u.GroupVersionKind().Version != t.Resource.Version:
		return nil, fmt.Errorf("%s is written in version %s, and the controller looks at %s: write it in that one to have it planned", what, u.GroupVersionKind().Version, t.Resource.Version)
	}
	one := &change{kind: t, notMirrored: notMirrored}
	after, err := c.Apply(ctx, t, live, u)
	if err != nil {
		one.refusal = refusal(err)
	}
	one.after = folded(after)
	return one, nil
}

func (p *plan) objects(b *resource.Builder, files resource.FilenameOptions) ([]*unstructured.Unstructured, error) {
	infos, err := b.FilenameParam(false, &files).ContinueOnError().Flatten().Do().Infos()
	if err = utilerrors.FilterOut(err, isUnserved); err != nil {
		return nil, unreadable(err)
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

// isUnserved reports whether an object of the files is of a type that the server doesn't
// have: what comes with its definition in the same files, and is no source yet.
func isUnserved(err error) bool {
	kind := (*meta.NoKindMatchError)(nil)
	return errors.As(err, &kind)
}

// quoted begins what a message of the decoder quotes of an object.
var quoted = regexp.MustCompile(`(?s) in '.*|(?i:error unmarshaling).*|(?:cannot|unable to) (?:unmarshal|decode) .*`)

// unreadable says that files can't be read, without what they hold.
func unreadable(err error) error {
	return fmt.Errorf("the files can't be read: %s", quoted.ReplaceAllString(err.Error(), ""))
}

func noSource(objects []*unstructured.Unstructured) error {
	return fmt.Errorf("none of the %d objects is a source: a source has the label kubemirror.raczylo.com/enabled and the annotation kubemirror.raczylo.com/sync", len(objects))
}

// ownPolicy finds the words of KubeMirror's policies. Another's may quote the object.
var ownPolicy = regexp.MustCompile(`(?s)ValidatingAdmissionPolicy '[^']*-(?:sources|roles|authors|forgeries|mirrors)' with binding '[^']*' denied request: (.*)`)

// refusal is why the server wouldn't take a source: our policy's own words, which are about
// what the source asks for, or else what is known to hold nothing of the object.
func refusal(err error) string {
	status := apierrors.APIStatus(nil)
	if errors.As(err, &status) {
		if found := ownPolicy.FindStringSubmatch(status.Status().Message); found != nil {
			return found[1]
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
	e := &explain.Explainer{Settings: &controller.Settings, Namespaces: namespaces, Reader: nothing{}}
	var all []planned
	for _, u := range objects {
		if !isSource(u) {
			continue
		}
		if u.GetNamespace() == "" {
			u.SetNamespace(*p.flags.Namespace)
		}
		if u.GetNamespace() == "" {
			return fmt.Errorf("%s %s names no namespace, which it takes without a cluster; give one with -n", u.GetKind(), u.GetName())
		}
		plural, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
		t := discovery.Type{Resource: plural, Kind: u.GetKind()}
		c := change{kind: t, notMirrored: discovery.Unlisted(t, controller.ResourceTypes), after: folded(u)}
		one, err := p.planned(context.Background(), e, c, explain.Source{Object: c.after, Type: t, NotMirrored: c.notMirrored})
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return noSource(objects)
	}
	return p.printAll(all)
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
