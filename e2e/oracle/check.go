package oracle

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Check says what is wrong with the cluster; nil where all is as it should be.
func (s *State) Check() error {
	wanted, frozen := s.Wanted(), s.Frozen()
	var wrong []error
	for place, by := range wanted {
		if _, is := frozen[place]; is {
			continue
		}
		if err := s.checkWanted(place, by); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", place, err))
		}
	}
	for place, was := range frozen {
		if o := s.find(place); o == nil || Whole(o) != was {
			wrong = append(wrong, fmt.Errorf("%s: it is not as it was when its source was paused or could no longer be read", place))
		}
	}
	for place, was := range s.Foreign {
		if o := s.find(place); o == nil || Whole(o) != was {
			wrong = append(wrong, fmt.Errorf("%s: it is somebody's, and not as they left it", place))
		}
	}
	for i := range s.Objects {
		o := &s.Objects[i]
		place := PlaceOf(o)
		_, foreign := s.Foreign[place]
		_, source := s.Sources[place]
		_, still := frozen[place]
		var err error
		switch {
		case source:
			err = s.checkSource(o)
		case !foreign && !still && wanted[place] == nil:
			err = errors.New("it is not to be here")
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", place, err))
		}
	}
	for place := range s.Sources {
		if s.find(place) == nil {
			wrong = append(wrong, fmt.Errorf("%s: the source is not there", place))
		}
	}
	return errors.Join(wrong...)
}

// checkWanted says what is wrong with the one mirror of a place.
func (s *State) checkWanted(place Place, by []Place) error {
	o := s.find(place)
	switch {
	case o == nil:
		return fmt.Errorf("there is no mirror, and %v want one", by)
	case !IsMirror(o):
		return errors.New("it is no mirror")
	case !slices.Contains(by, sourceOf(o)):
		return fmt.Errorf("it is of %s, and wanted by %v", sourceOf(o), by)
	}
	return sameAs(o, s.find(sourceOf(o)))
}

// checkSource says what is wrong with what is or was a source.
func (s *State) checkSource(o *unstructured.Unstructured) error {
	if Author(o) != s.Sources[PlaceOf(o)] {
		return errors.New("it is not as its author left it")
	}
	var mirrors []Place
	for i := range s.Objects {
		if m := &s.Objects[i]; IsMirror(m) && sourceOf(m) == PlaceOf(o) {
			mirrors = append(mirrors, PlaceOf(m))
		}
	}
	if has := slices.Contains(o.GetFinalizers(), finalizer); has != (len(mirrors) > 0) {
		return fmt.Errorf("it has %d mirrors, and our finalizer on it: %v", len(mirrors), has)
	}
	return s.checkStatus(o, mirrors)
}

// checkStatus says what is wrong with what a source tells its author.
func (s *State) checkStatus(o *unstructured.Unstructured, mirrors []Place) error {
	status, failed := o.GetAnnotations()[domain+"sync-status"], o.GetAnnotations()[domain+"failed-targets"]
	asked, wants := s.asked(o), s.wants(o)
	var lacks []string
	for _, place := range wants {
		if !slices.Contains(mirrors, place) {
			lacks = append(lacks, place.Namespace)
		}
	}
	right := false
	switch modeOf(o) {
	case off:
		right = status == "" || s.Unseen && o.GetLabels()[domain+"enabled"] != "true"
	case paused:
		right = status == "paused"
	case stopped:
		right = strings.HasPrefix(status, "stopped: ")
	case on:
		missing := s.missing(o)
		count := fmt.Sprintf("%d/%d synced", len(wants)-len(lacks), len(asked)+len(missing))
		if right = status == count; len(lacks) > 0 || len(wants) == 0 || len(asked) > len(wants) || len(missing) > 0 {
			right = strings.HasPrefix(status, count+": ")
		}
	}
	if !right || failed != strings.Join(lacks, ",") {
		return fmt.Errorf("it wants mirrors in %v and has %v; its status is %q, its failed targets are %q", wants, mirrors, status, failed)
	}
	return nil
}
