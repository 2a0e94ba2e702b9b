package image

import (
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
)

// causes are rules on a Dockerfile that tell of the same cause, beside the rule of
// the same id.
var causes = map[string][]string{
	"SEC-1.i": {"SEC-1.d"}, // the COPY that brought the file
	"X-04":    {"PRB-2.d"}, // a health check's tool, as the base is known
	"X-05":    {"PRB-4.d"}, // a shell, likewise
}

// Unsaid leaves out what was told already: one cause, one finding. Findings are
// those in an image, placed, of other rules too, which all stay. Said are those on
// sources, excused ones too, so that an excuse there holds here; dockerfile is the
// path of the one that the image was built from, empty when nobody knows.
func Unsaid(findings, said []finding.Finding, dockerfile string) []finding.Finding {
	ours := map[string]bool{}
	for _, c := range checks() {
		ours[c.ID] = true
	}
	type file struct{ layer, path string }
	secrets := map[file]bool{}
	for _, f := range findings {
		if f.Rule.ID == "SEC-1.b" {
			secrets[file{f.Layer, f.Subject}] = true
		}
	}
	return slices.DeleteFunc(findings, func(f finding.Finding) bool {
		switch {
		case !ours[f.Rule.ID]:
			return false
		case f.Rule.ID == credentialFile.ID && secrets[file{f.Layer, f.Subject}]:
			return true
		}
		return slices.ContainsFunc(said, func(s finding.Finding) bool {
			return (s.Severity >= f.Severity || s.Suppressed != nil) && same(f, s, dockerfile)
		})
	})
}

// same says that a finding on the Dockerfile tells of the cause that one in its image
// tells of.
func same(f, s finding.Finding, dockerfile string) bool {
	switch {
	case dockerfile == "", s.Location.Path != dockerfile, s.Rule.ID != f.Rule.ID && !slices.Contains(causes[f.Rule.ID], s.Rule.ID):
		return false
	case f.Layer == "" || f.Location.Path == "":
		return true // it stands in the config, which has no lines
	}
	return f.Location.Path == dockerfile && f.Location.Line <= s.Location.Line && s.Location.Line <= max(f.Location.Line, f.Location.EndLine)
}

// Prove gives what the Dockerfile could only guess the severity of what its image
// shows: the line is the one to mend. Arguments are those of Unsaid, which comes next.
func Prove(findings, said []finding.Finding, dockerfile string) {
	for i := range said {
		for _, f := range findings {
			if said[i].Suppressed == nil && said[i].Severity < f.Severity && said[i].Rule.ID == f.Rule.ID && same(f, said[i], dockerfile) {
				said[i].Severity = f.Severity
			}
		}
	}
}

// Refutes says whether the image that a Dockerfile made disproves a finding on the
// Dockerfile, which could only guess what its base brings along or its build adds.
func Refutes(img *contents.Image, f finding.Finding) bool {
	if !img.Linux() {
		return false
	}
	user, err := img.User(img.Config.User)
	switch f.Rule.ID {
	case userRoot.ID:
		return err == nil && !user.Root()
	case userUnresolved.ID:
		return err == nil
	case imageLabels.ID:
		return len(unlabelled(img)) == 0
	case "PRB-2.d":
		argv := healthCommand(img, img.Config.Healthcheck)
		if err != nil || len(argv) == 0 {
			return false
		}
		_, bad := contents.MissingProgram(img, user, argv)
		return !bad
	}
	return false
}
