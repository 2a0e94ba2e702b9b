package compose

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var serviceInit = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "PRB-4.n", Name: "service-init", Points: []string{"PRB-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "A program that heeds no signals as the first process has an init in front of it",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		pr.each(func(s *compose.Service) {
			if !s.Built() || s.Get("init").Exists() || s.OneShot() {
				return
			}
			program := pr.firstProcess(s)
			if slices.Contains([]string{"node", "nodejs", "npm", "npx", "yarn", "pnpm", "python", "python3"}, program) {
				problem := about(s, "init", s.At, fmt.Sprintf("service %q runs %q as the first process, which does not end by SIGTERM unless it handles it; set init: true", s.Name, program))
				problem.Fix = added(s, "set init: true", "init: true")
				tell(problem)
			}
		})
	},
}

// firstProcess returns the name of the program that a service starts with, "" when
// it is not known.
func (pr *project) firstProcess(s *compose.Service) string {
	entrypoint, command := exact(s.Get("entrypoint")), exact(s.Get("command"))
	f := pr.dockerfileOf(s)
	if f == nil && !s.Get("entrypoint").Exists() {
		return ""
	}
	if f != nil && !s.Get("entrypoint").Exists() {
		own, inherited := started(f, "ENTRYPOINT")
		if !inherited {
			return ""
		}
		entrypoint = own
		if !s.Get("command").Exists() {
			if command, inherited = started(f, "CMD"); !inherited {
				return ""
			}
		}
	}
	if words := slices.Concat(entrypoint, command); len(words) > 0 {
		return path.Base(words[0])
	}
	return ""
}

// exact returns the words of a command that no shell reads.
func exact(v compose.Value) []string {
	if v.IsScalar() { // Compose splits it itself
		return strings.Fields(v.Text)
	}
	var words []string
	for _, item := range v.Items {
		words = append(words, item.Text)
	}
	return words
}

// started returns the exec form of the last CMD or ENTRYPOINT, and false for one
// under a shell, which is another rule's.
func started(f *dockerfile.File, name string) ([]string, bool) {
	for _, stage := range f.Final().Chain() {
		for _, in := range slices.Backward(stage.Instructions) {
			if in.Name == name {
				return in.Args, in.Exec
			}
		}
	}
	return nil, true
}
