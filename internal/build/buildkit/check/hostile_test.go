package check_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit/check"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

const head = "FROM scratch\nUSER 10001\n"

// TestNotFollowed: what would make BuildKit hold gigabytes is said and not followed.
func TestNotFollowed(t *testing.T) {
	var args strings.Builder
	for i := range 40 {
		fmt.Fprintf(&args, "ARG A%d=%s\n", i, strings.Repeat("x", 2000))
	}
	for name, text := range map[string]string{
		"values that double":         head + "ENV A=xxxxxxxx\n" + strings.Repeat("ENV A=$A$A\n", 40),
		"values that are replaced":   head + "ENV A=aaaaaaaa\n" + strings.Repeat("ENV A=${A//a/aaaaaaaa}\n", 20),
		"one value many times":       head + "ENV A=" + strings.Repeat("x", 60<<10) + "\nLABEL a=" + strings.Repeat("$A", 10_000) + "\n",
		"ports":                      head + "EXPOSE " + strings.Repeat("1-65535 ", 1000) + "\n",
		"ports in a variable":        head + "ENV P=\"" + strings.Repeat("1-65535 ", 1000) + "\"\nEXPOSE $P\n",
		"triggers":                   "FROM scratch AS s0\nONBUILD ENV A=x$A$A\n" + strings.Repeat("FROM s0 AS s0\nONBUILD ENV A=x$A$A\n", 60),
		"many instructions":          head + strings.Repeat("LABEL a=b\n", 2000),
		"arguments told of each RUN": head + args.String() + strings.Repeat("RUN x\n", 900),
	} {
		t.Run(name, func(t *testing.T) {
			report := look(t, dockerfileOf(text+"WORKDIR app\n"), "")
			if len(report.Unread) > 0 {
				t.Error(report.Unread)
			}
			if !strings.Contains(strings.Join(report.Notes, "\n"), "BuildKit's own checks stopped") {
				t.Errorf("%q", report.Notes)
			}
		})
	}
}

// TestFollowed: what is usual, or large and harmless, is followed.
func TestFollowed(t *testing.T) {
	for name, text := range map[string]string{
		"a path that grows":        head + strings.Repeat("ENV PATH=/opt/some/where/bin:$PATH\n", 100),
		"a port by argument":       "ARG TAG\nARG PLATFORM\nFROM --platform=$PLATFORM a:$TAG\nARG PORT\nARG TARGETARCH\nEXPOSE $PORT ${PORT}/udp\nLABEL a=$TARGETARCH\n",
		"arguments without a name": "ARG REGISTRY=\nARG NAME\nFROM ${REGISTRY}${NAME} AS a\nFROM ${REGISTRY:-x.io}/b:${NAME}\n",
		"an error asked for":       "# check=error=true\n" + head,
		"an unknown option":        "# check=unheard=of\n" + head,
		"the byte order mark":      "\uFEFF# check=skip=all\n" + head,
		"almost too many":          head + strings.Repeat("LABEL a=b\n", 990),
	} {
		t.Run(name, func(t *testing.T) {
			report := look(t, dockerfileOf(strings.ReplaceAll(text, "\n", "\r\n")+"WORKDIR app\n"), "")
			if notes := strings.Join(report.Notes, "\n"); strings.Contains(notes, "BuildKit's own checks stopped") {
				t.Errorf("%q", notes)
			}
			var got bool
			for _, f := range report.Findings {
				got = got || f.Rule.ID == "BLD-WorkdirRelativePath"
			}
			if !got {
				t.Error("the end was not reached")
			}
		})
	}
}

