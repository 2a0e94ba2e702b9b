package cli_test

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/plimsoll-ci/plimsoll/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// The lite program: whole, only without adapters.
		"plimsoll": func() {
			os.Exit(cli.Run(context.Background(), os.Args[1:], cli.Host{Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, cli.Deps{Version: "test"}))
		},
	})
}

// The scripts are what a user types and sees. -update rewrites the outputs they
// compare with.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: *update, RequireExplicitExec: true})
}
