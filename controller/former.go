package controller

import (
	"context"
	"slices"

	"github.com/lukaszraczylo/kubemirror/mirror"
)

// A source whose target-name has changed may find the new name taken: by somebody's
// object, by another source's mirror, by a server that refuses to make it. Until the
// new mirror is there, the one under the former name stays: to delete it would take away
// what somebody uses because of something that they have nothing to do with. It follows
// the source: left as it was, it would hand out a password that was changed, and keep
// what a rule is now to take out. It is told of, for it keeps its name from others.

// formerMirrors are those under other names, where there is none under this one.
func (s *snapshot) formerMirrors(name string) []*mirror.Record {
	ofType := slices.DeleteFunc(slices.Clone(s.existing), func(r *mirror.Record) bool { return r.Resource() != s.source.Mirrors.Resource })
	if slices.ContainsFunc(ofType, func(r *mirror.Record) bool { return r.Name == name }) {
		return nil
	}
	return slices.DeleteFunc(ofType, func(r *mirror.Record) bool { return r.Terminating || r.DeleteRequested })
}

// keepFormer makes the mirrors right that stand in for one that can't be made, for the
// reason that failed says. It returns what is to be told, and whether to try again.
func (w *mirrorWorker) keepFormer(ctx context.Context, key mirror.MirrorKey, s snapshot, name string, failed mirror.Problem) (problems []mirror.Problem, err error) {
	s.former = true
	var names []string
	for _, r := range s.formerMirrors(name) {
		shape, wrong := s.source.Desired(s.namespace, r.Name)
		if shape == nil {
			problems = append(problems, wrong...)
			continue
		}
		problem, again := w.ensure(ctx, key, s, mirror.Draft{Source: s.source, Desired: shape, Namespace: key.Namespace, Name: r.Name})
		switch {
		case problem != nil:
			problems = append(problems, *problem)
		case again == nil:
			names = append(names, r.Name) // it is as the source is
		}
		if again != nil {
			err = again
		}
	}
	if len(names) > 0 {
		failed = failed.Meanwhile(names)
	}
	return append([]mirror.Problem{failed}, problems...), err
}
