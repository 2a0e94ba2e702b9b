package pipeline

import (
	"context"
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	points "github.com/plimsoll-ci/plimsoll/internal/lint/image"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// Checks are those that see more than one artefact.
type Checks struct {
	// Across sees the kinds of sources together, and the images.
	Across func(...*contents.Image) []lint.Across
	// Since sees what a change did to what was there.
	Since func(before lint.Models) lint.Across
}

// All are the checks without anything to look at, by which their rules are known.
func (c Checks) All() []lint.Across { return append(c.Across(), c.Since(nil)) }

// Across judges what no single artefact shows, once everything was looked at.
func Across(checks Checks) Stage {
	skip := func(s *State) string {
		if s.Looked == nil {
			return "there are no sources"
		}
		return ""
	}
	return Stage{Name: "across", Skip: skip, Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		single := len(s.Lint.Findings)
		all := checks.Across(s.contents()...)
		base := s.Before.Looked
		for _, looked := range []*lint.Looked{base, s.Before.Excusing} {
			if looked == nil {
				continue
			}
			if err := looked.Across(ctx, checks.Across(s.contentsBefore()...)); err != nil {
				return "", err
			}
		}
		if base != nil {
			s.Looked.Unread(vanished(base, s.Looked)...)
			report := together(base, s.Before.images())
			s.Before.Sources = &report
			all = append(all, checks.Since(base.Models))
		}
		if s.Before.Excusing != nil {
			report := s.Before.Excusing.Report()
			s.Before.Excuses = &report
		}
		// What was built here is newer than what the manifests name; that they name another
		// image than the one that was judged says something of one that was published.
		if tags, digests := s.published(); len(digests) > 0 {
			s.Looked.Known(tags, digests)
		}
		if err := s.Looked.Across(ctx, all); err != nil {
			return "", err
		}
		s.Lint = together(s.Looked, s.images())
		return printable.Count(max(0, len(s.Lint.Findings)-single), "finding"), nil
	}}
}

// vanished are the workloads that were judged at the base commit, whose file is there
// still, and of which nothing is judged now: a chart, a kustomization or a condition in
// a template was put around them. What cannot be seen is not fine because of that.
func vanished(base, head *lint.Looked) []finding.Unread {
	was, _ := base.Models[source.Kubernetes].(*kubernetes.Set)
	is, _ := head.Models[source.Kubernetes].(*kubernetes.Set)
	if was == nil {
		return nil
	}
	paths, names := map[string]bool{}, map[string]bool{}
	if is != nil {
		for _, o := range is.Objects() {
			paths[o.File.Source.Path], names[o.Kind+"/"+o.Name] = true, true
		}
	}
	var unread []finding.Unread
	for _, w := range was.Workloads() {
		path := w.File.Source.Path
		if paths[path] || names[w.Kind+"/"+w.Name] || !head.Exists(path) {
			continue
		}
		paths[path] = true
		unread = append(unread, finding.Unread{
			Kind: finding.UnreadSource, Location: finding.Location{Path: path},
			Cause: fmt.Sprintf("held %s at the base commit, and nothing of it is judged now; give values with which it renders (helm-values), or delete the file", w.Subject()),
		})
	}
	return unread
}

// together lets what was said of the sources and what was seen in the images correct
// each other: what an image disproves goes, what the Dockerfile was told already is not
// told of its image, and an excuse in a source holds for what was placed on it.
func together(looked *lint.Looked, images []*Image) lint.Report {
	var beside []finding.Finding
	for _, img := range images {
		if img.Built != nil && img.Contents != nil {
			looked.Drop(func(f finding.Finding) bool {
				return f.Location.Path == img.dockerfile() && points.Refutes(img.Contents, f)
			})
		}
		beside = append(beside, img.Findings...)
	}
	if len(images) == 0 {
		return looked.Report()
	}
	looked.Beside(beside, points.Rules())
	report := looked.Report()
	excused := looked.Excused()
	for _, img := range images {
		n := copy(img.Findings, excused)
		excused = excused[n:]
		points.Prove(img.Findings, report.Findings, img.dockerfile())
		img.Findings = points.Unsaid(img.Findings, report.Findings, img.dockerfile())
	}
	finding.Sort(report.Findings)
	return report
}

// dockerfile is the path of the one that the image was built from, "" when nobody knows.
func (img *Image) dockerfile() string {
	if img.Built == nil || len(img.Built.Layers) == 0 {
		return ""
	}
	return img.Built.Layers[0].Location.Path
}

// published are the references and digests of images that somebody else built: the
// digest of the index, where one was named by it, too.
func (s *State) published() (tags, digests []string) {
	for _, img := range s.Images {
		if img.Built != nil || img.Synthesised {
			continue
		}
		tags, digests = append(tags, img.Reference), append(digests, img.Digest.String())
		if _, digest, ok := strings.Cut(img.Reference, "@"); ok {
			digests = append(digests, digest)
		}
	}
	return tags, digests
}

// images are those that were looked into.
func (s *State) images() []*Image {
	var all []*Image
	for i := range s.Images {
		all = append(all, &s.Images[i])
	}
	return all
}

func (b *Before) images() []*Image {
	if b.Image == nil {
		return nil
	}
	return []*Image{b.Image}
}

// contents are those of the images that were walked.
func (s *State) contents() []*contents.Image {
	var all []*contents.Image
	for i := range s.Images {
		if s.Images[i].Contents != nil {
			all = append(all, s.Images[i].Contents)
		}
	}
	return all
}

// contentsBefore is what was in the image before the change. Where that is not known,
// because only its inventory was kept, and the change touches no Dockerfile, it is
// taken to be what is in it now: what the image brings is then nothing that the change
// brought. Else nothing is, and what the image brings counts as introduced.
func (s *State) contentsBefore() []*contents.Image {
	if s.Before.Image != nil && s.Before.Image.Contents != nil {
		return []*contents.Image{s.Before.Image.Contents}
	}
	if s.Before.Looked != nil && s.Looked.Same(s.Before.Looked, source.Dockerfile) {
		return s.contents()
	}
	return nil
}
