// Package types has the end-to-end tests of resource types: how they are found,
// come, go, fail, change their version, and cost nothing while nobody uses them.
//
// They have a control plane of their own, since each process sees all types of
// a server: a test that breaks one for itself breaks it for everybody. Tests that
// measure a process, or that break what every process asks for, run alone, and
// before those that run in parallel.
package types

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.Run(m) }
