// Plimsoll decides whether a container may leave port: it builds the image,
// looks at everything that will run, reaches one verdict about one digest, and
// only then pushes and signs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/plimsoll-ci/plimsoll/internal/cli"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
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
	host := cli.Host{Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if actions.AsAction(os.Getenv) {
		log, err := actions.Redirect(os.Getenv)
		if err != nil {
			fmt.Fprintln(os.Stderr, "plimsoll: the log cannot be made safe for the runner:", err)
			os.Exit(cli.ExitIndeterminate)
		}
		host.Log = log
	}
	code := cli.Run(ctx, os.Args[1:], host, deps)
	if host.Log != nil {
		_ = host.Log.Close() // what could not be told changes nothing
	}
	os.Exit(code)
}
