package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// settings are what the environment says.
type settings struct {
	duration time.Duration
	seed     uint64
	picture  string
}

func fromEnvironment() (settings, error) {
	s := settings{duration: 10 * time.Minute, seed: uint64(time.Now().UnixNano() % 100_000), picture: filepath.Join("_artifacts", "soak.png")}
	if text := os.Getenv("MINUTES"); text != "" {
		minutes, err := strconv.ParseFloat(text, 64)
		if err != nil || minutes <= 0 {
			return s, fmt.Errorf("MINUTES=%q is not a number of minutes", text)
		}
		s.duration = time.Duration(minutes * float64(time.Minute))
	}
	if text := os.Getenv("SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return s, fmt.Errorf("SEED=%q is not a number", text)
		}
		s.seed = seed
	}
	if text := os.Getenv("PICTURE"); text != "" {
		s.picture = text
	}
	return s, nil
}

func run(ctx context.Context) (err error) {
	s, err := fromEnvironment()
	if err != nil {
		return err
	}
	fmt.Printf("soak: %v, SEED=%d\n", s.duration, s.seed)
	c, err := newCluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.clear()) }()
	load := &load{cluster: c, random: rand.New(rand.NewPCG(s.seed, 1)), did: counts{}}     //nolint:gosec // to be repeated
	faults := &faults{cluster: c, random: rand.New(rand.NewPCG(s.seed, 2)), did: counts{}} //nolint:gosec // to be repeated
	samples := &samples{cluster: c, begin: time.Now()}
	if err := load.begin(ctx); err != nil {
		return err
	}
	busy, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	var parts sync.WaitGroup
	parts.Go(func() { load.run(busy) })
	parts.Go(func() { samples.run(busy) })
	parts.Go(func() { samples.probe(busy) })
	faultsErr := faults.run(busy)
	parts.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := errors.Join(faultsErr, c.mend(ctx)); err != nil {
		return err
	}
	rest, wrong := c.converge(ctx)
	fmt.Printf("changes: %v\nfaults: %v\nat rest after %v\n", load.did, faults.did, rest.Round(time.Millisecond))
	return errors.Join(wrong, samples.draw(s.picture), samples.judge(os.Stdout))
}

// counts says how often what was done.
type counts map[string]int
