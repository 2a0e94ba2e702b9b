package dockerfile

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var noDockerignore = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-2.b", Name: "no-dockerignore", Points: []string{"IMG-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A Dockerfile that copies everything has a .dockerignore that filters it",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		if !f.Beside() {
			return
		}
		for _, s := range f.Stages {
			for _, in := range s.Instructions {
				at, ok := copiesAll(in)
				if !ok {
					continue
				}
				if ignore, _ := f.Ignore(); ignore != nil {
					return
				}
				p.Report(lint.Problem{
					At: at, Subject: f.Source.Path, Path: "dockerignore",
					Message: fmt.Sprintf("%q takes everything, and no .dockerignore leaves out .git, local settings and what is installed here; add one", in.Name+" "+flat(f, at)),
				})
				return
			}
		}
	},
}

// copiesAll says that a COPY or ADD takes the whole build context, and where.
func copiesAll(in *dockerfile.Instruction) (finding.Location, bool) {
	if _, _, from := in.Flag("from"); from {
		return finding.Location{}, false
	}
	if _, _, excludes := in.Flag("exclude"); excludes {
		return finding.Location{}, false
	}
	sources, _ := in.Paths()
	for _, s := range sources {
		switch s.Text {
		case ".", "./", "/", "*", "./*":
			return in.ArgumentsAt(), true
		}
	}
	return finding.Location{}, false
}

// flat is a text of the file on one line.
func flat(f *dockerfile.File, at finding.Location) string {
	if at.Line == at.EndLine {
		return f.Source.Slice(at)
	}
	return "…"
}
