package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cli"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// asAction makes the test binary the program of a container action: "lite" without
// adapters, "full" with a builder whose builds all fail.
const asAction = "PLIMSOLL_TEST_AS_ACTION"

func TestMain(m *testing.M) {
	switch os.Getenv(asAction) {
	case "lite":
		os.Exit(program(cli.Deps{Version: "test"}))
	case "full":
		os.Exit(program(cli.Deps{
			Version: "test", Builder: func(build.Options) build.Builder { return shipwright{} },
			Analyzer: func() scan.Analyzer { return blind{} },
			Verifier: func(sign.KeyOptions, config.Getenv, *registry.Client) (sign.Verifier, error) { return stranger{}, nil },
		}))
	}
	testscript.Main(m, map[string]func(){"plimsoll": func() { os.Exit(program(cli.Deps{Version: "test"})) }})
}

// shipwright leaves a file beside the Dockerfile where it built, prints the secrets
// that it was given, and fails.
type shipwright struct{}

func (shipwright) Build(_ context.Context, spec build.Spec, sink progress.Sink) (build.Result, error) {
	said := []string{"building " + spec.Dockerfile}
	for _, s := range spec.Secrets {
		said = append(said, "the secret is "+string(s.Data))
	}
	for _, line := range said {
		sink.Emit(progress.Event{Kind: progress.Log, Stage: "build", Text: line})
	}
	fmt.Println(strings.Join(said, "\n")) // as a library would
	if err := os.WriteFile(spec.Dockerfile+".built", nil, 0o644); err != nil {
		return build.Result{}, err
	}
	return build.Result{}, &build.FailedError{
		Location: finding.Location{Path: spec.DockerfileName, Line: 1}, Step: "FROM scratch", Log: said, Err: errors.New(said[len(said)-1]),
	}
}

// blind is asked for and never used: no build succeeds.
type blind struct{ scan.Analyzer }

func (blind) Close() error { return nil }

// stranger knows no signature.
type stranger struct{}

func (stranger) Verify(context.Context, name.Digest) ([]verdict.Evidence, error) { return nil, nil }

// program does what main does, whole.
func program(deps cli.Deps) int {
	host := cli.Host{Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if actions.AsAction(os.Getenv) {
		log, err := actions.Redirect(os.Getenv)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return cli.ExitIndeterminate
		}
		host.Log = log
		defer func() { _ = log.Close() }()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return cli.Run(ctx, os.Args[1:], host, deps)
}

// The scripts are what a user types and sees. -update rewrites the outputs they
// compare with.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: *update, RequireExplicitExec: true})
}
