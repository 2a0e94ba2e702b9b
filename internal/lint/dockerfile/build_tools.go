package dockerfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var buildTools = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-1.b", Name: "build-tools", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Compilers stay in a stage that does not ship",
		Also:    []string{"tally/prefer-multi-stage-build", "tally/gpu/prefer-runtime-final-stage"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		command, entrypoint := started(final)
		if final.Windows() || toolchain(f) || command.in == nil && entrypoint.in == nil {
			return
		}
		for l := range layers(shipped(f)) {
			if removesPackages(l) {
				continue
			}
			for _, c := range l.commands() {
				_, packages := installs(c)
				i := slices.IndexFunc(packages, func(w dockerfile.Argument) bool { return w.Known && compiler(w.Text) })
				if i < 0 {
					continue
				}
				p.Report(lint.Problem{
					At: packages[i].At, Subject: f.Subject(l.stage), Path: "package[" + packages[i].Text + "]",
					Message: fmt.Sprintf("the final image ships the toolchain of %q; build in a stage of its own and copy what it made", packages[i].Text),
				})
				return
			}
		}
		reportSDK(p, f)
	},
}

// compilers are packages that hold a compiler or what only one needs.
var compilers = []string{
	"build-essential", "build-base", "alpine-sdk", "gcc", "g++", "gcc-c++", "clang", "cmake", "cargo", "rustc", "golang", "golang-go", "go",
	"musl-dev", "libc-dev", "libc6-dev", "automake", "autoconf", "base-devel",
}

func compiler(text string) bool {
	name, _, _ := strings.Cut(text, "=")
	return slices.Contains(compilers, name)
}

// removesPackages says that the layer takes packages off again.
func removesPackages(l layer) bool {
	return l.any(func(c *dockerfile.Command) bool {
		sub, _, _ := c.Sub()
		switch c.Name {
		case "apk", "apt-get", "apt", "yum", "dnf", "microdnf", "tdnf", "zypper":
			return slices.Contains([]string{"del", "purge", "remove", "autoremove", "auto-remove", "erase", "rm"}, sub)
		}
		return false
	})
}

// sdks are images that hold a toolchain, and the commands that use it.
var sdks = map[string][]string{
	"golang": {"go"}, "rust": {"cargo"}, "maven": {"mvn"}, "gradle": {"gradle", "gradlew"}, "mcr.microsoft.com/dotnet/sdk": {"dotnet"},
	"gcc": {"gcc", "g++", "make", "cc"}, "swift": {"swift"},
}

// reportSDK reports a program that is built in the image that ships, on a base
// that is a toolchain.
func reportSDK(p *lint.Pass, f *dockerfile.File) {
	final := f.Final()
	root := final.Root()
	name, _ := repository(root.Base)
	tools, ok := sdks[name]
	if !ok {
		return
	}
	for l := range layers(shipped(f)) {
		for _, c := range l.commands() {
			if slices.Contains(tools, c.Name) && (c.Has("build", "publish", "package", "install", "verify", "bootJar", "assemble") || name == "gcc") {
				p.Report(lint.Problem{
					At: root.Base.At, Subject: f.Subject(final), Path: "base",
					Message: fmt.Sprintf("the final image is the toolchain %q that built the program; copy what it made into a stage on a small base", root.Base.Text),
					Related: []finding.Location{c.At},
				})
				return
			}
		}
	}
}
