package cleanup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/retry"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/discovery"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

const (
	// pageSize is how many objects are asked for at a time.
	pageSize = 500
	// requestTimeout bounds each request.
	requestTimeout = time.Minute
)

// clean cleans up the objects of a type: mirrors first, then whatever has our
// finalizer or status.
func (c Config) clean(ctx context.Context, t discovery.Type) count {
	var n count
	objects := c.Metadata.Resource(t.Resource)
	if c.DeleteMirrors {
		err := each(ctx, objects, api.LabelMirror+"=true", func(o *metav1.PartialObjectMetadata) {
			if o.DeletionTimestamp != nil {
				return
			}
			if done, err := change(ctx, objects, o, c.deleteMirror(t.Resource.GroupResource())); err != nil {
				n.fail(fmt.Errorf("delete the mirror %s/%s: %w", o.Namespace, o.Name, err))
			} else if done && staysBehind(t.Resource.GroupResource(), o) {
				n.left++
			} else if done {
				n.deleted++
			}
		})
		if err != nil {
			n.fail(fmt.Errorf("list its mirrors: %w", err))
			return n
		}
	}
	err := each(ctx, objects, "", func(o *metav1.PartialObjectMetadata) {
		if done, err := change(ctx, objects, o, c.release(t.Resource)); err != nil {
			n.fail(fmt.Errorf("release %s/%s: %w", o.Namespace, o.Name, err))
		} else if done {
			n.released++
		}
	})
	if err != nil {
		n.fail(fmt.Errorf("list its objects: %w", err))
	}
	return n
}

// each calls do with each object of a type, page by page. When the server has
// forgotten the state that the pages are of, it goes on in the present one: what
// it may have missed has come since, and what it sees again is no harm.
func each(ctx context.Context, objects metadata.Getter, selector string, do func(*metav1.PartialObjectMetadata)) error {
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		list, err := page(ctx, objects, options)
		switch {
		case apierrors.IsResourceExpired(err) && options.Continue != "":
			options.Continue = anew(err)
			continue
		case apierrors.IsNotFound(err): // the type has gone, and its objects before it
			return nil
		case err != nil:
			return err
		}
		for i := range list.Items {
			if err := ctx.Err(); err != nil {
				return err
			}
			do(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return nil
		}
	}
}

func page(ctx context.Context, objects metadata.Getter, options metav1.ListOptions) (*metav1.PartialObjectMetadataList, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return objects.List(ctx, options)
}

// anew is where to go on in the present state, or empty for the beginning.
func anew(expired error) string {
	if status := apierrors.APIStatus(nil); errors.As(expired, &status) {
		return status.Status().Continue
	}
	return ""
}

// mutation does one thing to an object in just the form that it was seen in. It
// reports whether there was something to do.
type mutation func(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata) (bool, error)

// change applies the mutation, and where somebody else was faster, to what they made
// of the object. An object that has gone is none to change.
func change(ctx context.Context, all metadata.Getter, o *metav1.PartialObjectMetadata, mutate mutation) (changed bool, err error) {
	name, objects := o.Name, all.Namespace(o.Namespace)
	err = retry.RetryOnConflict(retry.DefaultRetry, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if o == nil { // there was a conflict
			if o, err = objects.Get(ctx, name, metav1.GetOptions{}); err != nil {
				return err
			}
		}
		changed, err = mutate(ctx, objects, o)
		o = nil
		return err
	})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return changed && err == nil, err
}

// sourceAllowed reports whether sources of a namespace, and their mirrors, are to be
// cleaned up.
func (c Config) sourceAllowed(namespace string) bool {
	return c.SourceNamespaces.Empty() || c.SourceNamespaces.Match(namespace)
}

// deleteMirror deletes an object of a type, or leaves it behind, if it is a mirror of an allowed source:
// what has the label alone, as a child of a mirror may, is somebody else's (I1).
// Where not all sources are allowed, a mirror that doesn't say where its source is may
// be anybody's.
func (c Config) deleteMirror(resource schema.GroupResource) mutation {
	return func(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata) (bool, error) {
		from, said := o.Annotations[api.AnnotationSourceNamespace]
		if !mirror.StandingOf(resource, o).IsMirror() || !said && !c.SourceNamespaces.Empty() || !c.sourceAllowed(from) {
			return false, nil
		}
		if staysBehind(resource, o) {
			patch, err := json.Marshal(map[string]any{"metadata": mirror.LeaveBehind(mirror.NewRecord(resource, o).Identity)})
			if err == nil {
				_, err = objects.Patch(ctx, o.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: api.FieldManager})
			}
			return true, err
		}
		return true, objects.Delete(ctx, o.Name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion},
			// A Job's Pods would outlive it otherwise.
			PropagationPolicy: new(metav1.DeletePropagationBackground),
		})
	}
}

// staysBehind reports whether a mirror is to stay, less what makes it one: its source said so.
func staysBehind(resource schema.GroupResource, o *metav1.PartialObjectMetadata) bool {
	return mirror.NewRecord(resource, o).StaysBehind(nil, false)
}

// release takes our finalizer and our status off the object, if it is in an allowed
// namespace.
func (c Config) release(resource schema.GroupVersionResource) mutation {
	return func(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata) (bool, error) {
		switch {
		case !c.sourceAllowed(o.Namespace):
			return false, nil
		case mirror.HoldsLast(o):
			return true, c.letGo(ctx, resource, o)
		}
		return takeOff(ctx, objects, o)
	}
}

// letGo takes the last finalizer off an object that is being deleted, by the one request
// that can't meet another object of its name; package mirror says why.
func (c Config) letGo(ctx context.Context, resource schema.GroupVersionResource, o *metav1.PartialObjectMetadata) error {
	whole, err := c.Objects.Get(ctx, resource, o.Namespace, o.Name)
	if err != nil {
		return err
	}
	body, err := mirror.LetGo(resource.GroupResource(), whole, o.UID)
	if err != nil {
		return err
	}
	_, err = c.Objects.Update(ctx, resource, o.Namespace, o.Name, body, metav1.UpdateOptions{FieldManager: api.FieldManager, FieldValidation: metav1.FieldValidationIgnore})
	return err
}

func takeOff(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata) (bool, error) {
	// The patch gives the whole list of finalizers: the resource version keeps it from
	// undoing what others do to it.
	fields := map[string]any{"uid": o.UID, "resourceVersion": o.ResourceVersion}
	traces := false
	if slices.Contains(o.Finalizers, api.Finalizer) {
		traces = true
		fields["finalizers"] = mirror.OthersFinalizers(o.Finalizers)
	}
	annotations := map[string]any{}
	for _, key := range []string{api.AnnotationSyncStatus, api.AnnotationFailedTargets} {
		if _, there := o.Annotations[key]; there {
			traces = true
			annotations[key] = nil
			fields["annotations"] = annotations
		}
	}
	if !traces {
		return false, nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": fields})
	if err != nil {
		return true, err
	}
	_, err = objects.Patch(ctx, o.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: api.FieldManager})
	return true, err
}
