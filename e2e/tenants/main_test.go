// Package tenants plays a tenant who does whatever he may in the one namespace that is his,
// and looks at what becomes of the others: their changes, their deletions, the memory of all.
package tenants

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.Run(m) }
