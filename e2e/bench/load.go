package main

// load is work for both sides: some sources of a size that go to all of some targets.
type load struct {
	name                   string // begins the names of its figures
	sources, targets, size int
}

const (
	fourKB      = 4 << 10
	sixtyFourKB = 64 << 10
	largeKB     = 256 << 10 // a bundle of certificates
)

// few is the load that most figures are of.
var few = load{"", 5, 200, fourKB}

// bundle is a bundle of certificates that goes everywhere.
var bundle = load{"256 KB, ", 1, 1000, largeKB}

func (l load) mirrors() int { return l.sources * l.targets }