func TestDirectives(t *testing.T) {
	const body = "FROM scratch AS Files\nCOPY app /app\nFROM scratch\nCOPY --from=files /app /app\nUSER 10001\n"
	for name, c := range map[string]struct{ text, told, excused string }{
		"none":           {body, "info", ""},
		"skip":           {"# check=skip=StageNameCasing\n" + body, "", "info"},
		"skip, spaced":   {"# syntax=docker/dockerfile:1\n# check = skip=StageNameCasing\n" + body, "", "info"},
		"skip all":       {"# check=skip=all\n# escape=`\n" + body, "", "info"},
		"error":          {"# check=error=true\n" + body, "high", ""},
		"skip and error": {"# check=skip=StageNameCasing;error=true\n" + body, "", "high"},
		"another":        {"# check=skip=FromAsCasing\n" + body, "info", ""},
		"one of two":     {"# check=skip=StageNameCasing\n\n" + body, "", "info"},
		"above the first": {
			"ARG A\n# check=skip=StageNameCasing\nFROM scratch AS Files\nFROM scratch AS More\nUSER 10001\n", "info", "info",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told, excused []string
			for _, f := range look(t, dockerfileOf(c.text), "").Findings {
				switch {
				case f.Rule.ID != "BLD-StageNameCasing":
				case f.Suppressed != nil:
					excused = append(excused, f.Severity.String())
				default:
					told = append(told, f.Severity.String())
				}
			}
			if strings.Join(told, " ") != c.told || strings.Join(excused, " ") != c.excused {
				t.Errorf("told %q, excused %q; want %q, %q", told, excused, c.told, c.excused)
			}
		})
	}
}

// TestUnusedExcuse: where BuildKit's checks have looked, an excuse for them that
// excuses nothing is told, as any is.
func TestUnusedExcuse(t *testing.T) {
	const excused = "# plimsoll:ignore BLD-UndefinedVar -- set by the base\n" + head
	if got := told(look(t, dockerfileOf(excused), ""), "SUP-"); got == "" {
		t.Error("nothing is told")
	}
	if got := told(look(t, dockerfileOf(excused+strings.Repeat("LABEL a=b\n", 2000)), ""), "SUP-"); got != "" {
		t.Errorf("of a file that was not looked at: %s", got)
	}
}

// TestOnceEach: what other rules tell is not told again in BuildKit's name.
func TestOnceEach(t *testing.T) {
	const text = "FROM scratch AS a\nFROM scratch AS a\nMAINTAINER x\nENV API_TOKEN=abcdefgh\nCMD a\nCMD b\nARG X\nFROM a:${Y}\nUSER 10001\n"
	seen := map[string]int{}
	for _, f := range look(t, dockerfileOf(text), "").Findings {
		for _, id := range f.Rule.Also {
			seen[id+" on line "+strconv.Itoa(f.Location.Line)]++
		}
	}
	for what, n := range seen {
		if n > 1 {
			t.Errorf("%s is told %d times", what, n)
		}
	}
	if seen["DuplicateStageName on line 2"] != 1 || seen["MaintainerDeprecated on line 3"] != 1 || seen["UndefinedArgInFrom on line 8"] != 1 {
		t.Error(seen)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("FROM a\nWORKDIR b\nEXPOSE $A\n")
	f.Add("# check=skip=all;error=true\nARG A\nFROM $A AS b\n# check=skip=x\nONBUILD COPY --from=b <<E /x\n$A\nE\nFROM b\n")
	f.Fuzz(func(t *testing.T, text string) {
		report := look(t, &txtar.Archive{Files: []txtar.File{{Name: "Dockerfile", Data: []byte(text)}}}, "")
		for _, note := range report.Notes {
			if strings.Contains(note, "confuses") || strings.Contains(note, "took more") {
				t.Error(note)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	for name, text := range map[string]string{
		"usual":   "ARG V=1\nFROM golang:$V AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\nENV A=b PATH=/x:$PATH\nUSER 10001\nENTRYPOINT [\"/app\"]\n",
		"largest": head + strings.Repeat("ENV A=b\n", 500) + strings.Repeat("COPY a$A /b\n", 490),
	} {
		b.Run(name, func(b *testing.B) {
			text, err := source.NewFile("Dockerfile", []byte(text))
			if err != nil {
				b.Fatal(err)
			}
			file, unread := dockerfile.Parse(text, dockerfile.Build{})
			if file == nil {
				b.Fatal(unread)
			}
			for b.Loop() {
				if err := file.Check(b.Context(), check.New()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
