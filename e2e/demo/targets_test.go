package main

import (
	"slices"
	"testing"
)

func TestTargets(t *testing.T) {
	t.Parallel()
	there := map[string]bool{"default": true, "app-api": false, "app-web": true, "kube-system": false}
	for asks, want := range map[string][]string{
		"":                   nil,
		"app-web":            {"app-web"},
		"nowhere, app-api":   {"app-api"},
		"app-*,default":      {"app-api", "app-web"},
		"all":                {"app-api", "app-web", "kube-system"},
		"!kube-*,all":        {"app-api", "app-web"},
		"all-labeled":        {"app-web"},
		"app-?p?,!app-web,[": {"app-api"},
	} {
		if got := targets(asks, "default", there); !slices.Equal(got, want) {
			t.Errorf("%q asks for %q, want %q", asks, got, want)
		}
	}
}
