package runnertest

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Pair is one key and value of a file command.
type Pair struct{ Key, Value string }

// ParsePairs reads GITHUB_OUTPUT, GITHUB_ENV and GITHUB_STATE (EnvFileKeyValuePairs of
// src/Runner.Worker/FileCommandManager.cs). What was read before an error counts: the
// runner has set it by then.
func ParsePairs(file []byte) ([]Pair, error) {
	rest := strings.TrimPrefix(strings.ToValidUTF8(string(file), "\ufffd"), "\ufeff")
	var pairs []Pair
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if line == "" {
			continue
		}
		equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case equals >= 0 && (heredoc < 0 || equals < heredoc):
			pairs = append(pairs, Pair{line[:equals], line[equals+1:]})
		case heredoc >= 0:
			key, delimiter := line[:heredoc], line[heredoc+2:]
			if key == "" || delimiter == "" {
				return pairs, fmt.Errorf("invalid format '%s': name and delimiter must not be empty", line)
			}
			value, after, err := hereDocument(rest, delimiter)
			if err != nil {
				return pairs, err
			}
			pairs, rest = append(pairs, Pair{key, value}), after
		default:
			return pairs, fmt.Errorf("invalid format '%s'", line)
		}
	}
	return pairs, nil
}

// The runner's errors about here-documents.
var (
	ErrNoDelimiter = errors.New("Invalid value. Matching delimiter not found") //nolint:staticcheck // the runner's own words
	ErrNoNewline   = errors.New("Invalid value. EOF marker missing new line.") //nolint:staticcheck,revive // the runner's own words
)

func hereDocument(text, delimiter string) (value, rest string, err error) {
	end := 0
	for at := 0; ; {
		if at >= len(text) {
			return "", "", ErrNoDelimiter
		}
		line, _, ended := strings.Cut(text[at:], "\n")
		if line == delimiter {
			next := at + len(line)
			if ended {
				next++
			}
			return text[:end], text[next:], nil
		}
		if !ended {
			return "", "", ErrNoNewline
		}
		end = at + len(line)
		at = end + 1
	}
}

// maxFile is AttachmentSizeLimit of CreateStepSummaryCommand and MaxFileSizeBytes of
// CreateArtifactsFileCommand.
const maxFile = 1 << 20

// files reads what a step left in the files that it was given, as ProcessFiles does
// after the step, failed or not.
func (s *Step) files(paths map[string]string) error {
	read := func(name string) ([]byte, error) {
		b, err := os.ReadFile(paths[name])
		if os.IsNotExist(err) {
			return nil, nil
		}
		return b, err
	}
	for name, to := range map[string]*map[string]string{"output": &s.Outputs, "state": &s.State, "env": &s.Env} {
		b, err := read(name)
		if err != nil {
			return err
		}
		pairs, err := ParsePairs(b)
		if *to == nil {
			*to = map[string]string{}
		}
		for _, p := range pairs {
			(*to)[p.Key] = p.Value
		}
		if err != nil {
			s.fail("Unable to process file command '%s' successfully: %v", name, err)
		}
	}
	b, err := read("path")
	if err != nil {
		return err
	}
	s.Paths = Lines(b)
	if b, err = read("step_summary"); err != nil {
		return err
	}
	s.summary(b)
	if b, err = read("artifacts"); err != nil {
		return err
	}
	s.artifacts(b)
	return nil
}

// summary is CreateStepSummaryCommand: too large is an error on the page, not a failure.
func (s *Step) summary(b []byte) {
	if len(b) > maxFile {
		s.issue(Annotation{Level: "error", Message: fmt.Sprintf("$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of %dk, got %dk", maxFile/1024, len(b)/1024)})
		return
	}
	var lines strings.Builder
	for _, line := range Lines(b) {
		lines.WriteString(Mask(line, s.Masks) + "\n")
	}
	s.Summary = lines.String()
}

var ociSubject = regexp.MustCompile(`^(.+)@(sha256:[0-9a-fA-F]{64}|sha384:[0-9a-fA-F]{96}|sha512:[0-9a-fA-F]{128})$`)

// artifacts is CreateArtifactsFileCommand for images. Files as artifacts are left out:
// a line that names one fails here.
func (s *Step) artifacts(b []byte) {
	if len(b) > maxFile {
		s.fail("$GITHUB_ARTIFACTS is larger than %dk", maxFile/1024)
		return
	}
	for i, line := range Lines(b) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		subject := line
		if len(line) >= 6 && strings.EqualFold(line[:6], "oci://") {
			subject = line[6:]
		}
		m := ociSubject.FindStringSubmatch(subject)
		switch {
		case strings.Contains(line, "="):
			s.fail("$GITHUB_ARTIFACTS line %d: entries containing '=' are reserved and not permitted", i+1)
			return
		case m == nil:
			s.fail("$GITHUB_ARTIFACTS line %d: no reference with a digest", i+1)
			return
		}
		if s.Artifacts == nil {
			s.Artifacts = map[string]string{}
		}
		digest := strings.ToLower(m[2])
		if before, ok := s.Artifacts[m[1]]; ok && before != digest {
			s.fail("$GITHUB_ARTIFACTS line %d: conflicting digest for %s", i+1, m[1])
			return
		}
		s.Artifacts[m[1]] = digest
	}
}
