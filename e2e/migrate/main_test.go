// Package migrate has the tests of "kubectl mirror migrate" on a real API server: what
// another system left becomes KubeMirror's where it is, and is taken back.
package migrate

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.RunAsInstalled(m) }
