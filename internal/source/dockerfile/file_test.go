package dockerfile

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func mustParse(t testing.TB, text string, build Build) *File {
	t.Helper()
	src, err := source.NewFile("Dockerfile", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, unread := Parse(src, build)
	if f == nil {
		t.Fatalf("could not parse: %v", unread)
	}
	return f
}

func place(at finding.Location) string {
	return fmt.Sprintf("%d:%d-%d:%d", at.Line, at.Column, at.EndLine, at.EndColumn)
}

const whole = "\uFEFF# syntax=docker/dockerfile:1\r\n" +
	"ARG VERSION=22\r\n" +
	"FROM --platform=$BUILDPLATFORM \\\r\n" +
	"  # the runtime\r\n" +
	"\r\n" +
	"  \"node:${VERSION}\" AS Build\r\n" +
	"ENV ÄÖ=ü KEY=\"a b\" \\\r\n" +
	"    LAST='c'\r\n" +
	"RUN <<EOF cat\r\n" +
	"# plimsoll:ignore USR-1.a -- no comment\r\n" +
	"EOF\r\n" +
	"ONBUILD USER root\r\n" +
	"FROM build\r\n" +
	"CMD [\"a\", \"b\"]"

func TestPlaces(t *testing.T) {
	f := mustParse(t, whole, Build{})
	build, final := f.Stages[0], f.Stages[1]
	if build.Name != "build" || final.Parent != build || f.Final() != final || f.Syntax != "docker/dockerfile:1" || f.Escape != '\\' {
		t.Errorf("stages: %+v %+v", build, final)
	}
	if build.Base.Value != "node:22" || !build.Base.Known || build.Platform != "$BUILDPLATFORM" {
		t.Errorf("base: %+v on %q", build.Base, build.Platform)
	}
	var got []string
	for _, in := range append([]*Instruction{build.From}, append(build.Instructions, final.Instructions...)...) {
		got = append(got, in.Name+" "+place(in.At))
	}
	want := []string{"FROM 3:1-6:29", "ENV 7:1-8:13", "RUN 9:1-11:4", "ONBUILD 12:1-12:18", "CMD 14:1-14:15"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instructions (-want +got):\n%s", diff)
	}
	if at := place(build.Base.At); at != "6:3-6:20" {
		t.Errorf("the base is at %s", at)
	}
	got = nil
	for _, v := range f.Variables() {
		got = append(got, v.Name+" "+place(v.NameAt)+" "+v.Value+" "+place(v.ValueAt))
	}
	want = []string{
		"VERSION 2:5-2:12 22 2:13-2:15", "ÄÖ 7:5-7:7 ü 7:8-7:9", `KEY 7:10-7:13 "a b" 7:14-7:19`, "LAST 8:5-8:9 'c' 8:10-8:13",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if len(f.Comments()) != 0 {
		t.Errorf("a heredoc's text is taken for comments: %+v", f.Comments())
	}
}

func TestEscapeDirective(t *testing.T) {
	f := mustParse(t, "# escape=`\nFROM mcr.microsoft.com/windows/nanoserver:ltsc2025\nENV A=1 `\n  B=C:\\\nUSER x\n", Build{})
	if vars := f.Variables(); len(vars) != 2 || vars[1].Value != `C:\` || place(vars[1].NameAt) != "4:3-4:4" {
		t.Errorf("variables: %+v", vars)
	}
}

func TestArguments(t *testing.T) {
	const text = `ARG TAG=1
ARG IMAGE=node:${TAG}
ARG OPEN
FROM ${IMAGE} AS base
ARG TAG
ARG WHO=root
ENV NAME=$WHO
FROM base AS next
USER $NAME
USER $WHO
USER ${WHO:-1001}:$TAG
FROM $OPEN
FROM base-${TARGETARCH}
FROM base${OPEN}`
	f := mustParse(t, text, Build{Args: map[string]string{"TAG": "2"}})
	if got := f.Stages[0].Base; got.Value != "node:2" || !got.Known {
		t.Errorf("base: %+v", got)
	}
	if f.Stages[2].Base.Known || f.Stages[2].Parent != nil || f.Stages[3].Base.Known || f.Stages[4].Parent != f.Stages[0] {
		t.Errorf("open bases: %+v", f.Stages[2:])
	}
	next := f.Stages[1]
	for i, want := range []struct {
		value string
		known bool
	}{{"root", true}, {"", false}, {"", false}} {
		value, known := f.Expand(next, next.Instructions[i], next.Instructions[i].Args[0])
		if known != want.known || known && value != want.value {
			t.Errorf("%q is %q, %v", next.Instructions[i].Args[0], value, known)
		}
	}
	if got := f.Subject(f.Stages[2]); got != "Dockerfile#2" {
		t.Errorf("subject: %s", got)
	}
	if got := mustParse(t, text, Build{Target: "BASE"}).Final().Name; got != "base" {
		t.Errorf("final stage with a target: %s", got)
	}
}

// TestDoubling reads a file of which each line holds the one before twice: written out,
// the last would fill every memory.
func TestDoubling(t *testing.T) {
	for _, kind := range []string{"ARG", "ENV"} {
		var b strings.Builder
		line := func(i int) { fmt.Fprintf(&b, "%s A%d=${A%d}${A%d}\n", kind, i+1, i, i) }
		b.WriteString("ARG A0=xx\n")
		for i := range 60 {
			if kind == "ARG" {
				line(i)
			}
		}
		b.WriteString("FROM a:$A5\nARG A0=xx\n")
		for i := range 60 {
			line(i)
		}
		f := mustParse(t, b.String(), Build{})
		s := f.Stages[0]
		for _, text := range []string{"/$A2", "/$A60"} {
			value, known := f.Expand(s, nil, text)
			if want := text == "/$A2"; known != want || known && value != "/xxxxxxxx" {
				t.Errorf("%s: %s is %.40q, %t", kind, text, value, known)
			}
		}
	}
}

func TestUnread(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "0: file with no instructions; ",
		"# only\n":                       "1: file with no instructions; ",
		"ARG X":                          "0: has no FROM; ",
		"FROM a\nFOO bar\n":              "2: unknown instruction: FOO",
		"RUN x\nFROM a":                  "1: no build stage in current context",
		"FROM a\n\nRUN <<EOF\nx":         "3: unterminated heredoc",
		"FROM a b c":                     "1: FROM requires either one or three arguments",
		"FROM a\nENV PASSWORD=x hunter2": "2: Syntax error - can't find \"=\" in a word",
		"FROM a\nRUN " + strings.Repeat("x", 7e4): "1: dockerfile line greater than max allowed size of 65535",
	} {
		src, err := source.NewFile("Dockerfile", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		f, unread := Parse(src, Build{})
		if f != nil || len(unread) != 1 {
			t.Errorf("%.20q: parsed, or %d records", text, len(unread))
			continue
		}
		got := fmt.Sprintf("%d: %s", unread[0].Location.Line, unread[0].Cause)
		if !strings.HasPrefix(got, want) || !strings.Contains(got, "; ") || strings.Contains(got, "hunter2") {
			t.Errorf("%.20q gives %q, want %q and what to do", text, got, want)
		}
	}
}

func TestComments(t *testing.T) {
	const text = `# plimsoll:ignore A-1.a -- above an argument
ARG X=1

# plimsoll:ignore A-1.a -- above the stage
FROM a
# plimsoll:ignore A-1.a -- above an instruction
# with words between

ENV A=1 \
  # plimsoll:ignore A-1.a -- one line of it
  B=2 \
  C=3
RUN <<EOF
# plimsoll:ignore A-1.a -- not one
EOF
FROM b
# plimsoll:ignore A-1.a -- nothing below
`
	var got []string
	for _, c := range mustParse(t, text, Build{}).Comments() {
		got = append(got, fmt.Sprintf("%s %d-%d", place(c.At), c.From, c.To))
	}
	want := []string{"1:1-1:45 2-2", "4:1-4:43 5-15", "6:1-6:48 9-12", "10:3-10:44 11-11", "17:1-17:41 0-0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	for _, text := range []string{
		"FROM a\nENV A=\"\\\n", "FROM a\n# plimsoll:ignore x\n\\\n", "#\nFROM a", "# escape=`\nFROM a`\n", "FROM a\nRUN <<A <<B\nA\nB\n",
		"FROM a\nENV A ", "FROM $", "FROM ${a:?}", "ARG A=$A\nFROM $A", "FROM a\nONBUILD RUN <<E\nE\n", "FROM a\nCOPY --from=\\\nb . .",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src, err := source.NewFile("Dockerfile", []byte(text))
		if err != nil {
			return
		}
		file, unread := Parse(src, Build{})
		if (file == nil) != (len(unread) > 0) {
			t.Fatalf("a file is neither read nor unread")
		}
		if file == nil {
			return
		}
		within := func(at finding.Location) {
			line, ok := src.Line(at.Line)
			if !ok || at.Column < 1 || at.Column > utf8.RuneCountInString(line)+2 || at.EndLine < at.Line || at.EndLine > src.Lines() {
				t.Fatalf("%s is not inside", place(at))
			}
		}
		for _, s := range file.Stages {
			within(s.Base.At)
			s.Chain()
			for _, in := range s.Instructions {
				within(in.At)
				within(in.ArgumentsAt())
				file.Expand(s, in, strings.Join(in.Args, " "))
			}
		}
		for _, v := range file.Variables() {
			within(v.NameAt)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	src, err := source.NewFile("Dockerfile", []byte(whole))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Parse(src, Build{})
	}
}
