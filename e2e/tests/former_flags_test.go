package tests

import (
	"strings"
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

// As the chart of the kubemirror before this one gave them.
func TestFormerFlagsAreTakenAndToldInOneLine(t *testing.T) {
	t.Parallel()
	env := kit.New(t)
	km := env.Start("--resync-period=10m", "--watcher-scan-interval=5m", "--verify-source-freshness=true", "--lazy-watcher-init=true", "--zap-devel", "--zap-log-level=debug")
	const want = "These flags do nothing any more, and can be left out: --resync-period, --watcher-scan-interval, --verify-source-freshness, --lazy-watcher-init, --zap-devel, --zap-log-level"
	if got := strings.Count(km.Log(), want); got != 1 || strings.Count(km.Log(), "do nothing any more") != 1 {
		t.Errorf("it is told %d times", got)
	}
}
