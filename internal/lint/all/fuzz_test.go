package all

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/fix"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// names are what files of each kind are called.
var names = []string{"Dockerfile", "compose.yaml", "manifest.yaml"}

// corpus adds the files of all fixtures to a fuzz target.
func corpus(f *testing.F, add func(kind byte, text string)) {
	f.Helper()
	for _, pages := range fixtures() {
		entries, err := pages.ReadDir(".")
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			content, err := pages.ReadFile(e.Name())
			if err != nil {
				f.Fatal(err)
			}
			for _, file := range txtar.Parse(content).Files {
				switch base := filepath.Base(file.Name); {
				case isDockerfile(file.Name):
					add(0, string(file.Data))
				case strings.HasPrefix(base, "compose"):
					add(1, string(file.Data))
				case manifest.MatchString(string(file.Data)):
					add(2, string(file.Data))
				}
			}
		}
	}
}

// look judges one file of a kind under the profile that asks for most. dir holds no
// other.
func look(t *testing.T, dir string, kind byte, text string) lint.Report {
	t.Helper()
	name := names[int(kind)%len(names)]
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return lintTree(t, dir, source.Options{Paths: []string{name}}, lint.Options{AsOf: today, Profile: lint.ProfileDocument, Complete: true})
}

// FuzzFix makes every fix that is offered in any text: what comes of it can be read as
// well as before, the findings are gone, and in the end there is nothing left to make.
func FuzzFix(f *testing.F) {
	corpus(f, func(kind byte, text string) { f.Add(kind, text) })
	for _, text := range []string{
		"version: '3'\nservices: {}", "version: &v 3\nx: *v\n", "a: &a\n  version: 1\n<<: *a\nversion: '2'\nservices:\n", "version: 3 # \u2028services: {}\nname: a\n", "\uFEFFversion: 1\r\nservices: {}\r\n",
	} {
		f.Add(byte(1), text)
	}
	for _, text := range []string{
		"FROM a\nCMD a\\\n b", "# escape=`\nFROM a\nRUN apk add -U `\n b\nCMD a", "FROM a\nRUN <<E\napk add --update x\nE\nMAINTAINER é <é>", "FROM a\nRUN [\"npm\",\"ci\",\"--production\"]\nRUN sh -c 'npm ci --production'",
		"FROM a\nONBUILD RUN npm ci --only production\nRUN npm ci --onl\\\ny=production",
	} {
		f.Add(byte(0), text)
	}
	f.Fuzz(func(t *testing.T, kind byte, text string) {
		dir := t.TempDir()
		before := look(t, dir, kind, text)
		for range 8 { // several fixes of one place take turns
			offered := slices.Clone(before.Findings)
			for i, o := range offered {
				if o.Fix != nil {
					x := *o.Fix
					x.Class, offered[i].Fix = finding.Safe, &x
				}
			}
			changes := fix.Changes(offered, before.Sources)
			if !slices.ContainsFunc(changes, func(c fix.Change) bool { return c.Text != c.Source.Text }) {
				return
			}
			after := look(t, dir, kind, changes[0].Text)
			if len(after.Unread) > len(before.Unread) {
				t.Fatalf("%q became %q, which cannot be read: %v", text, changes[0].Text, after.Unread)
			}
			for _, c := range changes {
				for _, m := range c.Mended {
					if n := count(after, m); n >= count(before, m) {
						t.Fatalf("%s is mended and still there, in %q", describe(m), changes[0].Text)
					}
				}
			}
			before = after
		}
		t.Fatalf("fixes of %q find no end", text)
	})
}

// count counts the findings like one.
func count(report lint.Report, like finding.Finding) int {
	n := 0
	for _, f := range report.Findings {
		if f.Rule.ID == like.Rule.ID && f.Subject == like.Subject && f.Path == like.Path {
			n++
		}
	}
	return n
}

// FuzzIdentity writes any text otherwise: where it can be read, what is found keeps its
// identity.
func FuzzIdentity(f *testing.F) {
	corpus(f, func(kind byte, text string) { f.Add(kind, uint64(1), text) })
	f.Fuzz(func(t *testing.T, kind byte, seed uint64, text string) {
		// Tabs, quotes and blocks that span lines are text, which indenting changes.
		if strings.ContainsAny(text, "\t\r\u0085\u2028\u2029|>'\"\\#&*!?") || strings.Contains(text, "<<") {
			return
		}
		dir := t.TempDir()
		want := look(t, dir, kind, text)
		if len(want.Unread) > 0 {
			return
		}
		random := rand.New(rand.NewPCG(seed, 0))
		for _, how := range []string{"comments between lines", "documents in another order", "indented deeper", "other line ends"} {
			files := rearranged[how](random, names[int(kind)%len(names)], text)
			if files == nil {
				continue
			}
			got := look(t, dir, kind, string(files[0].Data))
			if len(got.Unread) > 0 {
				continue // it was no block style
			}
			old, now := identities(want), identities(got)
			for print, what := range old {
				if _, ok := now[print]; !ok {
					t.Fatalf("%s: %q as %q lost %s", how, text, files[0].Data, what)
				}
			}
		}
	})
}
