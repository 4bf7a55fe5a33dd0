// Package tests has the end-to-end tests: kubemirror, as it is built, on a real
// API server, seen through what a user sees.
package tests

import (
	"testing"

	"github.com/lukaszraczylo/kubemirror/e2e/kit"
)

func TestMain(m *testing.M) { kit.RunAsInstalled(m) }
