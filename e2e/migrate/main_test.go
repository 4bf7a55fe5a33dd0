// Package migrate has the tests of "kubectl mirror migrate" on a real API server: what
// another system left becomes KubeMirror's where it is, and is taken back.
//
// Two of the systems are Go programs: built from their repositories and named by
// REPLICATOR_BINARY (v2.12.4) and KUBEMIRROR_BEFORE_BINARY (v0.4.18), they run here, and must
// write what is recorded. Where they aren't named, the record stands for them.
package migrate

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.RunAsInstalled(m) }
