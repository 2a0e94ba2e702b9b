package actions_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// desk is a Runner, what it wrote, and the files of its step.
type desk struct {
	*actions.Runner
	out  *bytes.Buffer
	vars map[string]string
}

func newDesk(t *testing.T) desk {
	t.Helper()
	d := desk{out: &bytes.Buffer{}, vars: map[string]string{"GITHUB_WORKSPACE": "/github/workspace"}}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ARTIFACTS"} {
		d.vars[name] = filepath.Join(t.TempDir(), name)
	}
	d.Runner = actions.New(func(name string) string { return d.vars[name] }, actions.NewLog(d.out))
	return d
}

func (d desk) file(t *testing.T, variable string) string {
	t.Helper()
	b, err := os.ReadFile(d.vars[variable])
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

func (d desk) step() *runnertest.Step {
	s := &runnertest.Step{Workspace: "/w", Mounts: []runnertest.Mount{{Host: "/w", Container: "/github/workspace"}}}
	s.Stream(d.out.Bytes())
	return s
}

func TestOutputsCannotBeForged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	values := []actions.Output{
		{Name: "verdict", Value: "fail"},
		{Name: "reason", Value: "CVE x\n_GitHubActionsFileCommandDelimeter_\nverdict=pass\nverdict<<EOF\npass\nEOF"},
		{Name: "digest", Value: ""},
		{Name: "report", Value: "\nout/\r\nx=y\n\n"},
		{Name: "degraded", Value: "\xff"},
	}
	if err := d.Outputs(values...); err != nil {
		t.Fatal(err)
	}
	pairs, err := runnertest.ParsePairs([]byte(d.file(t, "GITHUB_OUTPUT")))
	if err != nil {
		t.Fatal(err)
	}
	want := []runnertest.Pair{{Key: "verdict", Value: "fail"}, {Key: "reason", Value: values[1].Value}, {Key: "digest"}, {Key: "report", Value: values[3].Value}, {Key: "degraded", Value: "\ufffd"}}
	if diff := cmp.Diff(want, pairs); diff != "" {
		t.Error(diff)
	}
}

func TestOutputsThatAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, o := range []actions.Output{{Name: "verdict=pass\nx", Value: "y"}, {Name: "Verdict"}, {Name: ""}, {Name: "verdict", Value: strings.Repeat("x", 70_000)}} {
		if err := d.Outputs(actions.Output{Name: "verdict", Value: "fail"}, o); err == nil || d.file(t, "GITHUB_OUTPUT") != "" {
			t.Errorf("%.20q: %v", o.Name, err)
		}
	}
	d.vars["GITHUB_OUTPUT"] = ""
	if err := d.Outputs(); err == nil || !strings.Contains(err.Error(), "GITHUB_OUTPUT is not set") {
		t.Error(err)
	}
	d.vars["GITHUB_OUTPUT"] = filepath.Join(t.TempDir(), "none", "file")
	if err := d.Outputs(); err == nil {
		t.Error("a file that cannot be written is fine")
	}
}

func TestSummaryStaysWithinItsBudget(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.Summary([]byte("# one")); err != nil || d.file(t, "GITHUB_STEP_SUMMARY") != "# one\n" {
		t.Fatal(err, d.file(t, "GITHUB_STEP_SUMMARY"))
	}
	if got := d.SummaryBudget(); got != 900<<10-6 {
		t.Errorf("budget %d", got)
	}
	for _, big := range []string{strings.Repeat("| row |\n", 200_000), strings.Repeat("名", 400_000), "x"} {
		if err := d.Summary([]byte(big)); err != nil {
			t.Fatal(err)
		}
	}
	got := d.file(t, "GITHUB_STEP_SUMMARY")
	if len(got) > 900<<10 || !utf8.ValidString(got) || !strings.Contains(got, "… cut") {
		t.Errorf("%d bytes", len(got))
	}
	if err := newDeskWithout(t, "GITHUB_STEP_SUMMARY").Summary([]byte("x")); err == nil {
		t.Error("no file is fine")
	}
}

