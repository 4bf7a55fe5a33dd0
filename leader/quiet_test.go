package leader

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
)

func TestTheSameFailureIsLoggedOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := 0
		logger := quieter(funcr.New(func(string, string) { lines++ }, funcr.Options{})).WithValues("lock", "x")
		for range 30 {
			logger.Error(errors.New("away"), "Can't reach it")
			time.Sleep(time.Second)
		}
		if lines != 3 {
			t.Errorf("%d lines in 30 s, want 3", lines)
		}
		logger.Error(errors.New("no"), "Something else")
		logger.Info("Something that is no failure")
		logger.Info("Something that is no failure")
		if lines != 6 {
			t.Errorf("%d lines, want three more", lines)
		}
	})
}
