//go:build !slim && !linux

package doors

import (
	"context"
	"errors"
	"os"
)

// Serve is what a sibling does, and siblings run Linux.
func Serve(context.Context, *os.File, *os.File) error {
	return errors.New("a sibling runs Linux")
}
