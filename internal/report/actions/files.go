package actions

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Output is one output of the step.
type Output struct {
	Name  string // one of config.Outputs
	Value string
}

// maxOutput is how long a value may be, in bytes. Outputs carry words, counts, digests
// and paths; of all outputs of a job GitHub keeps 1 MB.
const maxOutput = 64 << 10

// Outputs sets the outputs of the step. All or none are written. A value may hold
// anything; what is not UTF-8 becomes U+FFFD, as the runner would read it. A name that
// is not in the table of outputs is refused: the runner splits a line at its first "="
// or "<<", so that a name from outside could forge another output.
func (r *Runner) Outputs(list ...Output) error {
	var b strings.Builder
	for _, o := range list {
		if !slices.ContainsFunc(config.Outputs(), func(known config.Output) bool { return known.Name == o.Name }) {
			return fmt.Errorf("setting the outputs: %q is not an output of plimsoll", o.Name)
		}
		if err := keyValue(&b, o.Name, o.Value, rand.Text()); err != nil {
			return fmt.Errorf("setting the output %s: %w", o.Name, err)
		}
	}
	if err := r.appendTo("GITHUB_OUTPUT", []byte(b.String())); err != nil {
		return fmt.Errorf("setting the outputs: %w", err)
	}
	return nil
}

// keyValue writes a pair as a here-document (src/Runner.Worker/FileCommandManager.cs,
// EnvFileKeyValuePairs) that ends at a line which nobody can foresee: with a constant
// delimiter a value could hold that line and forge another pair (CVE-2022-35954).
func keyValue(b *strings.Builder, key, value, random string) error {
	if len(value) > maxOutput {
		return fmt.Errorf("the value has %s; at most %s fit", printable.Size(int64(len(value))), printable.Size(maxOutput))
	}
	value = strings.ToValidUTF8(value, "\ufffd")
	delimiter := "plimsoll_" + random
	if strings.Contains(value, delimiter) {
		return errors.New("the value holds the delimiter that was drawn at random")
	}
	fmt.Fprintf(b, "%s<<%s\n%s\n%s\n", key, delimiter, value, delimiter)
	return nil
}

// maxSummary is how long the job summary of the step may get, in bytes. The runner
// refuses 1 MiB and more, and what it masks grows (CreateStepSummaryCommand;
// actions/runner#4337).
const maxSummary = 900 << 10

const cutNote = "\n\n… cut: the job summary is full; the whole is in the report\n"

// SummaryBudget is how many bytes of Markdown Summary takes now. What was written
// before counts.
func (r *Runner) SummaryBudget() int {
	info, err := os.Stat(r.getenv("GITHUB_STEP_SUMMARY"))
	if err != nil {
		return maxSummary
	}
	return int(max(0, maxSummary-info.Size()))
}

// Summary adds Markdown to the job summary. As a last resort it is cut behind a line,
// and says so: the caller renders within SummaryBudget.
func (r *Runner) Summary(markdown []byte) error {
	budget := r.SummaryBudget() - 1
	if len(markdown) > budget {
		markdown = cut(markdown, budget-len(cutNote))
		if len(cutNote) <= budget {
			markdown = append(slices.Clone(markdown), cutNote...)
		}
	}
	if len(markdown) == 0 {
		return nil
	}
	if markdown[len(markdown)-1] != '\n' {
		markdown = append(slices.Clone(markdown), '\n')
	}
	if err := r.appendTo("GITHUB_STEP_SUMMARY", markdown); err != nil {
		return fmt.Errorf("writing the job summary: %w", err)
	}
	return nil
}

// cut keeps at most limit bytes: whole lines where there are any, else whole characters.
func cut(b []byte, limit int) []byte {
	b = b[:max(0, min(limit, len(b)))]
	if i := slices.Index(b, '\n'); i >= 0 {
		for b[len(b)-1] != '\n' {
			b = b[:len(b)-1]
		}
		return b
	}
	for len(b) > 0 && !utf8.Valid(b[max(0, len(b)-utf8.UTFMax):]) {
		if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size > 1 {
			break
		}
		b = b[:len(b)-1]
	}
	return b
}

// subject is the form of a line of GITHUB_ARTIFACTS (src/Runner.Worker/
// CreateArtifactsFileCommand.cs): one that the runner cannot read fails the step.
var subject = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._:/\[\]-]*@sha256:[0-9a-f]{64}$`)

// Artifact declares an image that was pushed, as name@sha256:…, to the runner, which
// hands it to later steps. A runner without GITHUB_ARTIFACTS (before v2.336) is told
// nothing.
func (r *Runner) Artifact(image string) error {
	if r.getenv("GITHUB_ARTIFACTS") == "" {
		return nil
	}
	if !subject.MatchString(image) {
		return fmt.Errorf("declaring an artifact: %q is not name@sha256:digest", image)
	}
	if err := r.appendTo("GITHUB_ARTIFACTS", []byte("oci://"+image+"\n")); err != nil {
		return fmt.Errorf("declaring an artifact: %w", err)
	}
	return nil
}

// appendTo adds data, in one write, to the file that a variable of the runner names.
func (r *Runner) appendTo(variable string, data []byte) error {
	name := r.getenv(variable)
	if name == "" {
		return fmt.Errorf("%s is not set; the runner sets it for every step", variable)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening the file of %s: %w", variable, cause(err))
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(fmt.Errorf("writing the file of %s: %w", variable, cause(err)), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing the file of %s: %w", variable, cause(err))
	}
	return nil
}

// cause is why a file could not be used: its name says nothing to people.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