func newDeskWithout(t *testing.T, variable string) desk {
	t.Helper()
	d := newDesk(t)
	delete(d.vars, variable)
	return d
}

func TestArtifact(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const digest = "@sha256:4be0f0b7ad2cd6d4a8c4c0d0fbb2a3c7d5b1f7a2f8b8a0c1d2e3f4a5b6c791c2"
	if err := d.Artifact("ghcr.io/acme/app" + digest); err != nil {
		t.Fatal(err)
	}
	if got := d.file(t, "GITHUB_ARTIFACTS"); got != "oci://ghcr.io/acme/app"+digest+"\n" {
		t.Error(got)
	}
	for _, bad := range []string{"ghcr.io/acme/app", "a=b" + digest, "a\nb" + digest, digest} {
		if err := d.Artifact(bad); err == nil {
			t.Errorf("%q is declared", bad)
		}
	}
	if err := newDeskWithout(t, "GITHUB_ARTIFACTS").Artifact("anything"); err != nil {
		t.Error(err)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	pem := "-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49\nQ==\n-----END KEY-----\n"
	if got := d.Mask("", "  ", "true", "pass", "password", "s3cr3t%0A\u2028x", pem); got != 3 {
		t.Errorf("%d are not masked, want true, pass and password", got)
	}
	if got := d.MaskLogin("octocat", "hunter22"); got != 0 {
		t.Error(got)
	}
	text := d.Log().Text()
	fmt.Fprintf(text, "the password is s3cr3t%%0A\u2028x, true: Q== MIGHAgEAMBMGByqGSM49 %s\n", base64.StdEncoding.EncodeToString([]byte("octocat:hunter22")))
	s := d.step()
	if diff := cmp.Diff([]string{"s3cr3t%0A\u2028x", "-----BEGIN KEY-----", "MIGHAgEAMBMGByqGSM49", "-----END KEY-----", "hunter22", "b2N0b2NhdDpodW50ZXIyMg=="}, unique(s.Masks)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"the password is s3cr3t%0A", "x, true: Q== *** ***"}, s.Log); diff != "" {
		t.Error(diff)
	}
}

func unique(list []string) (out []string) {
	for i, v := range list {
		if i == 0 || list[i-1] != v {
			out = append(out, v)
		}
	}
	return out
}

func TestASecretIsNotDivided(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	secret := strings.Repeat("Z9", 1000)
	d.Mask(secret)
	fmt.Fprintln(d.Log().Text(), strings.Repeat("y", 64<<10-100)+secret+strings.Repeat("y", 64<<10))
	if got := d.out.String(); strings.Count(got, "Z9") != 1000 { // in the command only
		t.Errorf("%d halves are left", strings.Count(got, "Z9")-1000)
	}
}

