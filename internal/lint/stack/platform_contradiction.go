package stack

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
)

var platformContradiction = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-19", Name: "platform-contradiction", Severity: finding.High, Since: "0.1.0",
		Summary: "An image is for the processors of the nodes that it is sent to",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			at := c.Workload.Pod.Get("nodeSelector").Get("kubernetes.io/arch")
			if is, why, made := s.madeFor(c.Stage, c.Image); at.Text() != "" && is != "" && is != at.Text() && !c.Workload.Windows() {
				problem := about(c, "nodeSelector", at.At(), fmt.Sprintf("the pods are sent to nodes of %q, and the image of container %q is for %q by %s: it does not start; mend one of them", at.Text(), c.Name, is, why))
				problem.Related = made
				p.Report(problem)
			}
		}
		for _, service := range s.services {
			v := service.Get("platform")
			if !v.IsScalar() || !v.Known {
				continue
			}
			_, wants, _ := strings.Cut(v.Text, "/")
			wants, _, _ = strings.Cut(wants, "/")
			is, why, made := s.madeFor(service.Stage, service.Image)
			if wants == "" || is == "" || is == wants {
				continue
			}
			p.Report(lint.Problem{
				At: v.At(), Subject: service.Subject(), Path: "platform", Severity: finding.Medium, Related: made,
				Message: fmt.Sprintf("service %q is for the platform %q, and its image is for %q by %s; mend one of them", service.Name, v.Text, is, why),
			})
		}
	},
}

// madeFor is the processor that an image is for, where only one is possible.
func (s *ship) madeFor(stage *binding.Stage, image *contents.Image) (architecture, why string, at []finding.Location) {
	if image != nil && image.Architecture != "" {
		return image.Architecture, "its config", nil
	}
	if stage == nil {
		return "", "", nil
	}
	root := stage.Root()
	value, flag, ok := root.From.Flag("platform")
	if !ok || strings.Contains(value, "$") {
		return "", "", nil
	}
	_, arch, _ := strings.Cut(value, "/")
	arch, _, _ = strings.Cut(arch, "/")
	return arch, fmt.Sprintf("%q in its Dockerfile", "--platform="+value), []finding.Location{flag}
}
