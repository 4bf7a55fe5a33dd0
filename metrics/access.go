package metrics

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/klog/v2"
)

// Reviews are what an API server says of those who ask for the metrics.
type Reviews interface {
	// Authenticate returns whose a token is, or false where it is nobody's.
	Authenticate(ctx context.Context, token string) (authenticationv1.UserInfo, bool, error)
	// Authorize reports whether a user may do that to a path that is no resource's.
	Authorize(ctx context.Context, user authenticationv1.UserInfo, verb, path string) (bool, error)
}

// metricsPath is where the metrics are, and what one must have the right to get.
const metricsPath = "/metrics"

const (
	// How long an answer of the API server counts. A token or a right that was taken
	// away is good for as long as grantTTL; one that was given works after refusalTTL.
	grantTTL   = time.Minute
	refusalTTL = 10 * time.Second

	// verdicts bounds how many answers of each kind are kept. It takes more readers than
	// a cluster has Prometheus servers, or a guesser of tokens, to fill it.
	verdicts = 256

	// reviewTimeout is how long the API server may take, for both answers.
	reviewTimeout = 10 * time.Second
)

// gate lets those read what is behind it who may get /metrics on the API server:
// a bearer token says who it is (a TokenReview), the API server whether they may
// (a SubjectAccessReview).
type gate struct {
	reviews Reviews
	logger  klog.Logger
	next    http.Handler

	// granted and refused have the answers by their tokens' digests: two caches, so that
	// a guesser of tokens doesn't drive out those who may. The key is this process's own:
	// a digest tells nothing of a token.
	granted, refused *cache.LRUExpireCache
	key              []byte
}

func newGate(reviews Reviews, logger klog.Logger, next http.Handler) *gate {
	return &gate{
		reviews: reviews, logger: logger, next: next, key: []byte(rand.Text()),
		granted: cache.NewLRUExpireCache(verdicts), refused: cache.NewLRUExpireCache(verdicts),
	}
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch g.judge(r.Context(), bearer(r.Header.Get("Authorization"))) {
	case http.StatusOK:
		g.next.ServeHTTP(w, r)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "Unauthorized: a token of the cluster is needed, as Authorization: Bearer <token>", http.StatusUnauthorized)
	case http.StatusForbidden:
		http.Error(w, "Forbidden: a ClusterRole must grant the verb get on the nonResourceURL "+metricsPath, http.StatusForbidden)
	default:
		http.Error(w, "The API server could not be asked whose the token is; see the log", http.StatusServiceUnavailable)
	}
}

// judge returns the status that one with that token gets.
func (g *gate) judge(ctx context.Context, token string) int {
	if token == "" {
		return http.StatusUnauthorized
	}
	mac := hmac.New(sha256.New, g.key)
	_, _ = mac.Write([]byte(token)) // a hash takes everything
	digest := [sha256.Size]byte(mac.Sum(nil))
	for _, known := range []*cache.LRUExpireCache{g.granted, g.refused} {
		if status, ok := known.Get(digest); ok {
			return status.(int)
		}
	}
	status, err := g.ask(ctx, token)
	switch {
	case err != nil:
		// Who asked has gone, or the API server's own words, which might quote what it was sent.
		if ctx.Err() == nil {
			g.logger.Error(nil, "Can't tell who reads the metrics; they were not served. Check that the controller may create TokenReviews and SubjectAccessReviews",
				"reason", strings.ReplaceAll(err.Error(), token, "<token>"))
		}
		return http.StatusServiceUnavailable
	case status == http.StatusOK:
		g.granted.Add(digest, status, grantTTL)
	default:
		g.refused.Add(digest, status, refusalTTL)
	}
	return status
}

// ask has the API server judge.
func (g *gate) ask(ctx context.Context, token string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	user, ok, err := g.reviews.Authenticate(ctx, token)
	if err != nil {
		return 0, fmt.Errorf("ask the API server whose a token is: %w", err)
	}
	if !ok {
		return http.StatusUnauthorized, nil
	}
	allowed, err := g.reviews.Authorize(ctx, user, "get", metricsPath)
	if err != nil {
		return 0, fmt.Errorf("ask the API server whether %s may get %s: %w", user.Username, metricsPath, err)
	}
	if !allowed {
		g.logger.V(2).Info("Metrics were not served to one who may not read them", "user", user.Username)
		return http.StatusForbidden, nil
	}
	return http.StatusOK, nil
}

// bearer is the token of an Authorization header, or empty.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
