package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/report/markdown"
	"github.com/plimsoll-ci/plimsoll/internal/report/text"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// display shows progress for as long as a command works.
type display interface {
	progress.Sink
	Close() error
}

type silent struct{ progress.Sink }

func (silent) Close() error { return nil }

// display chooses how progress is shown: not at all when quiet, live on a
// terminal, as plain lines elsewhere.
func (env *environment) display(cfg *config.Config) display {
	switch {
	case env.runner != nil && !cfg.Quiet:
		return actions.NewProgress(env.runner)
	case cfg.Quiet:
		return silent{progress.Discard}
	case env.terminal(env.stderr) && !cfg.Debug:
		return progress.NewTerminal(env.stderr, func() int { return width(env.stderr) }, env.color(env.stderr))
	default:
		return progress.NewPlain(env.stderr, cfg.Debug)
	}
}

type descriptor interface{ Fd() uintptr }

func (env *environment) terminal(w io.Writer) bool {
	f, ok := w.(descriptor)
	return ok && term.IsTerminal(int(f.Fd())) && env.getenv("TERM") != "dumb" && env.getenv("CI") == ""
}

// color follows https://no-color.org and needs a terminal.
func (env *environment) color(w io.Writer) bool {
	return env.terminal(w) && env.getenv("NO_COLOR") == ""
}

func width(w io.Writer) int {
	if f, ok := w.(descriptor); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

// print writes a result in the form asked for, to --output or standard output.
func (env *environment) print(cfg *config.Config, result verdict.Result) error {
	if cfg.Diff && cfg.Output == "" {
		return nil // the diff stands where the report would
	}
	if cfg.Output == "" {
		return render(env.stdout, cfg.Format, result, text.Options{
			Color: env.color(env.stdout), Width: width(env.stdout), Verbose: cfg.Debug, Report: whole(cfg),
		})
	}
	return writeFile(cfg.Output, cfg.Format, result)
}

// whole says where everything can be found that a text leaves out.
func whole(cfg *config.Config) string {
	if cfg.ReportDir != "" && slices.Contains(cfg.Reports, "json") {
		return filepath.ToSlash(filepath.Join(cfg.ReportDir, files["json"]))
	}
	return "the output of --format=json"
}

func render(w io.Writer, form string, result verdict.Result, opts text.Options) error {
	switch form {
	case "json":
		return report.WriteJSON(w, result)
	case "markdown":
		return markdown.Summary(w, result, markdown.SummaryOptions{Report: opts.Report})
	default:
		return text.Write(w, result, opts)
	}
}

// files are the names of the reports in report-dir.
var files = map[string]string{"json": "report.json", "markdown": "summary.md", "text": "report.txt"}

// writeReports writes the reports that are asked for. All are tried; errors are joined.
func (r *runner) writeReports(result verdict.Result) error {
	if r.cfg.ReportDir == "" {
		return nil
	}
	to, err := r.reports()
	if err != nil {
		return err
	}
	var errs []error
	for _, form := range r.cfg.Reports {
		data, err := rendered(form, result)
		if err == nil {
			err = to.write(files[form], data)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func rendered(form string, result verdict.Result) ([]byte, error) {
	var b bytes.Buffer
	if err := render(&b, form, result, text.Options{Width: 120, Report: files["json"]}); err != nil {
		return nil, fmt.Errorf("writing the report as %s: %w", form, err)
	}
	return b.Bytes(), nil
}

// writeFile replaces the file that a person named as a whole, so that no reader sees
// half a report. The file may lie behind links, which are that person's.
func writeFile(path, form string, result verdict.Result) error {
	data, err := rendered(form, result)
	if err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, pathCause(err))
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("writing %s: %w", path, pathCause(err))
	}
	return nil
}

// pathCause is why a file could not be used, without its name said twice.
func pathCause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return linkErr.Err
	}
	return err
}

// printableError makes an error safe for a terminal: it may quote what lay in an image.
func printableError(err error) string { return strings.Join(printable.Lines(err.Error()), "\n  ") }
