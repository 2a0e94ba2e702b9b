package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/fix"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// checkFix refuses what cannot be printed at once: a diff stands where the report would.
func checkFix(cfg *config.Config) error {
	if cfg.Diff && cfg.Format != "text" && cfg.Output == "" {
		return &config.UsageError{Where: "flag --diff", Err: fmt.Errorf("prints a diff instead of the report in --format=%s; name a file for the report with --output", cfg.Format)}
	}
	return nil
}

// mend makes the safe fixes of what the sources show, as far as nobody excused it, and
// prints what they change. Without --fix nothing is written. Files that could not be
// written are one error; what is judged afterwards is what is there then.
func (r *runner) mend(ctx context.Context, tree *source.Tree) error {
	if !r.cfg.Fix && !r.cfg.Diff {
		return nil
	}
	seen, err := lint.Run(ctx, r.env.deps.linters(), r.env.book.across(), tree, r.lintOptions())
	if err != nil {
		return err
	}
	found, _, err := r.excused(seen.Findings, false)
	if err != nil {
		return err
	}
	changes := fix.Changes(found, seen.Sources)
	marked := map[string]bool{}
	for _, c := range changes {
		content, err := tree.Content(c.Source.Path)
		marked[c.Source.Path] = err == nil && strings.HasPrefix(string(content), "\uFEFF")
	}
	if r.cfg.Fix {
		changes, err = r.write(tree, changes)
	}
	if r.cfg.Diff {
		err = errors.Join(err, fix.WriteDiff(r.env.stdout, changes, func(path string) bool { return marked[path] }))
	}
	return err
}

// write makes changes and returns those that were made.
func (r *runner) write(tree *source.Tree, changes []fix.Change) ([]fix.Change, error) {
	var made []fix.Change
	var errs []error
	mended := 0
	for _, c := range changes {
		for _, l := range c.Left {
			r.notes = append(r.notes, fmt.Sprintf("%s:%d: %s is not mended: %s", c.Source.Path, l.Finding.Location.Line, l.Finding.Rule.ID, l.Why))
		}
		if c.Text == c.Source.Text {
			continue
		}
		if err := tree.Replace(c.Source.File, c.Text); err != nil {
			errs = append(errs, err)
			continue
		}
		made = append(made, c)
		mended += len(c.Mended)
	}
	if mended > 0 {
		r.notes = append(r.notes, fmt.Sprintf("mended %s in %s", printable.Count(mended, "finding"), printable.Count(len(made), "file")))
	}
	return made, errors.Join(errs...)
}
