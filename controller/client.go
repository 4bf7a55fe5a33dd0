package controller

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	"github.com/lukaszraczylo/kubemirror/api"
	"github.com/lukaszraczylo/kubemirror/mirror"
)

// client sends the controller's requests, each about one object. It knows nothing of
// what is known.
type client struct {
	Objects  Objects
	Metadata metadata.Interface
	Metrics  Metrics
}

// requestTimeout bounds one request, so that a server that doesn't answer holds up
// a worker for no longer.
const requestTimeout = 30 * time.Second

// get asks for an object's metadata.
func (c *client) get(ctx context.Context, resource schema.GroupVersionResource, namespace, name string) (*metav1.PartialObjectMetadata, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return c.Metadata.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
}

// getWhole asks for all of an object.
func (c *client) getWhole(ctx context.Context, t schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return c.Objects.Get(ctx, t, namespace, name)
}

// theirs is what others put into a mirror that we are about to write: what is known of
// it, or what there is where that is more, and the status where a write would take it away.
// Those may be of any size, and so are read when they are needed, if they haven't been; the
// mirror is then the one that was read.
func (c *client) theirs(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record, whole *unstructured.Unstructured) (*mirror.Record, *mirror.Unmanaged, error) {
	if !have.NeedsRead() {
		return have, have.Unmanaged, nil
	}
	u := whole
	if u == nil || u.GetResourceVersion() != have.ResourceVersion {
		var err error
		if u, err = c.getWhole(ctx, t, have.Namespace, have.Name); err != nil {
			return nil, nil, err
		}
	}
	read := mirror.NewRecord(t.GroupResource(), u)
	if read.UID != have.UID || read.Standing < have.Standing {
		return nil, nil, errChangedSince(t, have.Name)
	}
	theirs := mirror.UnmanagedIn(t.GroupResource(), u)
	return read, &theirs, nil
}

// create makes a mirror where there is none: one request (I4). Theirs is what others
// had put into one that was deleted for it.
func (c *client) create(ctx context.Context, t schema.GroupVersionResource, d mirror.Draft, theirs *mirror.Unmanaged, dryRun ...string) (*mirror.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := d.Encode(nil, theirs, time.Now())
	if err != nil {
		return nil, err
	}
	answer, err := c.Objects.Create(ctx, t, d.Namespace, body, metav1.CreateOptions{FieldManager: api.FieldManager, FieldValidation: d.Source.FieldValidation(), DryRun: dryRun})
	if err != nil {
		return nil, err
	}
	if len(dryRun) == 0 {
		c.Metrics.Wrote("create")
	}
	return d.Observed(answer), nil
}

// replace puts a mirror in the place of what it was: one request (I4), which also
// takes away fields that the source has not.
func (c *client) replace(ctx context.Context, t schema.GroupVersionResource, d mirror.Draft, have *mirror.Record, theirs *mirror.Unmanaged) (*mirror.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := d.Encode(have, theirs, time.Now())
	if err != nil {
		return nil, err
	}
	answer, err := c.Objects.Update(ctx, t, d.Namespace, d.Name, body, metav1.UpdateOptions{FieldManager: api.FieldManager, FieldValidation: d.Source.FieldValidation()})
	if err != nil {
		return nil, err
	}
	c.Metrics.Wrote("replace")
	return d.Observed(answer), nil
}

// delete deletes just this object in just this form: the server refuses it if it
// was made anew or changed since it was seen (I1). What hangs on it goes with it.
func (c *client) delete(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	background := metav1.DeletePropagationBackground // a Job's would stay, by default
	err := c.Metadata.Resource(t).Namespace(have.Namespace).Delete(ctx, have.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &have.UID, ResourceVersion: &have.ResourceVersion},
		PropagationPolicy: &background,
	})
	if err == nil {
		c.Metrics.Wrote("delete")
	}
	return err
}

// remove has an object be a mirror no more: it is deleted, or left behind.
func (c *client) remove(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record, left bool) error {
	if left {
		return c.leaveBehind(ctx, t, have)
	}
	return c.delete(ctx, t, have)
}

// leaveBehind takes our labels and annotations off just this object in just this form: it
// is a mirror no more.
func (c *client) leaveBehind(ctx context.Context, t schema.GroupVersionResource, have *mirror.Record) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]any{"metadata": mirror.LeaveBehind(have.Identity)})
	if err != nil {
		return err
	}
	if _, err = c.Metadata.Resource(t).Namespace(have.Namespace).Patch(ctx, have.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: api.FieldManager}); err != nil {
		return err
	}
	c.Metrics.Wrote("patch")
	return nil
}

// patchSource changes metadata of a source, and only if it is still the same
// object; with a resource version, only if it is still in that form. It returns
// the new resource version.
func (c *client) patchSource(ctx context.Context, t schema.GroupVersionResource, source mirror.Identity, fields map[string]any) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	fields["uid"] = source.UID
	body, err := json.Marshal(map[string]any{"metadata": fields})
	if err != nil {
		return "", err
	}
	m, err := c.Metadata.Resource(t).Namespace(source.Namespace).Patch(ctx, source.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: api.FieldManager})
	if err != nil {
		return "", err
	}
	c.Metrics.Wrote("patch")
	return m.ResourceVersion, nil
}

// letGo takes our finalizer off a source that is being deleted, where it is the last
// one. It is the one write to a source that isn't a patch; package mirror says why.
func (c *client) letGo(ctx context.Context, t schema.GroupVersionResource, source mirror.Identity) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	whole, err := c.Objects.Get(ctx, t, source.Namespace, source.Name)
	if err != nil {
		return err
	}
	body, err := mirror.LetGo(t.GroupResource(), whole, source.UID)
	if err != nil {
		return err
	}
	// What the server thinks of fields that it doesn't know is of no concern now.
	_, err = c.Objects.Update(ctx, t, source.Namespace, source.Name, body, metav1.UpdateOptions{FieldManager: api.FieldManager, FieldValidation: metav1.FieldValidationIgnore})
	if err == nil {
		c.Metrics.Wrote("patch")
	}
	return err
}

// tryCreate returns why the server would not take the mirror even if the one that is
// there were not; nil if a trial create is valid, and in its way is only the name.
// A mirror is not deleted for something that can't come back.
func (c *client) tryCreate(ctx context.Context, t schema.GroupVersionResource, d mirror.Draft) error {
	_, err := c.create(ctx, t, d, nil, metav1.DryRunAll)
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// errChangedSince is what the server would say to a write that is about another form of
// an object than it has.
func errChangedSince(t schema.GroupVersionResource, name string) error {
	return apierrors.NewConflict(t.GroupResource(), name, errors.New("it has changed since it was seen"))
}

// objectNotFound tells an object that isn't there from a type that isn't served:
// the answer to the latter names no object, or isn't one of the API at all.
func objectNotFound(err error) bool {
	return apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// anotherObject reports whether a patch was refused because the object of that name is
// another one by now: the server finds that its UID can't be changed.
func anotherObject(err error) bool {
	status, ok := err.(apierrors.APIStatus)
	return ok && apierrors.IsInvalid(err) && status.Status().Details != nil &&
		slices.ContainsFunc(status.Status().Details.Causes, func(cause metav1.StatusCause) bool { return cause.Field == "metadata.uid" })
}
