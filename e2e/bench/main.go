package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lukaszraczylo/kubemirror/e2e/controlplane"
	"github.com/lukaszraczylo/kubemirror/e2e/kubemirror"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what the environment says.
type settings struct {
	runs   int
	short  bool
	only   []string
	scale  bool
	peer   string
	report string
}

func fromEnvironment() (settings, error) {
	s := settings{runs: 3, short: os.Getenv("SHORT") != "", scale: os.Getenv("SCALE") != "", peer: os.Getenv("PEER"), report: "_artifacts/bench.json"}
	if s.short {
		s.runs = 1
	}
	if text := os.Getenv("RUNS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return s, fmt.Errorf("RUNS=%q is not a number of runs", text)
		}
		s.runs = n
	}
	if text := os.Getenv("ONLY"); text != "" {
		s.only = strings.Split(text, ",")
	}
	if text := os.Getenv("JSON"); text != "" {
		s.report = text
	}
	return s, nil
}

func bench(ctx context.Context) error {
	s, err := fromEnvironment()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "kubemirror-bench-")
	if err != nil {
		return fmt.Errorf("make a folder for the logs: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary, err := kubemirror.Build(ctx, dir)
	if err != nil {
		return err
	}
	contenders := []contender{{"kubemirror", binary}}
	if s.peer != "" {
		path, err := filepath.Abs(s.peer)
		if err != nil {
			return fmt.Errorf("find PEER=%q: %w", s.peer, err)
		}
		contenders = append(contenders, contender{"peer", path})
	}
	if _, err := controlplane.Build(ctx, os.Stderr); err != nil {
		return err
	}
	results := newResults()
	start := time.Now()
	failed := measureAll(ctx, s, contenders, dir, results)
	report := results.report(s, time.Since(start)) // what there is, if not all
	fmt.Print(report.table())
	return errors.Join(failed, report.write(s.report), report.over())
}

// measureAll runs all scenarios as often as is wanted.
func measureAll(ctx context.Context, s settings, contenders []contender, dir string, results *results) error {
	for run := range s.runs {
		for _, scenario := range scenariosOf(s) {
			for _, who := range contenders {
				if err := measure(ctx, s, run, scenario, who, dir, results); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measure runs one scenario once. What goes wrong with the peer is reported and
// doesn't end the rest.
func measure(ctx context.Context, s settings, run int, scenario scenario, who contender, dir string, results *results) error {
	fmt.Fprintf(os.Stderr, "run %d: %s, %s\n", run+1, scenario.name, who.name)
	err := within(ctx, s, run, who, dir, results, scenario)
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case who.name == "peer":
		fmt.Fprintf(os.Stderr, "the peer failed at %s: %v\n", scenario.name, err)
		return nil
	}
	return fmt.Errorf("%s: %w", scenario.name, err)
}

type scenario struct {
	name string
	run  func(context.Context, *stage) error
	// plain: on an API server that doesn't stream lists.
	plain bool
}

// scenarios are all there are, in the order of the report.
var scenarios = []scenario{
	{"costs", costs, false},
	{"costs-plain", costs, true},
	{"received-4KB", receivedSmall, false},
	{"received-256KB", receivedLarge, false},
	{"types", types, false},
	{"types-plain", types, true},
	{"fan-out", fanOut, false},
	{"bundle", bundles, false},
	{"latency", latency, false},
	{"growth-4KB", smallGrowth, false},
	{"growth-64KB", largeGrowth, false},
	{"churn", churn, false},
	{"origins", origins, false},
	{"scale", scale, false},
	{"scale-plain", scale, true},
}

// short are those of the short form.
var short = []string{"costs", "received-4KB", "received-256KB", "fan-out"}

// scenariosOf are the scenarios wanted.
func scenariosOf(s settings) []scenario {
	var wanted []scenario
	for _, one := range scenarios {
		byDefault := s.scale || !strings.HasPrefix(one.name, "scale")
		if s.short {
			byDefault = slices.Contains(short, one.name)
		}
		if slices.Contains(s.only, one.name) || s.only == nil && byDefault {
			wanted = append(wanted, one)
		}
	}
	return wanted
}
