// Package analyze takes the inventory of an image and looks for secrets in it,
// with Trivy's analyzers as one visitor of our walk over the layers.
//
// It exists because Trivy's own walk reads every layer to its end through a
// stream, guesses which layers are the base image's, and goes on silently when
// an analyzer fails. Here what could not be read becomes a record.
//
// Nothing here reaches for a network: analyzers run offline, Java archives,
// which would need a database of their own, are only counted, and SBOMs are
// never looked up in a registry.
package analyze

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"

	xos "github.com/aquasecurity/trivy/pkg/x/os"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// Analyzer makes visits. Several may be under way at once.
type Analyzer struct {
	router *router
}

var _ scan.Analyzer = (*Analyzer)(nil)

// New makes an analyzer. Trivy logs through the default logger of the process,
// so New replaces that, once and for good: what Trivy and others log there and
// is not about a visit goes to the handler given, or nowhere when it is nil. The
// standard library's own log package is left as it is.
func New(logs slog.Handler) *Analyzer {
	if r, ok := slog.Default().Handler().(*router); ok {
		return &Analyzer{router: r} // one of an earlier call
	}
	if logs == nil {
		logs = slog.DiscardHandler
	}
	r := &router{rest: logs, state: &routing{}}
	out, flags := log.Writer(), log.Flags()
	slog.SetDefault(slog.New(r))
	log.SetOutput(out) // SetDefault had led it to r
	log.SetFlags(flags)
	return &Analyzer{router: r}
}

// Close removes the directory for temporary files that Trivy keeps for the whole
// process. It is for the end of the program: no visit works after it.
func (*Analyzer) Close() error {
	if err := xos.Cleanup(); err != nil {
		return fmt.Errorf("removing Trivy's temporary files: %w", err)
	}
	return nil
}

// NewVisit makes a visitor for one walk over img. It fails when a pattern to
// skip is malformed or when there is no room for temporary files.
func (a *Analyzer) NewVisit(ctx context.Context, img image.Image, opts scan.Options) (scan.Visit, error) {
	skip, err := newSkips(opts.SkipDirs, opts.SkipFiles)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "plimsoll-analyze-")
	if err != nil {
		return nil, fmt.Errorf("making room to analyze %s: %w", img.Reference, err)
	}
	return &visit{
		ctx: ctx, img: img, opts: opts, router: a.router, skip: skip, dir: dir,
		unread: newLedger(artifact(img)), found: map[string]struct{}{},
	}, nil
}

// artifact names an image in locations: by its reference where it has one.
func artifact(img image.Image) string {
	if img.Reference != "" {
		return img.Reference
	}
	return img.Digest.String()
}
