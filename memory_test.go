package main

import (
	"runtime"
	"slices"
	"testing"
)

func TestMemoryIsGivenBackOnceAfterEachBurst(t *testing.T) {
	for _, row := range []struct {
		it          string
		collections []uint64 // as seen every few seconds
		given       []int    // at which of them memory is given back
	}{
		{"not before there has been any work", []uint64{0, 0, 0}, nil},
		{"not while work goes on", []uint64{1, 3, 4, 9}, nil},
		{"once when it ends", []uint64{1, 3, 3, 3, 3}, []int{2}},
		{"again after the next burst", []uint64{1, 1, 1, 2, 5, 5, 5}, []int{1, 5}},
	} {
		var b bursts
		var given []int
		for i, n := range row.collections {
			if b.over(n) {
				given = append(given, i)
			}
		}
		if !slices.Equal(given, row.given) {
			t.Errorf("%s: given back at %v, want %v", row.it, given, row.given)
		}
	}
}

func TestTheRuntimeCountsItsCollectionsButNotTheOnesAskedFor(t *testing.T) {
	before := automaticCollections()
	runtime.GC()
	if now := automaticCollections(); now > before+1 { // one of its own may fall in between
		t.Errorf("%d, then %d", before, now)
	}
	for n := 0; automaticCollections() < before+2; n++ {
		if n > 1000 {
			t.Fatal("much garbage, and no collection is counted")
		}
		garbage = make([]byte, 10<<20)
	}
}

// garbage is what the compiler can't tell to be unused.
var garbage []byte
