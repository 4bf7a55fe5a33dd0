package metrics

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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
	// renewAfter is how old a grant may be before the API server is asked again, beside
	// the scrape that it is good for.
	renewAfter = grantTTL / 2
	// knownFor is how long one who was granted the metrics is asked about apart from
	// strangers: a scrape every few minutes is within it.
	knownFor = time.Hour

	// perHost is about how many tokens that aren't known the API server is asked at a
	// time for one host: whoever guesses tokens leaves the others their turn.
	perHost = 2

	// verdicts bounds how many answers of each kind are kept. It takes more readers than
	// a cluster has Prometheus servers, or a guesser of tokens, to fill it.
	verdicts = 256

	// reviewTimeout is how long the API server may take, for both answers.
	reviewTimeout = 10 * time.Second
)

// Review is who is asked about those who ask for the metrics: about strangers, and about
// those who were granted them before. Each has a rate limit of its own, so that strangers
// don't use up what is there for the scrapes of every day.
type Review struct{ Strangers, Known Reviews }

// gate lets those read what is behind it who may get /metrics on the API server:
// a bearer token says who it is (a TokenReview), the API server whether they may
// (a SubjectAccessReview).
type gate struct {
	reviews Review
	logger  klog.Logger
	next    http.Handler
	asking  hosts

	// granted and refused have the answers by their tokens' digests: two caches, so that
	// a guesser of tokens doesn't drive out those who may. Of a grant it is known when the
	// API server gave it last. The key is this process's own: a digest tells nothing of a
	// token.
	granted, refused *cache.LRUExpireCache
	key              []byte
}

// grant is the API server's word that somebody may read the metrics.
type grant struct {
	at       time.Time
	renewing atomic.Bool
}

func newGate(reviews Review, logger klog.Logger, next http.Handler) *gate {
	return &gate{
		reviews: reviews, logger: logger, next: next, key: []byte(rand.Text()),
		granted: cache.NewLRUExpireCache(verdicts), refused: cache.NewLRUExpireCache(verdicts),
	}
}

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch g.judge(r.Context(), host(r), bearer(r.Header.Get("Authorization"))) {
	case http.StatusOK:
		g.next.ServeHTTP(w, r)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "Unauthorized: a token of the cluster is needed, as Authorization: Bearer <token>", http.StatusUnauthorized)
	case http.StatusForbidden:
		http.Error(w, "Forbidden: a ClusterRole must grant the verb get on the nonResourceURL "+metricsPath, http.StatusForbidden)
	case http.StatusTooManyRequests:
		http.Error(w, "Too Many Requests: there are tokens of this host already of which the API server has yet to say whose they are", http.StatusTooManyRequests)
	default:
		http.Error(w, "The API server could not be asked whose the token is; see the log", http.StatusServiceUnavailable)
	}
}

// judge returns the status that one with that token gets, who is at that host.
func (g *gate) judge(ctx context.Context, host, token string) int {
	if token == "" {
		return http.StatusUnauthorized
	}
	mac := hmac.New(sha256.New, g.key)
	_, _ = mac.Write([]byte(token)) // a hash takes everything
	digest := [sha256.Size]byte(mac.Sum(nil))
	if known, ok := g.granted.Get(digest); ok {
		return g.judgeKnown(ctx, digest, token, known.(*grant))
	}
	if status, ok := g.refused.Get(digest); ok {
		return status.(int)
	}
	if !g.asking.enter(host) {
		return http.StatusTooManyRequests
	}
	defer g.asking.leave(host)
	return g.decide(ctx, g.reviews.Strangers, digest, token)
}

// judgeKnown is judge for a token that was granted the metrics before.
func (g *gate) judgeKnown(ctx context.Context, digest [sha256.Size]byte, token string, known *grant) int {
	age := time.Since(known.at)
	if age >= grantTTL {
		return g.decide(ctx, g.reviews.Known, digest, token)
	}
	if age >= renewAfter && known.renewing.CompareAndSwap(false, true) {
		go func() {
			defer known.renewing.Store(false)
			g.decide(context.WithoutCancel(ctx), g.reviews.Known, digest, token)
		}()
	}
	return http.StatusOK
}

// decide asks the API server, and keeps its answer.
func (g *gate) decide(ctx context.Context, reviews Reviews, digest [sha256.Size]byte, token string) int {
	status, err := g.ask(ctx, reviews, token)
	switch {
	case err != nil:
		// Who asked has gone, or the API server's own words, which might quote what it was sent.
		if ctx.Err() == nil {
			g.logger.Error(nil, "Can't tell who reads the metrics; they were not served. Check that the controller may create TokenReviews and SubjectAccessReviews",
				"reason", strings.ReplaceAll(err.Error(), token, "<token>"))
		}
		return http.StatusServiceUnavailable
	case status == http.StatusOK:
		g.granted.Add(digest, &grant{at: time.Now()}, knownFor)
	default:
		g.granted.Remove(digest)
		g.refused.Add(digest, status, refusalTTL)
	}
	return status
}

// ask has the API server judge.
func (g *gate) ask(ctx context.Context, reviews Reviews, token string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	user, ok, err := reviews.Authenticate(ctx, token)
	if err != nil {
		return 0, fmt.Errorf("ask the API server whose a token is: %w", err)
	}
	if !ok {
		return http.StatusUnauthorized, nil
	}
	allowed, err := reviews.Authorize(ctx, user, "get", metricsPath)
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

// host is where a request comes from.
func host(r *http.Request) string {
	name, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return name
}

// hosts counts what is being asked for each host. The zero value is ready for use.
type hosts struct {
	mu sync.Mutex
	of map[string]int
}

// enter reports whether there is room for one more of a host, and takes it.
func (h *hosts) enter(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[host] >= perHost {
		return false
	}
	if h.of == nil {
		h.of = map[string]int{}
	}
	h.of[host]++
	return true
}

func (h *hosts) leave(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of[host]--; h.of[host] == 0 {
		delete(h.of, host)
	}
}
