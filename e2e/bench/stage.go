package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/lukaszraczylo/kubemirror/e2e/audit"
	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
)

// contender is a program that is measured.
type contender struct{ name, binary string }

// stage is one control plane with what a scenario needs on it.
type stage struct {
	settings
	contender
	// rawFirst reports whether raw work comes before measured work: it changes with each
	// turn and from run to run, so that what depends on the order evens out.
	rawFirst bool
	// plain says that the API server doesn't stream lists; figures say so too.
	plain bool
	// relay is between the contender and the API server, where there is one.
	relay   *relay
	dir     string
	plane   *controlplane.ControlPlane
	raw     *rawClient
	seen    *observer
	results *results
}

// user is whose requests the audit log is asked for.
const user = "contender"

// within runs a scenario on a control plane of its own.
func within(ctx context.Context, s settings, run int, who contender, parent string, results *results, do scenario) (err error) {
	var options controlplane.Options
	if do.plain {
		options.APIServerFlags = []string{controlplane.WithoutWatchList}
	}
	plane, err := controlplane.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	dir, err := os.MkdirTemp(parent, "stage-")
	if err != nil {
		return fmt.Errorf("make a folder for the logs: %w", err)
	}
	config, err := plane.RESTConfig("raw", controlplane.Admins)
	if err != nil {
		return err
	}
	raw, err := newRawClient(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, err := observe(ctx, config)
	if err != nil {
		return err
	}
	if results.server, err = raw.version(ctx); err != nil {
		return err
	}
	return do.run(ctx, &stage{
		settings: s, contender: who, rawFirst: run%2 == 0, plain: do.plain, dir: dir,
		plane: plane, raw: raw, seen: seen, results: results,
	})
}

// inTurns does raw and measured work one right after the other.
func (s *stage) inTurns(raw, measured func() error) error {
	if !s.rawFirst {
		raw, measured = measured, raw
	}
	s.rawFirst = !s.rawFirst
	if err := raw(); err != nil {
		return err
	}
	return measured()
}

// requests counts what the contender asked since the mark: writes, and reads of
// objects. Discovery, which reads no objects, and the lease don't count.
func (s *stage) requests(ctx context.Context, mark audit.Mark) (writes, reads int, err error) {
	all, err := s.plane.Audit().Since(ctx, mark, audit.Filter{User: user, Except: []string{"leases"}})
	if err != nil {
		return 0, 0, err
	}
	for _, r := range all.Where(audit.Filter{Verbs: audit.Reads}) {
		if r.Resource != "" {
			reads++
		}
	}
	return len(all.Where(audit.Filter{Verbs: audit.Writes})), reads, nil
}

// gets counts the objects that the contender asked for one by one.
func (s *stage) gets(ctx context.Context, mark audit.Mark) (int, error) {
	all, err := s.plane.Audit().Since(ctx, mark, audit.Filter{User: user, Verbs: []string{"get"}, Except: []string{"leases", ""}})
	return len(all), err
}

// count is how many there are, or so many fewer in the short form.
func (s *stage) count(usual, short int) int {
	if s.short {
		return short
	}
	return usual
}

// add adds a value to a figure.
func (s *stage) add(figure string, value sample) {
	if s.plain {
		figure += plainly
	}
	s.results.add(figure, s.name, value)
}
