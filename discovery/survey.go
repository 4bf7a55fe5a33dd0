package discovery

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Survey is what the API server serves at one moment, and what of it is mirrored: for who
// asks once, and explains it. A Watcher keeps asking.
type Survey struct {
	// Types are those that are mirrored.
	Types  []Type
	served serverResources
	named  []Name
}

// NewSurvey asks the API server what it serves. Named is the value of --resource-types.
func NewSurvey(ctx context.Context, config *rest.Config, client *http.Client, named []Name) (*Survey, error) {
	server, err := newServer(config, client)
	if err != nil {
		return nil, err
	}
	served, err := server.everything(ctx)
	if err != nil {
		return nil, err
	}
	types, _ := filter(served, named)
	return &Survey{Types: types, served: served, named: named}, nil
}

// Failed has the group versions that the API server couldn't describe.
func (s *Survey) Failed() []string { return failedGroups(s.served) }

// TypeOf returns the type in which a kind is mirrored, or why it isn't and what to do.
func (s *Survey) TypeOf(kind schema.GroupKind) (Type, string) {
	if n := slices.IndexFunc(s.Types, func(t Type) bool { return t.groupKind() == kind }); n >= 0 {
		return s.Types[n], ""
	}
	for gv, resource := range s.served.all() {
		t := typeOf(gv, resource)
		if t.groupKind() != kind {
			continue
		}
		if reason := Unlisted(t, s.named); reason != "" {
			return t, reason
		}
		if reason := ineligible(resource); reason != "" {
			return t, strings.TrimSuffix(reason, ": take it out of the list")
		}
	}
	return Type{}, "the API server does not serve it"
}

// Unlisted returns why a type isn't mirrored by what --resource-types names and by what is
// known of its kind: "" where neither speaks against it.
func Unlisted(t Type, named []Name) string {
	if why, never := neverMirrored[t.groupKind()]; never {
		return fmt.Sprintf("%s is never mirrored: %s", t, why)
	}
	switch {
	case len(named) > 0 && !slices.Contains(named, t.name()):
		return fmt.Sprintf("%s is not in --resource-types", t)
	case len(named) > 0:
	case onlyWhenNamed[t.groupKind()]:
		return fmt.Sprintf("%s is mirrored only when --resource-types names it", t)
	case undecided(t.groupKind()):
		return fmt.Sprintf("%s is newer than this version of KubeMirror, and mirrored only when --resource-types names it", t)
	}
	return ""
}
