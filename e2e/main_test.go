package e2e

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.Run(m) }
