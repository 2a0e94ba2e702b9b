package all

import (
	"maps"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// identities are the fingerprints of a report, with what they are of.
func identities(report lint.Report) map[string]string {
	ids := map[string]string{}
	for i, print := range finding.Fingerprints(report.Findings) {
		ids[print] = describe(report.Findings[i])
	}
	return ids
}

// rearranged are changes of files that mean nothing. Each is given the random numbers
// to choose by, and returns nil for a file that it cannot be made in.
var rearranged = map[string]func(random *rand.Rand, name, text string) []txtar.File{
	"indented deeper": func(_ *rand.Rand, name, text string) []txtar.File {
		return same(name, indented(name, text))
	},
	"comments between lines": func(random *rand.Rand, name, text string) []txtar.File {
		return same(name, commented(random, name, text))
	},
	"documents in another order": func(random *rand.Rand, name, text string) []txtar.File {
		documents := strings.Split(text, "\n---\n")
		if len(documents) == 1 || !isYAML(name) {
			return nil
		}
		for i := range documents {
			documents[i] = strings.TrimSuffix(documents[i], "\n")
		}
		random.Shuffle(len(documents), func(i, j int) { documents[i], documents[j] = documents[j], documents[i] })
		return same(name, strings.Join(documents, "\n---\n")+"\n")
	},
	"another name": func(random *rand.Rand, name, text string) []txtar.File {
		if !manifest.MatchString(text) || !isYAML(name) || strings.Contains(name, "kustomization") || strings.Contains(name, "templates/") || strings.Contains(name, "hart") {
			return nil
		}
		names := []string{"a", "zz", "web"}
		return same(path.Join(path.Dir(name), names[random.IntN(len(names))]+"-"+path.Base(name)), text)
	},
	"other line ends": func(_ *rand.Rand, name, text string) []txtar.File {
		return same(name, strings.ReplaceAll(text, "\n", "\r\n"))
	},
}

var (
	manifest = regexp.MustCompile(`(?m)^apiVersion: `)
	leading  = regexp.MustCompile(`^(?: |- )*`)
)

func same(name, text string) []txtar.File { return []txtar.File{{Name: name, Data: []byte(text)}} }

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func isDockerfile(name string) bool {
	return strings.Contains(path.Base(name), "ockerfile") && !strings.HasSuffix(name, "ignore")
}

// indented doubles the indentation of YAML, and that of continued lines.
func indented(name, text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch {
		case isYAML(name):
			head := leading.FindString(line)
			lines[i] = strings.ReplaceAll(strings.ReplaceAll(head, " ", "  "), "-  ", "-   ") + line[len(head):]
		case isDockerfile(name) && i > 0 && strings.HasSuffix(lines[i-1], "\\"):
			lines[i] = "      " + line
		}
	}
	return strings.Join(lines, "\n")
}

// commented puts comments and empty lines where nothing spans lines.
func commented(random *rand.Rand, name, text string) string {
	if !isYAML(name) && !isDockerfile(name) || strings.Contains(text, "<<") || regexp.MustCompile(`[|>][-+0-9]*( +#.*)?\n`).MatchString(text) || strings.HasPrefix(text, "#") {
		return text
	}
	var b strings.Builder
	continued := false
	for line := range strings.Lines(text) {
		plain := isDockerfile(name) && !continued || regexp.MustCompile(`^[ -]*[\w./-]+:( |$)`).MatchString(line)
		if plain && random.IntN(3) == 0 {
			b.WriteString([]string{"# nothing\n", "\n", "  # nothing at all\n"}[random.IntN(3)])
		}
		continued = strings.HasSuffix(strings.TrimRight(line, "\r\n"), "\\")
		b.WriteString(line)
	}
	return b.String()
}

// rearrange makes one of these changes in all files that it can be made in.
func rearrange(random *rand.Rand, how string, files []txtar.File) []txtar.File {
	var all []txtar.File
	for _, f := range files {
		if strings.HasPrefix(f.Name, "bad/") || strings.HasPrefix(f.Name, "good/") {
			if changed := rearranged[how](random, f.Name, string(f.Data)); changed != nil {
				all = append(all, changed...)
				continue
			}
		}
		all = append(all, f)
	}
	return all
}

// TestIdentitiesLast: what is found keeps its identity in files that are changed
// without another meaning.
func TestIdentitiesLast(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, rule := range lint.Rules(Linters(), Across()...) {
		archive, err := fixture(rule.Name)
		if err != nil {
			continue // TestFixtures says so
		}
		t.Run(rule.Name, func(t *testing.T) {
			opts := lint.Options{Profile: value(archive, "profile")}
			want := identities(judge(t, archive, "bad/", opts))
			for _, how := range slices.Sorted(maps.Keys(rearranged)) {
				files := rearrange(random, how, archive.Files)
				got := identities(judge(t, &txtar.Archive{Files: files}, "bad/", opts))
				for print, what := range want {
					if _, ok := got[print]; !ok {
						t.Errorf("%s: lost %s", how, what)
					}
				}
				for print, what := range got {
					if _, ok := want[print]; !ok {
						t.Errorf("%s: new is %s", how, what)
					}
				}
			}
		})
	}
}
