package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lukaszraczylo/kubemirror/option"
)

// formerFlags are those of the kubemirror before this one that have nothing left to do;
// those that are true do without a value. Whoever still gives one is told, and not
// refused.
var formerFlags = map[string]bool{
	"resync-period":           false,
	"verify-source-freshness": true,
	"lazy-watcher-init":       true,
	"watcher-scan-interval":   false,
	"zap-devel":               true,
	"zap-encoder":             false,
	"zap-log-level":           false,
	"zap-stacktrace-level":    false,
	"zap-time-encoding":       false,
}

// addFormer takes them, whatever their values, and leaves them out of the help. Those that
// were given are added to the list.
func addFormer(flags *pflag.FlagSet, given *[]string) {
	for name, bare := range formerFlags {
		flag := flags.VarPF(option.New("", "", func(string) error {
			if !slices.Contains(*given, "--"+name) {
				*given = append(*given, "--"+name)
			}
			return nil
		}), name, "", "")
		flag.Hidden = true
		if bare {
			flag.NoOptDefVal = "true"
		}
	}
}

// formerFlagsGiven is what to say of them; empty where there were none.
func (o *options) formerFlagsGiven() string {
	if len(o.former) == 0 {
		return ""
	}
	return "These flags do nothing any more, and can be left out: " + strings.Join(o.former, ", ")
}
