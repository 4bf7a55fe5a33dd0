// Package outages has the end-to-end tests for which the API server itself fails:
// they have a control plane of their own, and run one after the other.
package outages

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.Run(m) }
