package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var healthTool = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "PRB-2.d", Name: "health-tool", Points: []string{"PRB-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The program that a health check runs is in the image",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		in, stage := lastHealth(final)
		if in == nil || in.Script == nil || !in.Script.Parsed {
			return
		}
		base := final.Root().Base
		for _, c := range in.Script.Commands {
			if c.Name != "curl" && c.Name != "wget" && c.Name != "nc" || !lacks(base, c.Name) || mentions(f, final, in, c.Name) {
				continue
			}
			p.Report(lint.Problem{
				At: c.At, Subject: f.Subject(stage), Path: "healthcheck[" + c.Name + "]",
				Message: fmt.Sprintf("%q runs %q, which %q does not hold and nothing here installs: the container is never healthy; install it, or check with the program itself", "HEALTHCHECK", c.Name, base.Text),
			})
			return
		}
	},
}

// lastHealth returns the health check in force and its stage.
func lastHealth(final *dockerfile.Stage) (*dockerfile.Instruction, *dockerfile.Stage) {
	for _, s := range final.Chain() {
		for _, in := range slices.Backward(s.Instructions) {
			if in.Name == "HEALTHCHECK" {
				return in, s
			}
		}
	}
	return nil, nil
}

// lacks says that a base is known not to hold a program: distroless and scratch
// none of them; Debian's and Ubuntu's, and what is made of their slim variant,
// neither curl nor wget; Alpine's, and what is made of it, no curl.
func lacks(base dockerfile.Reference, program string) bool {
	name, tag := repository(base)
	switch {
	case name == "" && base.Value != "scratch":
		return false
	case distroless(base.Value):
		return true
	case name == "debian" || name == "ubuntu":
		return true
	case !slices.Contains([]string{"alpine", "node", "python", "ruby", "golang", "rust"}, name):
		return false
	case name == "alpine" || strings.Contains(tag, "alpine"):
		return program == "curl"
	}
	return strings.Contains(tag, "slim")
}

// mentions says whether anything that makes the image names a program, or cannot
// be known: a variable list of packages, a whole file system.
func mentions(f *dockerfile.File, final *dockerfile.Stage, health *dockerfile.Instruction, program string) bool {
	for _, s := range final.Chain() {
		for _, in := range s.Instructions {
			if in == health || in.Name == "HEALTHCHECK" || in.Name == "CMD" || in.Name == "ENTRYPOINT" {
				continue
			}
			if strings.Contains(f.Source.Slice(in.At), program) || strings.Contains(f.Source.Slice(in.At), "busybox") {
				return true
			}
			for _, dir := range []string{"/usr/bin/", "/bin/", "/usr/local/bin/"} {
				if strings.HasPrefix(s.Root().Base.Value, "scratch") && bringsPath(f, s, in, dir+program) {
					return true
				}
			}
			if in.Name == "RUN" && (in.Script == nil || !in.Script.Parsed || slices.ContainsFunc(in.Script.Commands, indirect)) {
				return true
			}
		}
	}
	return false
}

// indirect says that a command may install what its own text does not name.
func indirect(c *dockerfile.Command) bool {
	if _, packages := installs(c); slices.ContainsFunc(packages, func(w dockerfile.Argument) bool { return !w.Known }) {
		return true
	}
	return c.Name == "" && len(c.Assigned) == 0 || strings.HasSuffix(c.Name, ".sh") || c.Name == "xargs" || c.Name == "playwright" || c.Has("install-deps", "--with-deps")
}
