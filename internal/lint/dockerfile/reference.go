package dockerfile

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// external is an image that a Dockerfile takes something from.
type external struct {
	stage *dockerfile.Stage
	// role is "base" for a FROM and "copy" for a COPY --from.
	role string
	// text is as written, image with its arguments filled in.
	text  string
	image source.Image
	at    finding.Location
}

// externals lists the images of a file whose names are known: stages, scratch and
// what only the build knows are not among them.
func externals(f *dockerfile.File) []external {
	var all []external
	for _, s := range f.Stages {
		if s.Parent == nil && s.Base.Known {
			if image, ok := source.ParseImage(s.Base.Value); ok && s.Base.Value != "scratch" {
				all = append(all, external{s, "base", s.Base.Text, image, s.Base.At})
			}
		}
		for _, in := range s.Instructions {
			if e, ok := copied(f, s, in); ok {
				all = append(all, e)
			}
		}
	}
	return all
}

// copied returns the image that a COPY --from names. A bare word may be a build
// context that only the command line knows, so that it is left alone.
func copied(f *dockerfile.File, s *dockerfile.Stage, in *dockerfile.Instruction) (external, bool) {
	from, at, ok := in.Flag("from")
	if !ok || in.Name != "COPY" {
		return external{}, false
	}
	value, known := f.Expand(s, in, from)
	if !known || f.Stage(value) != nil || !strings.ContainsAny(value, "/:@") {
		return external{}, false
	}
	image, ok := source.ParseImage(value)
	return external{s, "copy", from, image, at}, ok
}

// named says what an external is, for messages.
func (e external) named() string {
	if e.role == "copy" {
		return "image " + quote(e.text)
	}
	return "base image " + quote(e.text)
}

// means adds what the arguments make of a text, when there are any.
func (e external) means() string {
	if e.text == e.image.String() {
		return ""
	}
	return " (" + e.image.String() + ")"
}

func quote(text string) string { return `"` + text + `"` }
