package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// apiServer is one with users and rights that a test changes.
type apiServer struct {
	users   map[string]string // by token
	readers map[string]bool
	fault   error

	asked int // how often it was asked whose a token is
}

func (s *apiServer) Authenticate(_ context.Context, token string) (authenticationv1.UserInfo, bool, error) {
	s.asked++
	name, known := s.users[token]
	return authenticationv1.UserInfo{Username: name}, known, s.fault
}

func (s *apiServer) Authorize(_ context.Context, user authenticationv1.UserInfo, verb, path string) (bool, error) {
	return s.readers[user.Username] && verb == "get" && path == "/metrics", nil
}

// ask asks a gate for /metrics, and returns the status and the answer.
func ask(g http.Handler, authorization string) (int, string) {
	r := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

var behind = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the page") })

func TestOnlyThoseWhoMayGetThePathGetThePage(t *testing.T) {
	api := &apiServer{users: map[string]string{"prometheus-token": "prometheus", "passer-by-token": "passer-by"}, readers: map[string]bool{"prometheus": true}}
	g := newGate(Review{api, api}, klog.Background(), behind)
	for _, row := range []struct {
		name, authorization string
		status              int
	}{
		{"nobody", "", http.StatusUnauthorized},
		{"one with another scheme", "Basic cHJvbWV0aGV1cw==", http.StatusUnauthorized},
		{"one with a scheme only", "Bearer", http.StatusUnauthorized},
		{"one with a token of nobody", "Bearer no-token", http.StatusUnauthorized},
		{"one without the right", "Bearer passer-by-token", http.StatusForbidden},
		{"one with the right", "Bearer prometheus-token", http.StatusOK},
		{"one with the right who writes in lower case", "bearer prometheus-token", http.StatusOK},
	} {
		for range 2 { // once asked, once known
			if status, text := ask(g, row.authorization); status != row.status || (text == "the page") != (status == http.StatusOK) {
				t.Errorf("%s is answered %d %q, want %d", row.name, status, text, row.status)
			}
		}
	}
	if api.asked != 3 {
		t.Errorf("the API server was asked %d times about 3 tokens", api.asked)
	}
}

func TestAnAnswerOfTheAPIServerCountsForAShortTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &apiServer{users: map[string]string{"old": "prometheus"}, readers: map[string]bool{"prometheus": true}}
		g := newGate(Review{api, api}, klog.Background(), behind)
		expect := func(when, token string, want int) {
			t.Helper()
			if status, _ := ask(g, "Bearer "+token); status != want {
				t.Errorf("%s: %d, want %d", when, status, want)
			}
		}
		expect("at first", "old", http.StatusOK)
		expect("a token before it is made", "new", http.StatusUnauthorized)
		api.users = map[string]string{"new": "prometheus"}
		time.Sleep(refusalTTL - time.Second)
		expect("a refusal still counts", "new", http.StatusUnauthorized)
		time.Sleep(2 * time.Second)
		expect("a refusal counts no longer", "new", http.StatusOK)
		expect("a grant still counts", "old", http.StatusOK)
		time.Sleep(grantTTL)
		expect("a grant counts no longer", "old", http.StatusUnauthorized)
		api.readers = nil
		time.Sleep(grantTTL)
		expect("a right that was taken away", "new", http.StatusForbidden)
	})
}

func TestTokensAreNotKeptAndTheAnswersHaveABound(t *testing.T) {
	api := &apiServer{users: map[string]string{"good": "prometheus"}, readers: map[string]bool{"prometheus": true}}
	g := newGate(Review{api, api}, klog.Background(), behind)
	ask(g, "Bearer good")
	for i := range 2 * verdicts {
		ask(g, fmt.Sprintf("Bearer guess-%d", i))
	}
	api.asked = 0
	if status, _ := ask(g, "Bearer good"); status != http.StatusOK || api.asked != 0 {
		t.Errorf("a guesser has driven out one who may read: %d after asking %d times", status, api.asked)
	}
	keys := append(g.granted.Keys(), g.refused.Keys()...)
	if len(keys) != verdicts+1 {
		t.Errorf("%d answers are kept, want %d", len(keys), verdicts+1)
	}
	for _, key := range keys {
		if text := fmt.Sprintf("%s", key); strings.Contains(text, "guess") || strings.Contains(text, "good") {
			t.Fatalf("a token is kept: %q", text)
		}
	}
}

func TestAFaultOfTheAPIServerIsNotAnAnswer(t *testing.T) {
	var log bytes.Buffer
	api := &apiServer{users: map[string]string{"s3cr3t": "prometheus"}, readers: map[string]bool{"prometheus": true}}
	g := newGate(Review{api, api}, textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&log))), behind)
	api.fault = errors.New(`a webhook refuses {"token":"s3cr3t"}`)
	status, text := ask(g, "Bearer s3cr3t")
	if status != http.StatusServiceUnavailable || strings.Contains(text, "webhook") {
		t.Errorf("it is answered %d %q", status, text)
	}
	if got := log.String(); strings.Contains(got, "s3cr3t") || !strings.Contains(got, "a webhook refuses") || !strings.Contains(got, "may create TokenReviews") {
		t.Errorf("the log says %q", got)
	}
	api.fault = nil
	if status, _ := ask(g, "Bearer s3cr3t"); status != http.StatusOK {
		t.Errorf("after the fault it is answered %d", status)
	}
}

// limited is an API server that answers one review at a time, each after a moment, as
// a client with a rate limit has it.
type limited struct {
	turn chan struct{}
	good string
}

func newLimited(good string) *limited { return &limited{turn: make(chan struct{}, 1), good: good} }

func (l *limited) Authenticate(ctx context.Context, token string) (authenticationv1.UserInfo, bool, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return authenticationv1.UserInfo{}, false, ctx.Err()
	}
	time.Sleep(50 * time.Millisecond)
	return authenticationv1.UserInfo{Username: "prometheus"}, token == l.good, nil
}

func (l *limited) Authorize(context.Context, authenticationv1.UserInfo, string, string) (bool, error) {
	return true, nil
}

func TestWhoeverGuessesTokensKeepsNobodyFromReadingTheMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Review{newLimited("good"), newLimited("good")}, klog.Background(), behind)
		scrape := func(host, token string) (int, time.Duration) {
			r := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
			r.RemoteAddr = host
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			begin := time.Now()
			g.ServeHTTP(w, r)
			return w.Code, time.Since(begin)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for n := range 30 {
			go func() {
				for m := 0; ctx.Err() == nil; m++ {
					scrape(fmt.Sprintf("10.0.0.%d:%d", 1+n%3, n), fmt.Sprintf("guess-%d-%d", n, m))
					time.Sleep(200 * time.Millisecond)
				}
			}()
		}
		time.Sleep(time.Second)
		for round := range 3 {
			if status, took := scrape("10.0.1.1:1", "good"); status != http.StatusOK || took > time.Second {
				t.Errorf("scrape %d is answered %d after %s", round, status, took)
			}
			time.Sleep(2 * grantTTL)
		}
		// One that comes while its grant is good doesn't wait at all.
		for range 4 {
			if status, took := scrape("10.0.1.1:1", "good"); status != http.StatusOK || took > 50*time.Millisecond {
				t.Errorf("answered %d after %s", status, took)
			}
			time.Sleep(renewAfter + time.Second)
		}
		cancel()
		synctest.Wait()
		time.Sleep(time.Minute)
	})
}
