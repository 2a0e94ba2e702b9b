package dockerfile

import (
	"iter"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// layer is a RUN whose commands are known, and its stage.
type layer struct {
	stage *dockerfile.Stage
	in    *dockerfile.Instruction
}

func (l layer) commands() []*dockerfile.Command { return l.in.Script.Commands }

// layers yields the RUNs of stages that could be read.
func layers(stages []*dockerfile.Stage) iter.Seq[layer] {
	return func(yield func(layer) bool) {
		for _, s := range stages {
			for _, in := range s.Instructions {
				if in.Name == "RUN" && in.Script != nil && in.Script.Parsed && !yield(layer{s, in}) {
					return
				}
			}
		}
	}
}

// shipped are the stages whose layers are in the final image, the first one first.
func shipped(f *dockerfile.File) []*dockerfile.Stage {
	chain := slices.Clone(f.Final().Chain())
	slices.Reverse(chain)
	return chain
}

// ships says that a stage's layers are in the final image.
func ships(f *dockerfile.File, s *dockerfile.Stage) bool {
	return slices.Contains(f.Final().Chain(), s)
}

// any says whether a command of the layer satisfies is.
func (l layer) any(is func(*dockerfile.Command) bool) bool {
	return slices.ContainsFunc(l.commands(), is)
}

// removes says whether the layer deletes what lies below a path that holds part.
func (l layer) removes(part string) bool {
	return l.any(func(c *dockerfile.Command) bool {
		return (c.Name == "rm" || c.Name == "find") && slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool { return strings.Contains(w.Text, part) })
	})
}

// mounted says whether a --mount of the layer keeps a path that holds part out of
// the image.
func (l layer) mounted(part string) bool {
	for _, w := range l.in.Words {
		value, ok := strings.CutPrefix(w.Text, "--mount=")
		if !ok {
			continue
		}
		if (strings.Contains(value, "type=cache") || strings.Contains(value, "type=tmpfs")) && strings.Contains(value, part) {
			return true
		}
	}
	return false
}

// tidies says that the layer runs a script or function whose name says that it
// cleans up; what it removes is not known.
func (l layer) tidies() bool {
	return l.any(func(c *dockerfile.Command) bool { return strings.Contains(c.Name, "clean") })
}

// environment says whether an ENV or ARG of the stages, or an assignment in the
// layer, sets a name.
func (l layer) environment(f *dockerfile.File, name string) bool {
	for _, s := range l.stage.Chain() {
		for _, v := range f.Variables() {
			if v.Stage == s && v.Name == name && v.Set {
				return true
			}
		}
	}
	return l.any(func(c *dockerfile.Command) bool {
		return slices.ContainsFunc(slices.Concat(c.Assigned, c.Words), func(w dockerfile.Argument) bool { return strings.HasPrefix(w.Text, name+"=") })
	})
}

// toolchain says that an image is made to build things in: its file or a label
// says so.
func toolchain(f *dockerfile.File) bool {
	path := strings.ToLower(f.Source.Path)
	for _, word := range []string{"devcontainer", "dockerfile.dev", "dockerfile.ci", "dockerfile.test", "dockerfile.build", "dev.dockerfile", "builder", "toolchain", "buildpack", "gitpod", "cross", "/ci/", "/build/", "/dev/"} {
		if strings.Contains("/"+path, word) {
			return true
		}
	}
	return strings.Contains(f.Source.Text, "io.plimsoll.purpose=toolchain") || strings.Contains(f.Source.Text, `io.plimsoll.purpose="toolchain"`)
}

// document says that the founding document's own demands count.
func document(p *lint.Pass) bool { return p.Profile == lint.ProfileDocument }

// lowByDefault is medium where the founding document insists, and low elsewhere.
func lowByDefault(p *lint.Pass) finding.Severity {
	if document(p) {
		return finding.Medium
	}
	return finding.Low
}

// repository is the image's name without registry and "library/", and its tag.
func repository(base dockerfile.Reference) (name, tag string) {
	image, ok := source.ParseImage(base.Value)
	if !ok || !base.Known {
		return "", ""
	}
	name = strings.TrimPrefix(image.Name, "docker.io/")
	return strings.TrimPrefix(name, "library/"), image.Tag
}

// installs finds the words that a package manager is told to install.
func installs(c *dockerfile.Command) (manager string, packages []dockerfile.Argument) {
	sub, rest, ok := c.Sub()
	if !ok {
		return "", nil
	}
	switch c.Name {
	case "apt-get", "apt", "aptitude", "yum", "dnf", "microdnf", "tdnf", "zypper":
		if sub != "install" && sub != "in" {
			return "", nil
		}
		manager = map[string]string{"apt": "apt-get", "aptitude": "apt-get"}[c.Name]
		if manager == "" {
			manager = c.Name
		}
	case "apk":
		if sub != "add" {
			return "", nil
		}
		manager = "apk"
	default:
		return "", nil
	}
	for i, w := range rest {
		if strings.HasPrefix(w.Text, "-") || i > 0 && (rest[i-1].Text == "-t" || rest[i-1].Text == "--virtual" || rest[i-1].Text == "-o") {
			continue
		}
		packages = append(packages, w)
	}
	return manager, packages
}
