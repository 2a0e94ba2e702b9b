package runnertest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func only(name string) func(string) bool { return func(n string) bool { return n == name } }

// The inputs and results of src/Test/L0/Worker/ActionCommandL0.cs, both tests.
func TestParseAsTheRunnersOwnTestsSay(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]*Command{
		"##[do-something k1=v1;]msg":                                          {"do-something", map[string]string{"k1": "v1"}, "msg"},
		"##[do-something]":                                                    {"do-something", map[string]string{}, ""},
		"##[do-something k1=%3B=%0D=%0A=%5D;]%3B-%0D-%0A-%5D":                 {"do-something", map[string]string{"k1": ";=\r=\n=]"}, ";-\r-\n-]"},
		"##[do-something k1=%253B=%250D=%250A=%255D;]%253B-%250D-%250A-%255D": {"do-something", map[string]string{"k1": "%3B=%0D=%0A=%5D"}, "%3B-%0D-%0A-%5D"},
		"##[do-something k1=;k2=;]":                                           {"do-something", map[string]string{}, ""},
		">>>   ##[do-something k1=v1;]msg":                                    {"do-something", map[string]string{"k1": "v1"}, "msg"},
		"::do-something k1=v1,::msg":                                          {"do-something", map[string]string{"k1": "v1"}, "msg"},
		"::do-something::":                                                    {"do-something", map[string]string{}, ""},
		"::do-something k1=,k2=,::":                                           {"do-something", map[string]string{}, ""},
		"::do-something k1=v1::":                                              {"do-something", map[string]string{"k1": "v1"}, ""},
		"   ::do-something k1=v1,::msg":                                       {"do-something", map[string]string{"k1": "v1"}, "msg"},
		"   >>>   ::do-something k1=v1,::msg":                                 nil,
		"::do-something k1=;=%2C=%0D=%0A=]=%3A,::;-%0D-%0A-]-:-,":             {"do-something", map[string]string{"k1": ";=,=\r=\n=]=:"}, ";-\r-\n-]-:-,"},
		"::do-something k1=;=%252C=%250D=%250A=]=%253A,::;-%250D-%250A-]-:-,": {"do-something", map[string]string{"k1": ";=%2C=%0D=%0A=]=%3A"}, ";-%0D-%0A-]-:-,"},
		// Beyond those tests, from reading the parser.
		"":                       nil,
		"::other::x":             nil,
		"::do-something":         nil,
		"##[do-something":        nil,
		"\u3000::do-something::": {"do-something", map[string]string{}, ""},
		"::DO-something::":       {"DO-something", map[string]string{}, ""},
	} {
		got, ok := Parse(line, only("do-something"))
		if ok != (want != nil) {
			t.Errorf("Parse(%q): a command is %v", line, ok)
			continue
		}
		if want != nil {
			if diff := cmp.Diff(*want, got); diff != "" {
				t.Errorf("Parse(%q): %s", line, diff)
			}
		}
	}
}

// IssueCommandInvalidColumns of src/Test/L0/Worker/ActionCommandManagerL0.cs.
func TestValidateLinesAndColumns(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]map[string]string{
		"::warning line=1,endLine=2,col=1,endColumn=2::x": {"line": "1", "endline": "2"},
		"::warning col=1,endColumn=2::x":                  {},
		"::warning endLine=1::x":                          {"line": "1", "endline": "1"},
		"::warning line=1,endColumn=2::x":                 {"line": "1", "col": "2", "endcolumn": "2"},
		"::warning line=,endLine=3::x":                    {"line": "3", "endline": "3"},
		"::warning line=4,endLine=3::x":                   {},
		"::warning line=1,endLine=1,col=3,endColumn=2::x": {"line": "1", "endline": "1"},
		"::warning line=1,endLine=1,col=1,endColumn=2::x": {"line": "1", "endline": "1", "col": "1", "endcolumn": "2"},
		"::warning line=1,col=1,file=test.txt::x":         {"line": "1", "col": "1", "file": "test.txt"},
	} {
		c, _ := Parse(line, only("warning"))
		ValidateLinesAndColumns(c.Properties)
		if diff := cmp.Diff(want, c.Properties); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

// StopProcessCommand… and AddMaskWithMultilineValue and EchoProcessCommand… of the
// same file.
func TestStopMaskAndEcho(t *testing.T) {
	t.Parallel()
	s := &Step{}
	for _, line := range []string{
		"::stop-commands::randomToken", "##[set-env name=foo]bar", "::randomToken::", "##[set-env name=foo]bar",
		"::add-mask::abc%0Ddef%0Aghi%0D%0Ajkl", "::add-mask:: %0D  %0A   %0D%0A    %0D", "abc def    ghi jkl randomToken",
		"::echo::on", "::echo::Off   ", "::echo::invalid", "::stop-commands::set-env", "::stop-commands::",
	} {
		s.Line(line)
	}
	if diff := cmp.Diff([]string{
		"::stop-commands::***", "##[set-env name=foo]bar", "::***::",
		"##[error]Unable to process command '##[set-env name=foo]bar' successfully: it is disabled",
		"##[warning]Can't add secret mask for empty string in ##[add-mask] command.",
		"*** ***    *** *** ***",
	}, s.Log[:6]); diff != "" {
		t.Error(diff)
	}
	if len(s.Failed) != 4 || s.echo {
		t.Errorf("failed: %q, echo %v", s.Failed, s.echo)
	}
}

func TestIssuesAreCapped(t *testing.T) {
	t.Parallel()
	s := &Step{Workspace: "/w", Mounts: []Mount{{"/w", "/github/workspace"}}}
	for range 12 {
		s.Line("::error file=/github/workspace/a/Dockerfile,line=3::" + strings.Repeat("x", 5000))
	}
	s.Line("::notice file=b.yaml::y")
	if len(s.Annotations) != 11 || len(s.Dropped) != 2 || len(s.Annotations[0].Message) != 4096 {
		t.Errorf("%d kept, %d dropped, %d long", len(s.Annotations), len(s.Dropped), len(s.Annotations[0].Message))
	}
	if s.Annotations[0].File != "a/Dockerfile" || s.Annotations[10].File != "b.yaml" {
		t.Errorf("%q and %q", s.Annotations[0].File, s.Annotations[10].File)
	}
}

func TestMaskJoinsWhatTouches(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"xabcdx": "x***x", "abab": "***", "": "", "zz": "zz", "ab-cd": "***-***"} {
		if got := Mask(text, []string{"ab", "cd", ""}); got != want {
			t.Errorf("Mask(%q) = %q, want %q", text, got, want)
		}
	}
}
