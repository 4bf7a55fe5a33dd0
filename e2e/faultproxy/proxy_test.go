package faultproxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// server is an API server that writes down what it is asked for, and whose watches have
// the events that a test gives them.
type server struct {
	mu     sync.Mutex
	asked  []string
	events chan string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	if !r.URL.Query().Has("watch") {
		_, _ = io.Copy(w, r.Body)
		return
	}
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case event := <-s.events:
			_, _ = fmt.Fprintln(w, event)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func (s *server) was(asked string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.asked, asked)
}

// place is a server, a proxy before it, and a process behind that.
type place struct {
	*server
	*Proxy
	t      *testing.T
	client *http.Client
}

func newPlace(t *testing.T) *place {
	s := &server{events: make(chan string)}
	upstream := httptest.NewUnstartedServer(s)
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	t.Cleanup(upstream.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: upstream.Certificate().Raw})
	p, err := New(&rest.Config{Host: upstream.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.pem)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &place{s, p, t, &http.Client{Transport: transport}}
}

// ask sends a request, and returns what comes back, or what went wrong.
func (p *place) ask(method, path, body string) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, "https://"+p.listener.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return "error"
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "error"
	}
	if response.ProtoMajor != 2 {
		p.t.Errorf("it speaks %s", response.Proto)
	}
	return fmt.Sprintf("%d %s", response.StatusCode, text)
}

const (
	objects = "/api/v1/namespaces/a/configmaps"
	events  = "/apis/events.k8s.io/v1/namespaces/a/events"
)

func TestOnlyTheWriteOfTheNumberIsBefallen(t *testing.T) {
	p := newPlace(t)
	p.Arm(2, nil, Broken)
	for i, ask := range []struct{ method, path, want string }{
		{http.MethodPost, objects, "200 x"},
		{http.MethodGet, objects, "200 x"},
		{http.MethodPost, events, "200 x"},
		{http.MethodPost, objects + "?dryRun=All", "200 x"},
		{http.MethodPut, objects + "/m", "500 "},
		{http.MethodDelete, objects + "/m", "200 x"},
	} {
		if got := p.ask(ask.method, ask.path, "x"); !strings.HasPrefix(got, ask.want) {
			t.Errorf("%d, %s %s: %s", i, ask.method, ask.path, got)
		}
	}
	if got := fmt.Sprint(p.Writes()); got != "[POST a/configmaps/ PUT a/configmaps/m DELETE a/configmaps/m]" {
		t.Error(got)
	}
	if p.was("PUT " + objects + "/m") {
		t.Error("the server was asked for what was refused")
	}
}

func TestEachWriteOfAKindIsBefallenUntilSomethingElseIsArmed(t *testing.T) {
	p := newPlace(t)
	p.ArmEach(func(w Write) bool { return w.Method == http.MethodPut }, Broken)
	got := ""
	for _, method := range []string{http.MethodPut, http.MethodPut, http.MethodDelete, http.MethodPut} {
		got += p.ask(method, objects+"/m", "x")[:4]
	}
	if p.Arm(1, nil, nil); got != "500 500 200 500 " || p.ask(http.MethodPut, objects+"/m", "x")[:4] != "200 " {
		t.Errorf("it answered %s", got)
	}
}

func TestFaultsDoWhatTheirNamesSay(t *testing.T) {
	for name, row := range map[string]struct {
		fault   Fault
		answer  string
		reached bool
		killed  bool
	}{
		"killed":            {Killed, "error", false, true},
		"killed after":      {KilledAfter, "error", true, true},
		"lands after death": {LandsAfterDeath, "error", true, true},
		"cut":               {Cut, "error", false, false},
		"unanswered":        {Unanswered, "error", true, false},
		"answered late":     {AnsweredLate, "200 x", true, false},
		"late":              {Late, "200 x", true, false},
		"conflict":          {Conflict, "409 {", false, false},
		"too many":          {TooMany, "429 {", false, false},
		"broken":            {Broken, "500 {", false, false},
		"away":              {Away, "503 {", false, false},
		"timed out":         {TimedOut, "504 {", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			killed := false
			p.Owner(func() { killed = true })
			p.Arm(1, nil, row.fault)
			if got := p.ask(http.MethodPost, objects, "x"); !strings.HasPrefix(got, row.answer) {
				t.Errorf("it is answered with %s", got)
			}
			if reached := p.was("POST " + objects); reached != row.reached {
				t.Errorf("it has reached the server: %v", reached)
			}
			if killed != row.killed || !p.Fired() {
				t.Errorf("the process was killed: %v; it has fired: %v", killed, p.Fired())
			}
		})
	}
}

// watch begins a watch, and returns its lines; they end when it does.
func (p *place) watch(query string) <-chan string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "https://"+p.listener.Addr().String()+objects+"?watch=1"+query, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	lines := make(chan string, 10)
	response, err := p.client.Do(request) //nolint:bodyclose // when it has ended
	if err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(lines)
		defer func() { _ = response.Body.Close() }()
		scanner := bufio.NewScanner(response.Body)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	return lines
}

func TestAWatchIsFrozenBrokenAndExpired(t *testing.T) {
	p := newPlace(t)
	mirrors := Watches{Resource: "configmaps", Selector: "mirror"}
	lines := p.watch("&resourceVersion=1&labelSelector=mirror")
	p.events <- "one"
	if got := <-lines; got != "one" {
		t.Fatal(got)
	}
	p.Freeze(Watches{Resource: "secrets"})
	frozen := p.Freeze(mirrors)
	p.events <- "two"
	select {
	case got := <-lines:
		t.Errorf("it is frozen, and says %s", got)
	default:
	}
	frozen.Release()
	if got := <-lines; got != "two" {
		t.Error(got)
	}
	p.Expire(mirrors, 1)
	if got, open := <-lines; open {
		t.Errorf("it has expired, and says %s", got)
	}
	if got := p.ask(http.MethodGet, objects+"?watch=1&resourceVersion=1&labelSelector=mirror", ""); !strings.HasPrefix(got, `410 {"kind":"Status"`) {
		t.Errorf("what wants to go on is answered with %s", got)
	}
	again := p.watch("&resourceVersion=2&labelSelector=mirror")
	p.Break(mirrors)
	if got, open := <-again; open {
		t.Errorf("it is broken, and says %s", got)
	}
}

func TestWhatIsHeldReachesTheServerWhenItIsReleased(t *testing.T) {
	p := newPlace(t)
	held := p.Hold(Watches{Selector: "mirror"})
	if got := p.ask(http.MethodGet, objects+"?labelSelector=enabled", ""); got != "200 " {
		t.Fatal(got)
	}
	answer := make(chan string)
	go func() { answer <- p.ask(http.MethodGet, objects+"?labelSelector=mirror", "") }()
	select {
	case got := <-answer:
		t.Errorf("it is held, and answered with %s", got)
	case <-t.Context().Done():
	default:
	}
	held.Release()
	if got := <-answer; got != "200 " {
		t.Error(got)
	}
}
