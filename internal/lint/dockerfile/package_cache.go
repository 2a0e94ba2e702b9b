package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var packageCache = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-1.a", Name: "package-cache", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No layer of the final image keeps what a package manager downloaded",
		Also: []string{
			"DL3009", "DL3019", "DL3032", "DL3036", "DL3040", "DL3042", "DKL-DI-0004", "DKL-DI-0005",
			"DS-0015", "DS-0019", "DS-0020", "DS-0025", "DS-0027",
		},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		if f.Final().Windows() {
			return
		}
		for l := range layers(shipped(f)) {
			if l.tidies() {
				continue
			}
			told := map[string]bool{}
			for _, c := range l.commands() {
				kind, message := leaves(f, l, c)
				if kind == "" || told[kind] {
					continue
				}
				told[kind] = true
				severity := finding.Medium
				if kind == "npm" {
					severity = finding.Low
				}
				p.Report(lint.Problem{
					At: c.At, Subject: f.Subject(l.stage), Path: "cache[" + kind + "]", Severity: severity, Message: message,
					Fix: tidied(f, l, c, kind),
				})
			}
		}
	},
}

// leaves says which cache a command leaves in its layer, and how not to.
func leaves(f *dockerfile.File, l layer, c *dockerfile.Command) (kind, message string) {
	sub, _, ok := c.Sub()
	if !ok {
		return "", ""
	}
	runs := func(names []string, subs ...string) bool {
		return l.any(func(c *dockerfile.Command) bool {
			return slices.Contains(names, c.Name) && slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool { return slices.Contains(subs, w.Text) })
		})
	}
	switch name := c.Name; {
	case (name == "apt-get" || name == "apt") && sub == "update":
		if l.removes("/var/lib/apt") || l.removes("/var/lib/{apt") || l.mounted("/var/lib/apt") || runs([]string{"apt-get", "apt"}, "distclean", "dist-clean") {
			return "", ""
		}
		return "apt", `the lists that apt-get fetches stay in the layer; end the same RUN with "rm -rf /var/lib/apt/lists/*"`
	case name == "apk" && (sub == "update" || sub == "add" && (c.Has("--update", "-U", "--update-cache") || c.Flag('U'))):
		if c.Has("--no-cache") || l.removes("/var/cache") || l.mounted("/var/cache/apk") || l.mounted("/etc/apk/cache") {
			return "", ""
		}
		return "apk", `the index that apk fetches stays in the layer; write "apk add --no-cache" and drop the update`
	case slices.Contains([]string{"yum", "dnf", "microdnf", "tdnf"}, name) && slices.Contains([]string{"install", "update", "upgrade", "groupinstall", "reinstall"}, sub):
		if runs([]string{"yum", "dnf", "microdnf", "tdnf"}, "clean") || l.removes("/var/cache") || l.mounted("/var/cache") || l.mounted("/var/lib/dnf") {
			return "", ""
		}
		return name, fmt.Sprintf("what %s downloads stays in the layer; end the same RUN with %q", name, name+" clean all")
	case name == "zypper" && slices.Contains([]string{"install", "in", "update", "up", "dup", "refresh", "ref"}, sub):
		if runs([]string{"zypper"}, "clean", "cc") || l.removes("/var/cache") || l.mounted("/var/cache") {
			return "", ""
		}
		return name, `what zypper downloads stays in the layer; end the same RUN with "zypper clean -a"`
	case pip(c) && slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool { return w.Text == "install" }):
		if slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool { return strings.HasPrefix(w.Text, "--no-cache") }) ||
			l.environment(f, "PIP_NO_CACHE_DIR") || l.environment(f, "XDG_CACHE_HOME") || l.environment(f, "PIP_CACHE_DIR") || l.mounted("cache/") || l.mounted(".cache") || l.mounted("pip") || l.removes(".cache") || runs([]string{c.Name}, "purge") {
			return "", ""
		}
		return "pip", `what pip downloads stays in the layer; add "--no-cache-dir", or mount a cache`
	case name == "npm" && slices.Contains([]string{"install", "ci", "i"}, sub):
		if runs([]string{"npm"}, "cache") || l.mounted("npm") || l.removes(".npm") || l.removes("/root") || l.environment(f, "npm_config_cache") || c.Has("--cache") {
			return "", ""
		}
		return "npm", `what npm downloads stays in the layer; end the same RUN with "npm cache clean --force", or mount a cache on /root/.npm`
	}
	return "", ""
}

// tidied is how a command leaves nothing behind: by a flag of its own, which changes
// nothing else, or by a command that removes what is there.
func tidied(f *dockerfile.File, l layer, c *dockerfile.Command, kind string) *finding.Fix {
	word := func(texts ...string) (dockerfile.Argument, bool) {
		i := slices.IndexFunc(c.Words, func(w dockerfile.Argument) bool { return slices.Contains(texts, w.Text) })
		if i < 0 {
			return dockerfile.Argument{}, false
		}
		return c.Words[i], true
	}
	clean := map[string]string{"apt": "rm -rf /var/lib/apt/lists/*", "zypper": "zypper clean -a", "npm": "npm cache clean --force"}
	switch kind {
	case "apk":
		if flag, ok := word("--update", "-U", "--update-cache"); ok && c.Has("add") {
			edits, ok := rewritten(f, flag, flag, "--no-cache")
			return lint.Mend(finding.Safe, "write --no-cache", edits, ok)
		}
		return nil
	case "pip":
		if sub, ok := word("install"); ok {
			edits, ok := followed(f, sub, "--no-cache-dir")
			return lint.Mend(finding.Safe, "add --no-cache-dir", edits, ok)
		}
		return nil
	case "yum", "dnf", "microdnf", "tdnf":
		clean[kind] = kind + " clean all"
	}
	edits, ok := l.continued(f, clean[kind])
	return lint.Mend(finding.Suggested, "end the RUN with "+quote(clean[kind]), edits, ok)
}

// pip says that a command is pip, by name or as a module of Python.
func pip(c *dockerfile.Command) bool {
	if c.Name == "pip" || strings.HasPrefix(c.Name, "pip3") {
		return true
	}
	return strings.HasPrefix(c.Name, "python") && len(c.Words) > 1 && c.Words[0].Text == "-m" && c.Words[1].Text == "pip"
}
