package dockerfile

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var addRemote = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-4.d", Name: "add-remote", Points: []string{"IMG-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "What ADD fetches is compared with a checksum",
		Also:    []string{"CIS-DI-0009", "CKV_DOCKER_4"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			for _, in := range s.Instructions {
				if _, _, ok := in.Flag("checksum"); ok || in.Name != "ADD" {
					continue
				}
				sources, _ := in.Paths()
				for _, w := range sources {
					url := w.Text
					if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") || strings.Contains(url, ".git") || comparedLater(s, in) {
						continue
					}
					p.Report(lint.Problem{
						At: w.At, Subject: f.Subject(s), Path: "add[" + path.Base(url) + "]",
						Message: fmt.Sprintf("ADD takes whatever %q serves that day; add --checksum=sha256:… to it", url),
					})
				}
			}
		}
	},
}

// comparedLater says that a RUN behind an ADD compares checksums or signatures.
func comparedLater(s *dockerfile.Stage, add *dockerfile.Instruction) bool {
	for l := range layers([]*dockerfile.Stage{s}) {
		if l.in.At.Line > add.At.Line && l.verifies() {
			return true
		}
	}
	return false
}
