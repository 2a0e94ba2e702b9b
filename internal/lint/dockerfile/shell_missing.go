package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var shellMissing = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-4.d", Name: "shell-missing", Points: []string{"PRB-4"}, Severity: finding.High, Since: "0.1.0",
		Summary: "What needs a shell is not asked of an image that has none",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			if s != f.Final() && !slices.Contains(f.Final().Chain(), s) {
				continue
			}
			base := s.Root().Base
			if !base.Known || !distroless(base.Value) || bringsShell(f, s) {
				continue
			}
			for _, in := range s.Instructions {
				if in.Name != "RUN" && in.Name != "CMD" && in.Name != "ENTRYPOINT" && in.Name != "HEALTHCHECK" || in.Script == nil || in.Exec {
					continue
				}
				p.Report(lint.Problem{
					At: in.At, Subject: f.Subject(s), Path: strings.ToLower(in.Name) + "[shell]",
					Message: fmt.Sprintf("%s in its shell form needs /bin/sh, which %q does not have; write it as a JSON list", in.Name, base.Text),
				})
			}
		}
	},
}

// distroless says that an image is known to hold no shell: Google's, unless the
// tag says "debug", and scratch.
func distroless(value string) bool {
	name, tag := repository(dockerfile.Reference{Value: value, Known: true})
	return value == "scratch" || strings.HasPrefix(name, "gcr.io/distroless/") && !strings.Contains(tag, "debug")
}

// bringsShell says whether a stage may get a shell or a whole file system by COPY.
func bringsShell(f *dockerfile.File, s *dockerfile.Stage) bool {
	for _, c := range s.Chain() {
		for _, in := range c.Instructions {
			for _, target := range []string{"/bin/sh", "/bin/busybox", "/busybox/sh"} {
				if bringsPath(f, c, in, target) {
					return true
				}
			}
			if in.Name == "COPY" && strings.Contains(f.Source.Slice(in.At), "busybox") {
				return true
			}
		}
	}
	return len(s.Shell()) > 0 // whoever chose it knows of one
}
