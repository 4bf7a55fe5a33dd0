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
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
)

// What KubeMirror leaves on objects.
const (
	domain        = "kubemirror.raczylo.com"
	labelMirror   = domain + "/mirror"
	finalizer     = domain + "/finalizer"
	syncStatus    = domain + "/sync-status"
	failedTargets = domain + "/failed-targets"
)

const (
	// pageSize is how many objects are asked for at a time.
	pageSize = 500
	// attempts is how often an object is tried that others change at the same time.
	attempts = 5
	// requestTimeout bounds each request.
	requestTimeout = time.Minute
)

// clean cleans up the objects of a type: mirrors first, then whatever has our
// finalizer or status.
func (c Config) clean(ctx context.Context, t servedType) count {
	var n count
	objects := c.Metadata.Resource(t.resource)
	if c.DeleteMirrors {
		err := each(ctx, objects, labelMirror+"=true", func(o *metav1.PartialObjectMetadata) {
			if o.DeletionTimestamp != nil {
				return
			}
			if done, err := settle(ctx, objects, o, deleteMirror); err != nil {
				n.fail(fmt.Errorf("delete the mirror %s/%s: %w", o.Namespace, o.Name, err))
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
		if done, err := settle(ctx, objects, o, release); err != nil {
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

// step does one thing to an object in just the form that it was seen in. It says
// whether there was something to do.
type step func(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata) (bool, error)

// settle takes the step, and looks again when somebody else was faster.
func settle(ctx context.Context, all metadata.Getter, o *metav1.PartialObjectMetadata, take step) (bool, error) {
	objects := all.Namespace(o.Namespace)
	for attempt := 1; ; attempt++ {
		done, err := once(ctx, objects, o, take)
		switch {
		case apierrors.IsNotFound(err):
			return false, nil
		case !apierrors.IsConflict(err) || attempt == attempts:
			return done && err == nil, err
		}
		if o, err = objects.Get(ctx, o.Name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
}

func once(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata, take step) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return take(ctx, objects, o)
}

// deleteMirror deletes the object if it is a mirror.
func deleteMirror(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata) (bool, error) {
	if o.Labels[labelMirror] != "true" {
		return false, nil
	}
	return true, objects.Delete(ctx, o.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &o.UID, ResourceVersion: &o.ResourceVersion},
		// A Job's Pods would outlive it otherwise.
		PropagationPolicy: new(metav1.DeletePropagationBackground),
	})
}

// release takes our finalizer and our status off the object.
func release(ctx context.Context, objects metadata.ResourceInterface, o *metav1.PartialObjectMetadata) (bool, error) {
	// The patch gives the whole list of finalizers: the resource version keeps it from
	// undoing what others do to it.
	fields := map[string]any{"uid": o.UID, "resourceVersion": o.ResourceVersion}
	traces := false
	if slices.Contains(o.Finalizers, finalizer) {
		traces = true
		fields["finalizers"] = slices.DeleteFunc(slices.Clone(o.Finalizers), func(f string) bool { return f == finalizer })
	}
	annotations := map[string]any{}
	for _, key := range []string{syncStatus, failedTargets} {
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
	_, err = objects.Patch(ctx, o.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubemirror"})
	return true, err
}
