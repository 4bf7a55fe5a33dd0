package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
)

// server writes an audit log as the API server does.
type server struct {
	t    *testing.T
	path string
}

func newServer(t *testing.T) (server, *audit.Log) {
	path := filepath.Join(t.TempDir(), "audit.log")
	return server{t, path}, audit.NewLog(path)
}

func (s server) write(text string) {
	s.t.Helper()
	file, err := os.OpenFile(s.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		s.t.Fatal(err)
	}
}

func (s server) received(id, verb, user, resource, namespace string) {
	s.t.Helper()
	s.write(fmt.Sprintf(`{"stage":"RequestReceived","auditID":%q,"verb":%q,"userAgent":"kubemirror/v1","user":{"username":%q},`+
		`"objectRef":{"resource":%q,"namespace":%q},"requestReceivedTimestamp":"2026-01-02T03:04:05.000006Z"}`+"\n",
		id, verb, user, resource, namespace))
}

func (s server) answered(id, stage string, code int) {
	s.t.Helper()
	s.write(fmt.Sprintf(`{"stage":%q,"auditID":%q,"responseStatus":{"code":%d}}`+"\n", stage, id, code))
}

func since(t *testing.T, log *audit.Log, mark audit.Mark, f audit.Filter) audit.Requests {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	requests, err := log.Since(ctx, mark, f)
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

func mark(t *testing.T, log *audit.Log) audit.Mark {
	t.Helper()
	m, err := log.Mark()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRequestsBelongToTheSideOfTheMarkWhereTheyWereReceived(t *testing.T) {
	s, log := newServer(t)
	begin := mark(t, log) // before there is a file
	s.received("1", "create", "alice", "secrets", "a")
	middle := mark(t, log)
	s.answered("1", "ResponseComplete", 201)
	s.received("2", "update", "alice", "secrets", "a")
	s.answered("2", "ResponseComplete", 409)

	if got := since(t, log, begin, audit.Filter{}); len(got) != 2 || got[0].Code != 201 || got[1].Code != 409 {
		t.Errorf("since the beginning:\n%s", got)
	}
	if got := since(t, log, middle, audit.Filter{}); len(got) != 1 || got[0].Verb != "update" {
		t.Errorf("since the middle:\n%s", got)
	}
}

func TestFilterChoosesByEveryFieldThatIsSet(t *testing.T) {
	s, log := newServer(t)
	for i, r := range [][4]string{
		{"create", "alice", "secrets", "a"},
		{"create", "bob", "secrets", "a"},
		{"watch", "alice", "secrets", "b"},
		{"update", "alice", "leases", "b"},
	} {
		id := fmt.Sprint(i)
		s.received(id, r[0], r[1], r[2], r[3])
		s.answered(id, "ResponseStarted", 200)
	}
	for want, filters := range map[int][]audit.Filter{
		0: {{User: "carol"}, {UserAgent: "kubectl"}, {User: "bob", Namespaces: []string{"b"}}},
		1: {{User: "bob"}, {Verbs: []string{"watch"}}, {User: "alice", Verbs: audit.Writes, Except: []string{"leases"}}},
		2: {{Namespaces: []string{"a"}}, {User: "alice", Resources: []string{"secrets"}}},
		3: {{Verbs: audit.Writes}, {User: "alice"}, {Except: []string{"leases"}}},
		4: {{}, {UserAgent: "kubemirror/"}},
	} {
		for _, f := range filters {
			if got := since(t, log, audit.Mark{}, f); len(got) != want {
				t.Errorf("%+v: %d requests, want %d:\n%s", f, len(got), want, got)
			}
		}
	}
}

func TestSinceWaitsForTheAnswer(t *testing.T) {
	s, log := newServer(t)
	s.received("1", "create", "alice", "secrets", "a")

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := log.Since(ctx, audit.Mark{}, audit.Filter{}); err == nil || !strings.Contains(err.Error(), "1 requests") {
		t.Errorf("no answer yet, and Since = %v", err)
	}

	go s.answered("1", "ResponseComplete", 201)
	if got := since(t, log, audit.Mark{}, audit.Filter{}); len(got) != 1 || got[0].Code != 201 {
		t.Errorf("got:\n%s", got)
	}
}

func TestALineHalfWrittenIsReadLater(t *testing.T) {
	s, log := newServer(t)
	s.write(`{"stage":"RequestReceived","auditID":"1",`)
	if got := since(t, log, audit.Mark{}, audit.Filter{}); len(got) != 0 {
		t.Errorf("half a line was read:\n%s", got)
	}
	s.write(`"verb":"get"}` + "\n")
	s.answered("1", "ResponseComplete", 200)
	if got := since(t, log, audit.Mark{}, audit.Filter{}); len(got) != 1 {
		t.Errorf("the whole line was not read:\n%s", got)
	}
}

func TestAMarkWithinALineThatIsBeingWrittenLiesAfterIt(t *testing.T) {
	s, log := newServer(t)
	s.write(`{"stage":"RequestReceived","auditID":"1",`)
	m := mark(t, log)
	s.write(`"verb":"get"}` + "\n")
	s.received("2", "list", "alice", "secrets", "a")
	s.answered("2", "ResponseComplete", 200)
	if got := since(t, log, m, audit.Filter{}); len(got) != 1 || got[0].Verb != "list" {
		t.Errorf("got:\n%s", got)
	}
}

func TestWritesHaveWhatWasSentAndWhatCameOfIt(t *testing.T) {
	s, log := newServer(t)
	s.write(`{"stage":"ResponseComplete","auditID":"0","verb":"create","objectRef":{"resource":"secrets","namespace":"t1-a","name":"before"}}` + "\n")
	middle := mark(t, log)
	for i, verb := range []string{"create", "get", "watch", "delete"} {
		s.received(fmt.Sprint(i), verb, "alice", "secrets", "t1-a")
		s.write(fmt.Sprintf(`{"stage":"ResponseComplete","auditID":"%d","verb":%q,"objectRef":{"resource":"secrets","namespace":"t1-a","name":"db"},`+
			`"responseStatus":{"code":201},"requestObject":{"n":%[1]d},"responseObject":{"m":%[1]d}}`+"\n", i, verb))
	}
	s.write(`{"stage":"ResponseComplete","auditID":"9","verb":"create","objectRef":{"resource":"secrets","namespace":"another","name":"db"}}` + "\n")
	s.write(`{"stage":"ResponseComplete","auditID":"10","verb":"create","objectRef":{"resource":"secrets","namespace":"t1-a"`)
	var got []string
	for w, err := range log.Writes(middle, "t1-") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s/%s %d: %s %s", w.Verb, w.Namespace, w.Name, w.Code, w.Sent, w.Came))
	}
	if want := []string{`create t1-a/db 201: {"n":0} {"m":0}`, `delete t1-a/db 201: {"n":3} {"m":3}`}; !slices.Equal(got, want) {
		t.Errorf("the writes are %q, want %q", got, want)
	}
}
