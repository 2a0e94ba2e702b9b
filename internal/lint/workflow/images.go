package workflow

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

var workflowImageDigest = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-06", Name: "workflow-image-digest", Severity: finding.Low, Since: "0.1.0",
		Summary: "Every image that a workflow runs is pinned by digest",
		Also:    []string{"zizmor/unpinned-images", "zizmor/unpinned-uses", "poutine/unpinnable_action"},
	},
	Run: func(p *lint.Pass, f *file) {
		told := map[string]bool{}
		look := func(j *workflow.Job, value yaml.Node, text, path string, severity finding.Severity) {
			image, ok := source.ParseImage(text)
			if !ok || image.Digest != "" || told[text] {
				return
			}
			told[text] = true
			pin := image
			if pin.Tag == "" {
				pin.Tag = "<version>"
			}
			p.Report(lint.Problem{
				At: value.At(), Subject: f.Subject(j), Path: path, Severity: severity,
				Message: fmt.Sprintf("image %q has no digest, so that the job runs whatever bears that name today; pin it as \"%s@sha256:…\"", text, pin),
			})
		}
		if f.File != nil && f.Action {
			if image := f.Root.Get("runs").Get("image"); strings.HasPrefix(image.Text(), "docker://") {
				look(nil, image, strings.TrimPrefix(image.Text(), "docker://"), "runs.image", finding.Medium)
			}
		}
		for _, j := range f.jobs() {
			for _, s := range j.Steps {
				if s.Uses.Image {
					look(j, s.Root.Get("uses"), strings.TrimPrefix(s.Uses.Text, "docker://"), "uses", finding.Medium)
				}
			}
			container := j.Root.Get("container")
			if container.IsMap() {
				container = container.Get("image")
			}
			look(j, container, container.Text(), "container", finding.Low)
			for _, e := range j.Root.Get("services").Entries() {
				image := e.Value.Get("image")
				look(j, image, image.Text(), "services."+e.Key.Text(), finding.Low)
			}
		}
	},
}
