package dockerfile

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var maintainerDeprecated = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "BLD-MaintainerDeprecated", Name: "maintainer-deprecated", Points: []string{"OBS-3"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Who is responsible stands in a label",
		Also:    []string{"MaintainerDeprecated", "DL4000", "DS-0022", "CKV_DOCKER_6"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			for _, in := range s.Instructions {
				if in.Name == "MAINTAINER" {
					p.Report(lint.Problem{
						At: in.At, Subject: f.Subject(s), Path: "maintainer",
						Message: "MAINTAINER is deprecated; write LABEL org.opencontainers.image.authors=\"…\"",
						Fix:     labelled(f, s, in),
					})
				}
			}
		}
	},
}

const authors = "org.opencontainers.image.authors"

// labelled writes the label, unless the text means something else there or one that
// names the authors is there.
func labelled(f *dockerfile.File, s *dockerfile.Stage, in *dockerfile.Instruction) *finding.Fix {
	text := f.Source.Slice(in.ArgumentsAt())
	if strings.ContainsAny(text, "\"'\\`$\r\n") || strings.TrimSpace(text) == "" {
		return nil
	}
	for _, other := range s.Instructions {
		if other != in && (other.Name == "MAINTAINER" || other.Name == "LABEL" && strings.Contains(f.Source.Slice(other.At), authors)) {
			return nil
		}
	}
	edit, ok := f.Source.Edit(in.At, "LABEL "+authors+"=\""+text+"\"")
	return lint.Mend(finding.Safe, "write it as a label", []finding.Edit{edit}, ok)
}
