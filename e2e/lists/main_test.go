// Package lists has the core of what kubemirror does on an API server that doesn't
// stream lists, which none did by default before Kubernetes 1.34. There, what is there
// at a start comes by plain lists: other code brings it, and all of it at once.
package lists

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.RunWith(m, controlplane.WithoutWatchList) }
