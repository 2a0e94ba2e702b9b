package workflow

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func place(at finding.Location) string {
	return fmt.Sprintf("%d:%d-%d:%d", at.Line, at.Column, at.EndLine, at.EndColumn)
}

func mustParse(t testing.TB, name, text string) *File {
	t.Helper()
	src, err := source.NewFile(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, unread := Parse(src)
	if len(unread) > 0 || f == nil {
		t.Fatalf("%v", unread)
	}
	return f
}

func TestWorkflow(t *testing.T) {
	f := mustParse(t, ".github/workflows/ci.yml", `on: [push, pull_request]
# plimsoll:ignore X-1 -- a job
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: Owner/repo/sub/dir@main
      - uses: ./local
      - uses: docker://alpine:3
      - run: |
          # plimsoll:ignore X-1 -- a command
          kubectl scale "${{ inputs.name || 'é }}' }}" x
          echo é; docker push x
      - run: helm
          upgrade a
      - run: "a\nb"
      - run: Get-Item
        shell: pwsh
      - run: if (
      - uses: appleboy/ssh-action@v1
        with:
          script: |
            docker exec a
          password: hunter2-of-somebody
  b:
    runs-on: windows-2022
    steps:
      - run: Get-Item
  c:
    uses: o/r/.github/workflows/x.yml@v1
`)
	var got []string
	for _, trigger := range f.Triggers {
		got = append(got, "on "+trigger.Event+" "+place(trigger.At))
	}
	for _, j := range f.Jobs {
		got = append(got, j.ID+" "+place(j.At)+" "+j.Calls.Text)
		for _, s := range j.Steps {
			if u := s.Uses; u.Exists() {
				got = append(got, fmt.Sprintf("%s %s local %v image %v pinned %v %s %s", place(u.At), u.Name(), u.Local, u.Image, u.Pinned(), u.Ref, u.Version))
			}
			for _, script := range s.scripts {
				if !script.Parsed {
					got = append(got, "what no shell reads")
				}
				for _, c := range script.Commands {
					words := []string{place(c.At), c.Name}
					for _, w := range c.Words {
						words = append(words, w.Text)
					}
					got = append(got, strings.Join(words, " "))
				}
			}
		}
	}
	for _, c := range f.Comments() {
		got = append(got, fmt.Sprintf("%s excuses %d to %d", place(c.At), c.From, c.To))
	}
	for _, at := range f.Masked() {
		got = append(got, "masked "+place(at))
	}
	want := []string{
		"on push 1:6-1:10", "on pull_request 1:12-1:24",
		"a 4:3-4:4 ",
		"7:15-7:72 actions/checkout local false image false pinned true 3d3c42e5aac5ba805825da76410c181273ba90b1 v7.0.1",
		"8:15-8:38 Owner/repo local false image false pinned false main ",
		"9:15-9:22 ./local local true image false pinned false  ",
		"10:15-10:32 docker://alpine:3 local false image true pinned false  ",
		"13:11-13:57 kubectl scale ${__________________________} x",
		"14:11-14:17 echo é", "14:19-14:32 docker push x",
		"15:14-16:20 helm upgrade a",
		"17:14-17:20 a", "17:14-17:20 b",
		"what no shell reads",
		"21:15-21:37 appleboy/ssh-action local false image false pinned false v1 ",
		"24:13-24:26 docker exec a",
		"b 26:3-26:4 ", "c 30:3-30:4 o/r/.github/workflows/x.yml@v1",
		"2:1-2:31 excuses 3 to 31", "12:11-12:45 excuses 13 to 13",
		"masked 25:21-25:40",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFlows(t *testing.T) {
	for text, want := range map[string]string{
		"github.event.issue.title":          "github.event.issue.title",
		" github.event['issue'].Title ":     "github.event.issue.title",
		"github.event.commits[0].message":   "github.event.commits.*.message",
		"github.event.commits.*.message":    "github.event.commits.*.message",
		"a.b == 'x'":                        "",
		"a.b && 'x' || c.d":                 "c.d",
		"a || (b && c)":                     "a c",
		"contains(a, 'x')":                  "",
		"format('{0} {1}', a, toJSON(b.c))": "a b.c",
		"!a":                                "",
		"success() && a":                    "a",
		"'it''s a.b' || c":                  "c",
		"a(":                                "",
		"f(a b, c":                          "a c",
		"'":                                 "",
		"fromJSON(needs.x.outputs.y)[github.event.action].z":             "needs.x.outputs.y",
		"github.event_name == 'pull_request' && github.head_ref || 'no'": "github.head_ref",
	} {
		if got := strings.Join(Flows(text), " "); got != want {
			t.Errorf("%q flows %q, want %q", text, got, want)
		}
	}
}

func TestAction(t *testing.T) {
	f := mustParse(t, "action.yml", "runs:\n  using: composite\n  steps:\n    - run: a\n      shell: bash\n")
	if !f.Action || len(f.Jobs) != 1 || len(f.Jobs[0].Steps) != 1 || f.Jobs[0].Steps[0].Script.Commands[0].Name != "a" {
		t.Errorf("%+v", f)
	}
}

// FuzzParse: nothing panics, and every place lies in the file.
func FuzzParse(f *testing.F) {
	f.Add("on: push\njobs:\n  a:\n    steps:\n    - run: |\n        a ${{ b }}\n    - uses: c/d@e # v1\n")
	f.Add("on: {push: }\njobs: {a: {steps: [{run: 'a', shell: x}, {uses: ./b}]}}")
	f.Add("jobs:\n  a:\n    steps:\n    - run: >\n        a\n        b # plimsoll:ignore X-1 -- y\n")
	f.Fuzz(func(t *testing.T, text string) {
		src, err := source.NewFile("x.yml", []byte(text))
		if err != nil {
			return
		}
		file, _ := Parse(src)
		if file == nil {
			return
		}
		for _, j := range file.Jobs {
			for _, s := range j.Steps {
				for _, script := range s.scripts {
					for _, c := range script.Commands {
						if c.At.Line < 1 || c.At.EndLine > src.Lines() || c.At.EndLine < c.At.Line {
							t.Fatalf("%q at %s is not in the file", c.Name, place(c.At))
						}
					}
				}
			}
		}
	})
}

// FuzzFlows: nothing panics or runs for ever.
func FuzzFlows(f *testing.F) {
	f.Add("a.b['c'] && format('{0}', d) || !(e == f)")
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range Expressions(text) {
			if start, end := e.Span(); start < 0 || end > len(text) || end-start < 5 {
				t.Fatalf("%d to %d of %d", start, end, len(text))
			}
		}
		Flows(text)
		if len(masked(text)) != len(text) {
			t.Fatal("a masked script has another length")
		}
	})
}
