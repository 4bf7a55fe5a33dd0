// Package faults has the end-to-end tests in which a process is killed, cut off, refused
// or kept in the dark at each of its writes, and all must be right in the end.
package faults

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.RunAsInstalled(m) }
