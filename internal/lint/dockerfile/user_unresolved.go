package dockerfile

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var userUnresolved = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "USR-1.c", Name: "user-unresolved", Points: []string{"USR-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The user that an image names is in an /etc/passwd that it has",
		Also:    []string{"tally/named-identity-in-passwdless-stage"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		in, stage := lastUser(final)
		if in == nil || final.Root().Base.Value != "scratch" {
			return
		}
		value, known := f.Expand(stage, in, strings.Join(in.Args, " "))
		user, _, _ := strings.Cut(value, ":")
		if _, err := strconv.ParseUint(user, 10, 32); !known || err == nil || isRoot(value) {
			return
		}
		for _, s := range final.Chain() {
			for _, other := range s.Instructions {
				if other.Name == "RUN" || bringsPath(f, s, other, "/etc/passwd") {
					return
				}
			}
		}
		p.Report(lint.Problem{
			At: in.ArgumentsAt(), Subject: f.Subject(final), Path: "user",
			Message: fmt.Sprintf("%q is in no /etc/passwd of an image made from scratch, so that no container starts; write a number such as 65532:65532", "USER "+value),
		})
	},
}

// bringsPath says whether a COPY or ADD may put something at a path.
func bringsPath(f *dockerfile.File, s *dockerfile.Stage, in *dockerfile.Instruction, target string) bool {
	sources, to := in.Paths()
	if len(sources) == 0 {
		return false
	}
	to, known := f.Expand(s, in, to)
	if !known || in.Name == "ADD" || len(in.Heredocs) > 0 {
		return true
	}
	if !strings.HasPrefix(to, "/") {
		to = "/" + to // relative to WORKDIR, which is / nearly always here
	}
	to = path.Clean(to)
	if to == target {
		return true
	}
	if !strings.HasPrefix(target, strings.TrimSuffix(to, "/")+"/") {
		return false
	}
	for _, w := range sources {
		from := w.Text
		base := path.Base(from)
		// A file has its own name there; what may be a directory may hold anything.
		if base == path.Base(target) || strings.ContainsAny(from, "*$") || strings.HasSuffix(from, "/") || from == "." || !strings.Contains(base, ".") && to != "/" || base == "rootfs" || base == "etc" || base == "out" || base == "dist" {
			return true
		}
	}
	return false
}
