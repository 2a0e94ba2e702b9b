package runnertest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The inputs and results of src/Test/L0/Worker/SetOutputFileCommandL0.cs; SetEnv and
// SaveState have the same.
func TestParsePairsAsTheRunnersOwnTestsSay(t *testing.T) {
	t.Parallel()
	const bom = "\ufeff"
	lines := func(l ...string) string { return bom + strings.Join(l, "\n") }
	for _, test := range []struct {
		name, file string
		want       []Pair
		err        error
	}{
		{"EmptyFile", bom, nil, nil},
		{"Simple", lines("MY_OUTPUT=MY VALUE"), []Pair{{"MY_OUTPUT", "MY VALUE"}}, nil},
		{"Simple_SkipEmptyLines", lines("", "MY_OUTPUT=my value", "", "MY_OUTPUT_2=my second value", ""), []Pair{{"MY_OUTPUT", "my value"}, {"MY_OUTPUT_2", "my second value"}}, nil},
		{"Simple_EmptyValue", lines("MY_OUTPUT="), []Pair{{"MY_OUTPUT", ""}}, nil},
		{"Simple_SpecialCharacters", lines("MY_OUTPUT==abc", "MY_OUTPUT_2=def=ghi", "MY_OUTPUT_3=jkl="), []Pair{{"MY_OUTPUT", "=abc"}, {"MY_OUTPUT_2", "def=ghi"}, {"MY_OUTPUT_3", "jkl="}}, nil},
		{"Heredoc", lines("MY_OUTPUT<<EOF", "line one", "line two", "line three", "EOF"), []Pair{{"MY_OUTPUT", "line one\nline two\nline three"}}, nil},
		{"Heredoc_EmptyValue", lines("MY_OUTPUT<<EOF", "EOF"), []Pair{{"MY_OUTPUT", ""}}, nil},
		{"Heredoc_SkipEmptyLines", lines("", "MY_OUTPUT<<EOF", "hello", "world", "EOF", "", "MY_OUTPUT_2<<EOF", "HELLO", "AGAIN", "EOF", ""), []Pair{{"MY_OUTPUT", "hello\nworld"}, {"MY_OUTPUT_2", "HELLO\nAGAIN"}}, nil},
		{
			"Heredoc_SpecialCharacters", lines("MY_OUTPUT<<=EOF", "hello", "one", "=EOF", "MY_OUTPUT_2<<<EOF", "hello", "two", "<EOF", "MY_OUTPUT_3<<EOF", "hello", "", "three", "", "EOF", "MY_OUTPUT_4<<EOF", "hello=four", "EOF", "MY_OUTPUT_5<<EOF", " EOF", "EOF"),
			[]Pair{{"MY_OUTPUT", "hello\none"}, {"MY_OUTPUT_2", "hello\ntwo"}, {"MY_OUTPUT_3", "hello\n\nthree\n"}, {"MY_OUTPUT_4", "hello=four"}, {"MY_OUTPUT_5", " EOF"}},
			nil,
		},
		{"Heredoc_MissingNewLine", bom + "MY_OUTPUT<<EOF line one line two line three EOF", nil, ErrNoDelimiter},
		{"Heredoc_MissingNewLineMultipleLines", bom + "MY_OUTPUT<<EOF line one\n line two\n line three EOF", nil, ErrNoNewline},
	} {
		got, err := ParsePairs([]byte(test.file))
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", test.name, err, test.err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	for _, file := range []string{"word\n", "<<EOF\nx\nEOF\n", "key<<\nx\n\n"} {
		if got, err := ParsePairs([]byte(file)); err == nil {
			t.Errorf("%q gives %v", file, got)
		}
	}
}

// src/Test/L0/Worker/CreateStepSummaryCommandL0.cs: empty, too large, simple, scrubbed.
func TestSummary(t *testing.T) {
	t.Parallel()
	s := &Step{Masks: []string{"ghs_verysecuretoken"}}
	s.summary(nil)
	if s.Summary != "" || len(s.Annotations) != 0 {
		t.Errorf("nothing gives %q, %v", s.Summary, s.Annotations)
	}
	s.summary([]byte("# GITHUB_TOKEN ghs_verysecuretoken\n\n## more"))
	if s.Summary != "# GITHUB_TOKEN ***\n\n## more\n" {
		t.Errorf("%q", s.Summary)
	}
	s.summary(make([]byte, maxFile+1))
	if len(s.Annotations) != 1 || len(s.Failed) != 0 {
		t.Errorf("too large: %v, %v", s.Annotations, s.Failed)
	}
}

// src/Test/L0/Worker/CreateArtifactsFileCommandL0.cs, the cases about images.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat
	for _, test := range []struct {
		file string
		want map[string]string
		bad  bool
	}{
		{"\n# this is a comment\n   # leading-whitespace comment\n\n   ", nil, false},
		{"ghcr.io/octocat/myapp:1.0.0@sha256:" + hex("a", 64), map[string]string{"ghcr.io/octocat/myapp:1.0.0": "sha256:" + hex("a", 64)}, false},
		{"ghcr.io/x/y@sha384:" + hex("b", 96), map[string]string{"ghcr.io/x/y": "sha384:" + hex("b", 96)}, false},
		{"ghcr.io/x@sha256:" + hex("A", 64), map[string]string{"ghcr.io/x": "sha256:" + hex("a", 64)}, false},
		{"localhost:5000/repo/img:v1@sha256:" + hex("d", 64), map[string]string{"localhost:5000/repo/img:v1": "sha256:" + hex("d", 64)}, false},
		{"OCI://ghcr.io/x:1.0@sha256:" + hex("e", 64), map[string]string{"ghcr.io/x:1.0": "sha256:" + hex("e", 64)}, false},
		{"ghcr.io/x@sha256:" + hex("a", 63), nil, true},
		{"ghcr.io/x@sha256:" + hex("z", 64), nil, true},
		{"oci://ghcr.io/x:1.0", nil, true},
		{"name=ghcr.io/x@sha256:" + hex("a", 64), nil, true},
		{"https://example.com/artifact", nil, true},
	} {
		s := &Step{}
		s.artifacts([]byte(test.file))
		if diff := cmp.Diff(test.want, s.Artifacts); diff != "" || (len(s.Failed) > 0) != test.bad {
			t.Errorf("%q: %s %v", test.file, diff, s.Failed)
		}
	}
	s := &Step{}
	s.artifacts([]byte("x@sha256:" + hex("a", 64) + "\nx@sha256:" + hex("b", 64) + "\n"))
	if len(s.Failed) != 1 {
		t.Errorf("a conflict: %v", s.Failed)
	}
}
