package kube

import (
	"context"
	"encoding/json"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Reviews asks the API server whose a token is, and what they may do.
type Reviews struct{ server rest.Interface }

// Reviews returns reviews with a rate limit of their own: a scrape does not queue
// behind the writes of mirrors, and one who guesses tokens doesn't get to flood the
// API server.
func (c *Clients) Reviews() (Reviews, error) {
	config := dynamic.ConfigFor(c.REST)
	config.GroupVersion = &schema.GroupVersion{}
	config.RateLimiter, config.QPS, config.Burst = nil, 20, 40
	server, err := rest.UnversionedRESTClientForConfigAndClient(config, c.HTTP)
	if err != nil {
		return Reviews{}, fmt.Errorf("make the client for reviews of who reads the metrics: %w", err)
	}
	return Reviews{server}, nil
}

// Authenticate implements metrics.Reviews.
func (r Reviews) Authenticate(ctx context.Context, token string) (user authenticationv1.UserInfo, known bool, err error) {
	review := authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	err = r.create(ctx, "/apis/authentication.k8s.io/v1/tokenreviews", &review)
	return review.Status.User, review.Status.Authenticated, err
}

// Authorize implements metrics.Reviews.
func (r Reviews) Authorize(ctx context.Context, user authenticationv1.UserInfo, verb, path string) (bool, error) {
	review := authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: map[string]authorizationv1.ExtraValue{},
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: verb, Path: path},
	}}
	for key, value := range user.Extra {
		review.Spec.Extra[key] = authorizationv1.ExtraValue(value)
	}
	err := r.create(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &review)
	return review.Status.Allowed && !review.Status.Denied, err
}

// create sends a review, and fills it with the answer.
func (r Reviews) create(ctx context.Context, path string, review any) error {
	question, err := json.Marshal(review)
	if err != nil {
		return err
	}
	result := r.server.Post().AbsPath(path).SetHeader("Content-Type", runtime.ContentTypeJSON).SetHeader("Accept", runtime.ContentTypeJSON).Body(question).Do(ctx)
	if err := result.Error(); err != nil { // the server's own words, which Raw doesn't read
		return err
	}
	answer, err := result.Raw()
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, review)
}
