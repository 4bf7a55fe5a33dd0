package transform

import "time"

// Limits bounds what one rule set may ask for. A field that is zero or less
// takes the contract's default.
type Limits struct {
	// MaxRules is how many rules a set may have; 50 by default.
	MaxRules int
	// MaxSize is the most bytes of rule text; 10 KiB by default.
	MaxSize int
	// Timeout is how long one run of one template, or one list of keys that is kept,
	// may take; 100 ms by default.
	// It is counted in steps first, one a microsecond, and by the clock second.
	Timeout time.Duration
	// MaxOutput is how many bytes the rules of one Apply may write by templates and
	// copy from elsewhere, together, and how many one template may hold in values
	// beside that; 1 MiB by default.
	MaxOutput int
}

// withDefaults fills in what is left open.
func (l Limits) withDefaults() Limits {
	if l.MaxRules <= 0 {
		l.MaxRules = 50
	}
	if l.MaxSize <= 0 {
		l.MaxSize = 10 << 10
	}
	if l.Timeout <= 0 {
		l.Timeout = 100 * time.Millisecond
	}
	if l.MaxOutput <= 0 {
		l.MaxOutput = 1 << 20
	}
	return l
}
