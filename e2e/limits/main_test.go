// Package limits holds kubemirror against more than anybody should ask of it: sources,
// namespaces and changes in numbers, and an object that the API server itself can't read.
package limits

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.Run(m) }
