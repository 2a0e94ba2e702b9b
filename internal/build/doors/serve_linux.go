//go:build !slim

package doors

import (
	"context"
	"fmt"
	"os"

	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/controller"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
)

// Serve is what a sibling does: it makes its cgroups writable and serves our
// builder on in and out until in ends or ctx does. Nobody else has a use for it.
func Serve(ctx context.Context, in, out *os.File) error {
	if err := engine.WritableCgroups(); err != nil {
		return err
	}
	return controller.Serve(ctx, engine.Stdio(in, out), controller.Options{
		CacheDir: engine.CachePath,
		Notice:   func(text string) { fmt.Fprintln(os.Stderr, text) },
	})
}
