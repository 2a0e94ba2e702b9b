// Plimsoll decides whether a container may leave port: it builds the image,
// looks at everything that will run, reaches one verdict about one digest, and
// only then pushes and signs.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/plimsoll-ci/plimsoll/internal/cli"
)

// version is written by the linker.
var version = "dev"

// deps are the adapters. adapters.go fills them in; under -tags lite they stay
// empty and the commands that need one are absent.
var deps cli.Deps

func main() {
	deps.Version = version
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(cli.Run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr, deps))
}
