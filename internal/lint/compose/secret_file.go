package compose

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var secretFileCommitted = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "SEC-2.n", Name: "secret-file-committed", Points: []string{"SEC-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No file with secrets that a Compose project reads lies among the sources",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, e := range pr.Secrets.Entries {
			file, ok := pr.File(e.Value)
			if !ok || file.Path == "" || pr.ignored(file.Path) {
				continue
			}
			if src, err := pr.tree.File(file.Path); err != nil || strings.TrimSpace(src.Text) == "" {
				continue
			}
			problem := pr.whole(lint.Problem{
				At: file.At, Path: "secrets[" + e.Name + "]",
				Message: fmt.Sprintf("secret %q is the file %q, which lies among the sources; keep it out by .gitignore, and put a sample beside it", e.Name, file.Text),
			})
			if production(p) {
				problem.Severity = finding.High
			}
			tell(problem)
		}
		files := map[string]bool{}
		if pr.Env != nil {
			files[pr.Env.Source.Path] = true
		}
		for _, s := range pr.Services {
			for _, f := range s.EnvFiles() {
				files[f.Path] = true
			}
		}
		for name := range files {
			if env := pr.set.Env(name); env != nil && !pr.ignored(name) {
				for _, v := range env.Variables {
					pr.envSecret(p, env, v, tell)
				}
			}
		}
	},
}

func (pr *project) envSecret(p *lint.Pass, env *compose.EnvFile, v compose.EnvVariable, tell func(lint.Problem)) {
	if !v.Known {
		return
	}
	severity, what := judgeText(p, v.Name, v.Value)
	if severity == finding.Unknown {
		return
	}
	tell(lint.Problem{
		At: v.NameAt, Subject: env.Source.Path, Path: v.Name, Severity: severity, Excerpt: v.Name,
		Message: fmt.Sprintf("%q %s in a file among the sources; keep it out by .gitignore, and put a sample without values beside it", v.Name, what),
	})
}

// ignored says whether a .gitignore of the tree keeps a file out of git.
func (pr *project) ignored(name string) bool {
	if pr.tree == nil {
		return false
	}
	ignored := false
	dirs := []string{"."}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		dirs = append(dirs[:1], append([]string{dir}, dirs[1:]...)...)
	}
	for _, dir := range dirs {
		src, err := pr.tree.File(path.Join(dir, ".gitignore"))
		if err != nil {
			continue
		}
		relative := strings.TrimPrefix(name, strings.TrimSuffix(dir, ".")+"/")
		if dir == "." {
			relative = name
		}
		for n := 1; n <= src.Lines(); n++ {
			line, _ := src.Line(n)
			pattern, negated := strings.CutPrefix(strings.TrimSpace(line), "!")
			if pattern == "" || strings.HasPrefix(pattern, "#") {
				continue
			}
			if globs, err := source.NewGlobs(pattern); err == nil && (globs.Match(relative) || globs.MatchAbove(relative)) {
				ignored = !negated
			}
		}
	}
	return ignored
}
