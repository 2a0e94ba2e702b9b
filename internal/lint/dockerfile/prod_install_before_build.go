package dockerfile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var prodInstallBeforeBuild = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "X-18", Name: "prod-install-before-build", Points: []string{"IMG-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "What a build script needs is installed when it runs",
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, s := range f.Stages {
			install, script, run := buildsWithout(f, s)
			if script == nil {
				continue
			}
			proof, severity := needs(f, run)
			if severity == finding.Unknown {
				continue
			}
			p.Report(lint.Problem{
				At: script.At, Subject: f.Subject(s), Path: "run[" + command(script) + "]", Severity: severity, Related: []finding.Location{install.At},
				Message: fmt.Sprintf("%q runs where %q left out the development dependencies%s; install all for the build, and only the others for the image that ships", command(script)+" "+run, command(install), proof),
			})
		}
	},
}

// buildsWithout finds an installation without development dependencies and a build
// script behind it in the same line of stages, with nothing that installs the
// rest between them. run is the script's name in package.json.
func buildsWithout(f *dockerfile.File, s *dockerfile.Stage) (install, script *dockerfile.Command, run string) {
	chain := slices.Clone(s.Chain())
	slices.Reverse(chain)
	for l := range layers(chain) {
		for _, c := range l.commands() {
			sub, rest, _ := c.Sub()
			if !slices.Contains([]string{"npm", "yarn", "pnpm"}, c.Name) {
				continue
			}
			switch {
			case slices.Contains([]string{"ci", "install", "i"}, sub) || c.Name == "yarn" && sub == "":
				install = nil
				if c.Has("-g", "--global") {
					continue
				}
				if production(c) || l.environmentIs(f, "NODE_ENV", "production") && !c.Has("--include=dev", "--production=false", "--dev", "-D") {
					install = c
				}
			case install != nil && l.stage == s && sub == "run" && len(rest) > 0 && strings.HasPrefix(rest[0].Text, "build"):
				return install, c, rest[0].Text
			case install != nil && l.stage == s && c.Name != "npm" && sub == "build":
				return install, c, "build"
			}
		}
	}
	return nil, nil, ""
}

// production says that a command leaves development dependencies out.
func production(c *dockerfile.Command) bool {
	for i, w := range c.Words {
		switch w.Text {
		case "--only=production", "--only=prod", "--production", "--prod", "-P", "--omit=dev", "--production=true":
			return true
		case "--only", "--omit":
			if i+1 < len(c.Words) && slices.Contains([]string{"production", "prod", "dev"}, c.Words[i+1].Text) {
				return true
			}
		}
	}
	return false
}

// environmentIs says that a variable has a value when the layer runs.
func (l layer) environmentIs(f *dockerfile.File, name, value string) bool {
	got, known := f.Expand(l.stage, l.in, "$"+name)
	return known && got == value
}

// needs looks into package.json whether a script's program comes from a
// development dependency. Without one there is a suspicion and no proof.
func needs(f *dockerfile.File, run string) (proof string, severity finding.Severity) {
	src := f.Lookup("package.json")
	if src == nil {
		return "", finding.Medium
	}
	var manifest struct {
		Scripts         map[string]string `json:"scripts"`
		Dependencies    map[string]string `json:"dependencies"`
		DevDependencies map[string]string `json:"devDependencies"`
	}
	if json.Unmarshal([]byte(src.Text), &manifest) != nil || manifest.Scripts[run] == "" {
		return "", finding.Unknown
	}
	for word := range strings.FieldsSeq(manifest.Scripts[run]) {
		name := programs[word]
		if name == "" {
			name = word
		}
		if _, dev := manifest.DevDependencies[name]; dev && manifest.Dependencies[name] == "" {
			return fmt.Sprintf(": its script needs %q, which is one of them", name), finding.High
		}
	}
	return "", finding.Unknown
}

// programs are those that another package than their namesake brings.
var programs = map[string]string{
	"tsc": "typescript", "nest": "@nestjs/cli", "ng": "@angular/cli", "vue-cli-service": "@vue/cli-service", "webpack": "webpack-cli", "babel": "@babel/cli",
	"remix": "@remix-run/dev", "svelte-kit": "@sveltejs/kit", "swc": "@swc/cli", "vue-tsc": "vue-tsc",
}
