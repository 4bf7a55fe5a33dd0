package informers

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestAnInformerStopsAtOnceAndWhollyWhateverItDoes(t *testing.T) {
	rows := []struct {
		name  string
		plain bool
		setUp func(s *server)
	}{
		{"it watches", false, func(*server) {}},
		{"it watches after a plain list", true, func(*server) {}},
		{"the streamed list hangs", false, func(s *server) { s.hang["stream "] = make(chan struct{}) }},
		{"the plain list hangs", true, func(s *server) { s.hang["list "] = make(chan struct{}) }},
		{"the watch hangs", true, func(s *server) { s.hang["watch "] = make(chan struct{}) }},
		{"it waits after a refusal", false, func(s *server) {
			s.refuse = func(string) error { return forbidden("anything") }
		}},
		{"it waits for a server that is too busy", false, func(s *server) {
			s.refuse = func(string) error { return apierrors.NewTooManyRequests("busy", 1) }
		}},
		{"it waits for a server that becomes too busy as it streams a list", false, func(s *server) { s.busy = true }},
		{"it waits for a server that isn't there", false, func(s *server) {
			s.refuse = func(string) error { return os.NewSyscallError("connect", syscall.ECONNREFUSED) }
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newServer(object("a", "")), &recorder{}
				s.plain = row.plain
				row.setUp(s)
				stop := running(t, New("things", s.selection(""), asIs, handler{recorder: r}, r.failing))
				time.Sleep(100 * time.Second)
				synctest.Wait()
				r.told()
				start := time.Now()
				stop()
				if took := time.Since(start); took != 0 {
					t.Errorf("stopping took %s", took)
				}
				s.put(object("b", ""))
				time.Sleep(time.Hour)
				r.expect(t, "after it stopped")
				if open := s.watches(); len(open) != 0 {
					t.Errorf("%d watches are left", len(open))
				}
			})
		})
	}
}

func TestAnInformerThatStopsWaitsForTheListThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newServer(object("a", "")), &recorder{}
		s.plain = true
		deaf := make(chan struct{})
		s.refuse = func(request string) error {
			if request == "list " {
				<-deaf
			}
			return nil
		}
		stop := running(t, New("things", s.selection(""), asIs, handler{recorder: r}, r.failing))
		synctest.Wait()
		go func() {
			stop()
			r.say("stopped")
		}()
		r.expect(t, "while the list is under way")
		close(deaf)
		r.expect(t, "when it is done", "stopped")
	})
}
