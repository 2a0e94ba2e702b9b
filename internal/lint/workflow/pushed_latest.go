package workflow

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
)

var pushedLatestOnly = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "IMG-4.x", Name: "pushed-latest-only", Points: []string{"IMG-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "Every image that is pushed bears a tag of its own",
		Also:    []string{"DKL-DI-0006"},
	},
	Run: func(p *lint.Pass, f *file) {
		var found []push
		for _, j := range f.jobs() {
			if rehearsal(j) {
				continue
			}
			for _, s := range j.Steps {
				found = append(found, built(f, s)...)
				if s.Script != nil {
					for _, c := range s.Script.Commands {
						found = append(found, pushed(f, s, c)...)
					}
				}
			}
		}
		// What is pushed under a name of its own, or may be: "" stands for any image.
		own := map[string]bool{}
		for _, one := range found {
			if one.unknown || !one.image.Floating() {
				own[one.image.Name] = true
			}
		}
		for _, one := range found {
			if own[""] || own[one.image.Name] {
				continue
			}
			own[one.image.Name] = true // told
			p.Report(lint.Problem{
				At: one.at, Subject: one.subject, Path: "push[" + one.image.Name + "]",
				Message: fmt.Sprintf("%q is pushed under no other tag, so that the next push takes this build's name away and nothing can be rolled back to it; push a tag of the commit or version too", one.text),
			})
		}
	},
}

// push is one name under which an image is pushed.
type push struct {
	image   source.Image
	text    string
	subject string
	at      finding.Location
	// unknown says that the tag, or all of the name, is not known.
	unknown bool
}

func named(text string) push {
	image, ok := source.ParseImage(text)
	if ok {
		return push{image: image, text: text}
	}
	// "name:${TAG}": the name may be known all the same.
	name := text
	if colon := strings.LastIndex(text, ":"); colon > strings.LastIndex(text, "/") {
		name = text[:colon]
	}
	image, _ = source.ParseImage(name)
	return push{image: source.Image{Name: image.Name}, text: text, unknown: true}
}

// built are the names that docker/build-push-action pushes.
func built(f *file, s *workflow.Step) (found []push) {
	with := s.Root.Get("with")
	if !s.Uses.Is("docker/build-push-action") {
		return nil
	}
	if push := with.Get("push").Text(); push == "" || push == "false" {
		return nil
	}
	tags := with.Get("tags")
	for _, text := range strings.FieldsFunc(tags.Text(), func(r rune) bool { return r == '\n' || r == ',' }) {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		one := named(text)
		one.subject, one.at = f.Subject(s.Job), tags.At()
		found = append(found, one)
	}
	return found
}

// pushed are the names that a command pushes.
func pushed(f *file, s *workflow.Step, c *script.Command) (found []push) {
	if c.Name != "docker" && c.Name != "podman" || len(c.Words) == 0 {
		return nil
	}
	add := func(w script.Argument) {
		if strings.HasPrefix(w.Text, "-") {
			return
		}
		one := named(w.Text)
		one.subject, one.at = f.Subject(s.Job), w.At
		if !w.Known {
			one.unknown = true
		}
		found = append(found, one)
	}
	switch {
	case c.Has("--all-tags", "-a") && c.Has("push"):
		return []push{{unknown: true}}
	case c.Words[0].Text == "push" || c.Words[0].Text == "image" && len(c.Words) > 1 && c.Words[1].Text == "push":
		add(c.Words[len(c.Words)-1])
	case c.Has("--push", "--push=true"):
		for i, w := range c.Words {
			if (w.Text == "-t" || w.Text == "--tag") && i+1 < len(c.Words) {
				add(c.Words[i+1])
			}
			if tag, ok := strings.CutPrefix(w.Text, "--tag="); ok {
				add(script.Argument{Text: tag, Known: w.Known, At: w.At})
			}
		}
	}
	return found
}