func TestAnnotate(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Annotate([]actions.Annotation{
		{Level: "error", Path: "app/Dockerfile", Line: 3, EndLine: 3, Column: 5, EndColumn: 9, Title: "PRB-1, now: 100%", Message: "a\n::add-mask::b, 100%25"},
		{Level: "warning", Path: "/github/workspace/k8s/a,b:c.yaml", Line: 4, EndLine: 6, Column: 2, EndColumn: 1, Message: "##[add-mask]x"},
		{Level: "notice", Path: "../etc/passwd", Line: 1, Message: "outside"},
		{Level: "hostile\n::add-mask::x", Path: "/etc/passwd", Line: 1, Title: "::", Message: "\u0301x::y"},
		{Level: "error", Path: "x\n::add-mask::y", Line: 9, Message: strings.Repeat("long ", 300)},
		{Level: "error", Path: "Dockerfile", Line: 2, EndLine: 1, Column: 7, EndColumn: 3, Message: ""},
	})
	s := d.step()
	if len(s.Failed) > 0 || len(s.Masks) > 0 || len(s.Annotations) != 6 {
		t.Fatalf("%q, %q, %d annotations: %s", s.Failed, s.Masks, len(s.Annotations), d.out)
	}
	s.Annotations[4].Message = strconv.Itoa(len(s.Annotations[4].Message))
	if diff := cmp.Diff([]runnertest.Annotation{
		{Level: "error", Message: "a ::add-mask::b, 100%25", File: "app/Dockerfile", Properties: map[string]string{"file": "app/Dockerfile", "line": "3", "col": "5", "endcolumn": "9", "title": "PRB-1, now: 100%"}},
		{Level: "warning", Message: `##\[add-mask]x`, File: "k8s/a,b:c.yaml", Properties: map[string]string{"file": "k8s/a,b:c.yaml", "line": "4", "endline": "6"}},
		{Level: "notice", Message: "outside", Properties: map[string]string{}},
		{Level: "notice", Message: " \u0301x::y", Properties: map[string]string{"title": `\::`}},
		{Level: "error", Message: "603", Properties: map[string]string{}},
		{Level: "error", Message: "", File: "Dockerfile", Properties: map[string]string{"file": "Dockerfile", "line": "2", "col": "7"}},
	}, s.Annotations); diff != "" {
		t.Error(diff)
	}
}

func TestAnnotationsAreRolledUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var all []actions.Annotation
	for i := range 3000 {
		all = append(all, actions.Annotation{Level: []string{"error", "warning", "notice"}[i%3], Message: strconv.Itoa(i)})
	}
	d.Annotate(all)
	d.Fatal("plimsoll", "it broke")
	s := d.step()
	if len(s.Dropped) != 0 || len(s.Annotations) != 29 {
		t.Errorf("%d kept, %d dropped", len(s.Annotations), len(s.Dropped))
	}
	if got := s.Annotations[27].Message; got != "991 more errors, 991 more warnings, 991 more notices: see the job summary" {
		t.Error(got)
	}
}

func TestDetection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		vars map[string]string
		in   bool
		as   bool
	}{
		{nil, false, false},
		{map[string]string{"GITHUB_WORKSPACE": "/github/workspace"}, false, false},
		{map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": "/home/runner/checkout"}, true, false},
		{map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": "/github/workspace"}, true, true},
		{map[string]string{"GITHUB_ACTIONS": "true", "INPUT_COMMAND": "gate"}, true, true},
	} {
		getenv := func(name string) string { return test.vars[name] }
		if actions.InActions(getenv) != test.in || actions.AsAction(getenv) != test.as {
			t.Errorf("%v", test.vars)
		}
	}
}

func FuzzOutputs(f *testing.F) {
	for in := range hostile {
		f.Add(in, "x")
	}
	f.Add("a\n_GitHubActionsFileCommandDelimeter_\nverdict=pass\n", "\r\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		d := newDesk(t)
		if err := d.Outputs(actions.Output{Name: "reason", Value: first}, actions.Output{Name: "digest", Value: second}); err != nil {
			return
		}
		pairs, err := runnertest.ParsePairs([]byte(d.file(t, "GITHUB_OUTPUT")))
		if err != nil {
			t.Fatal(err)
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
		if diff := cmp.Diff([]runnertest.Pair{{Key: "reason", Value: valid(first)}, {Key: "digest", Value: valid(second)}}, pairs); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzAnnotate(f *testing.F) {
	for in := range hostile {
		f.Add(in, in, in)
	}
	f.Fuzz(func(t *testing.T, path, title, message string) {
		d := newDesk(t)
		d.Annotate([]actions.Annotation{{Level: "error", Path: path, Line: 1, Title: title, Message: message}})
		d.Group(title)
		d.EndGroup()
		s := d.step()
		if len(s.Commands) != 3 || s.Commands[0].Name != "error" || s.Commands[1].Name != "group" || s.Commands[2].Name != "endgroup" {
			t.Errorf("%q %q %q gives %q", path, title, message, d.out)
		}
	})
}
