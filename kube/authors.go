package kube

import (
	"context"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// clusterRoles is what the policies that stamp authors have for a parameter. The API
// server keeps its few objects in memory anyway.
var clusterRoles = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}

// Issuer is the UID of the ClusterRole of that name, by which stamps of authors are known
// to be from when the policies were there. It may be about to be made, and the right to
// get it too: that is waited for as long as serverTimeout.
func (c *Clients) Issuer(ctx context.Context, name string) (string, error) {
	var issuer string
	var last error
	err := wait.PollUntilContextTimeout(ctx, time.Second, serverTimeout, true, func(ctx context.Context) (bool, error) {
		role, err := c.Metadata.Resource(clusterRoles).Get(ctx, name, metav1.GetOptions{})
		if last = err; err == nil {
			issuer = string(role.UID)
		}
		return err == nil, nil
	})
	if err != nil && ctx.Err() == nil {
		return "", fmt.Errorf("get the ClusterRole of --authorize-authors, by which authors are known; the chart makes it: %w", last)
	}
	return issuer, err
}

// Access asks the API server what authors may do. It shares the rate limit of the writes.
func (c *Clients) Access() Reviews { return Reviews{c.server} }

// Allows implements controller.Access.
func (r Reviews) Allows(ctx context.Context, author mirror.Author, right mirror.Right) (bool, error) {
	review := authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: author.User, Groups: author.Groups,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: right.Verb, Group: right.Group, Version: right.Version, Resource: right.Resource, Namespace: right.Namespace, Name: right.Name,
		},
	}}
	err := r.create(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &review)
	return review.Status.Allowed && !review.Status.Denied, err
}
