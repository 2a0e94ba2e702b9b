package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var serviceImageLatest = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "IMG-3.m", Name: "service-image-latest", Points: []string{"IMG-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every image that a Compose project pulls names a version",
		Also:    []string{"service-image-require-explicit-tag"},
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			image, ok := s.Image()
			if !ok || !image.Floating() {
				continue
			}
			v := s.Get("image")
			what := "has no tag and so means \"latest\","
			if image.Tag != "" {
				what = "has the tag \"latest\","
			}
			problem := about(s, "image", v.At(), fmt.Sprintf("service %q: image %q%s %s which moves with every release; name a version and a digest", s.Name, v.Node.Text(), means(v.Node.Text(), image.String()), what))
			if v.Variables { // whoever starts it may name a version
				problem.Severity = finding.Medium
			}
			if local(image.Name) {
				problem.Severity = finding.Medium
				problem.Message = fmt.Sprintf("service %q: image %q is on no registry and is whatever was last built here under this name; build it in this project, or name a version", s.Name, v.Node.Text())
			}
			tell(problem)
		}
	},
}

// hyphenated are Docker's own images with a hyphen in their names, also former ones.
var hyphenated = []string{
	"api-firewall", "azul-zulu", "buildpack-deps", "docker-dev", "eclipse-mosquitto", //nolint:misspell // its name
	"eclipse-temurin", "express-gateway", "hello-world",
	"ibm-semeru-runtimes", "kaazing-gateway", "mongo-express", "nats-streaming", "open-liberty", "php-zendserver", "r-base", "rakudo-star",
	"ubuntu-debootstrap", "ubuntu-upstart", "websphere-liberty",
}

// local says that no registry can have an image: without an owner it would be one of
// Docker's own, of which few have a hyphen.
func local(name string) bool {
	return strings.Contains(name, "-") && !strings.ContainsAny(name, "/.:") && !slices.Contains(hyphenated, name)
}

// means adds what variables make of a text, when there are any.
func means(written, text string) string {
	if strings.TrimSpace(written) == text {
		return ""
	}
	return " (" + text + ")"
}
