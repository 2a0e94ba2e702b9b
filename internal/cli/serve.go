package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// serve is the command of a sibling container, started by nobody but us and listed
// nowhere: our builder on standard input and output. What it has to say goes to
// standard error, to whoever started the container.
func (env *environment) serve(ctx context.Context, host Host) int {
	in, isFile := host.Stdin.(*os.File)
	out, isFileToo := host.Stdout.(*os.File)
	if env.deps.Serve == nil || !isFile || !isFileToo {
		return env.fail(unknownCommand(build.ServeCommand))
	}
	if err := env.deps.Serve(ctx, in, out); err != nil {
		fmt.Fprintf(host.Stderr, "plimsoll: %s\n", printableError(err))
		return ExitIndeterminate
	}
	return ExitPass
}
