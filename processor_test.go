package main

import (
	"runtime"
	"testing"
)

func TestOneCoreIsUsedUnlessTheEnvironmentAllowsMore(t *testing.T) {
	before := runtime.GOMAXPROCS(3)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	t.Setenv("GOMAXPROCS", "3")
	useOneCore()
	if got := runtime.GOMAXPROCS(0); got != 3 {
		t.Errorf("with $GOMAXPROCS = 3, %d cores are used", got)
	}
	t.Setenv("GOMAXPROCS", "")
	useOneCore()
	if got := runtime.GOMAXPROCS(0); got != 1 {
		t.Errorf("without $GOMAXPROCS, %d cores are used, want 1", got)
	}
}
