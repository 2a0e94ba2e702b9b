// Demo shows the gate on two ships: one that is refused and one that sails. It
// starts a registry of its own on this machine, fills it with a real Alpine base
// and a small vulnerability database made of real advisories, and then runs the
// plimsoll command as a user would. It checks what it shows: when a promise does
// not hold, it ends with an error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	plimsoll := flag.String("plimsoll", "bin/plimsoll", "the program to show")
	out := flag.String("out", "out", "where reports and keys are written")
	flag.Parse()
	err := demo(ctx, *plimsoll, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, plimsoll, out string) error {
	binary, err := filepath.Abs(plimsoll)
	if err != nil {
		return fmt.Errorf("finding %s: %w", plimsoll, err)
	}
	if out, err = filepath.Abs(out); err != nil {
		return fmt.Errorf("finding %s: %w", out, err)
	}
	say("Setting up a harbour on this machine: a registry, an Alpine base, a vulnerability database, a key.")
	stocked, err := gather(ctx, ".", out)
	if err != nil {
		return err
	}
	return sail(ctx, stocked, binary, out)
}

// sail runs the program on the ships, and needs no Go toolchain any more.
func sail(ctx context.Context, stocked *stores, binary, out string) error {
	h, err := stocked.open(ctx, registrytest.Options{})
	if err != nil {
		return err
	}
	defer h.Close()
	d := &show{harbour: h, plimsoll: binary, out: out}

	say("The bad ship: an old base, a program with a known hole, root, a token in a variable, careless manifests.")
	bad, err := d.gate(ctx, "bad")
	if err != nil {
		return err
	}
	if cause, cannot := builderMissing(bad); cannot {
		return d.withoutBuilder(ctx, cause)
	}
	if err := refused(bad, h.ships["bad"], h.written("ships/bad")); err != nil {
		return fmt.Errorf("the bad ship: %w", err)
	}
	note("refused, and the registry saw no write to its repository")

	say("The good ship: nothing but a static program and a numeric user.")
	good, err := d.gate(ctx, "good")
	if err != nil {
		return err
	}
	if err := sailed(good, h.tagged("ships/good", "1.0.0")); err != nil {
		return fmt.Errorf("the good ship: %w", err)
	}
	say("Anybody who has the public key can check it, by digest.")
	if err := d.verify(ctx, good.Subjects[0].Digest); err != nil {
		return err
	}
	say("The reports are in " + relative(out) + ": bad/ and good/ hold report.json, summary.md and report.txt each.")
	return nil
}

// relative makes a path short when it lies below where we stand.
func relative(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

func say(text string) { fmt.Fprintf(os.Stdout, "\n== %s\n\n", text) }

func note(text string) { fmt.Fprintf(os.Stdout, "   → %s\n", text) }

// patience bounds one run of the program; a good day takes seconds.
const patience = 15 * time.Minute

var errPromise = errors.New("a promise of the demo does not hold")
