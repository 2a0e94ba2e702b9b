// Package image holds the rules on what a container of an image would find: who
// it runs as, what may start, and what should not have come along.
package image

import (
	"cmp"
	"embed"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// Pages are the pages of the rules that no other kind of source has, by the rule's
// name with underscores. They hold prose only: what they speak of is no text file.
//
//go:embed *.txtar
var Pages embed.FS

// Options are what an image is judged with.
type Options struct {
	// Profile is one of package lint's; lint.ProfileRecommended when empty.
	Profile string
	// BaseLayers is how many of the lowest layers the FROM image brought; -1 when
	// unknown.
	BaseLayers int
}

// Report is what the rules saw.
type Report struct {
	// Findings are placed on the image, with the layer where one is to blame;
	// scan.Place moves them to lines.
	Findings []finding.Finding
	// Notes are what a reader should know: what could not be decided.
	Notes []string
}

// check is one rule and the code that decides it.
type check struct {
	finding.Rule
	run func(*pass)
}

// checks lists them in the order of their names.
func checks() []check {
	return []check{
		accountDuplicate, accountPassword, buildTools, credentialFile, groupRoot, hiddenBytes, imageLabels, openPermissions,
		packageCache, packageManager, probeProgramMissing, programMissing, userNumeric, userRoot, userUnresolved, vcsData, writableProgram,
	}
}

// Rules lists the rules that findings here have, ordered by id. Those that a
// Dockerfile can break as well are the same there.
func Rules() []finding.Rule {
	var rules []finding.Rule
	for _, c := range checks() {
		rules = append(rules, c.Rule)
	}
	slices.SortFunc(rules, func(a, b finding.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// pass is one look at one image.
type pass struct {
	Options
	image *contents.Image
	// user is who the image's programs run as; userErr says why nobody knows, or why
	// no container would start.
	user        contents.User
	userErr     error
	survey      *survey
	credentials []credential

	rule     finding.Rule
	artifact string
	report   *Report
}

// problem is what a check reports.
type problem struct {
	// layer is to blame; nil for what stands in the config.
	layer *layer.Layer
	// subject and path are those of finding.Finding; subject is "config" when empty.
	subject, path string
	message       string
	severity      finding.Severity // the rule's when zero
	excerpt       string
}

func (p *pass) tell(problem problem) {
	f := finding.Finding{
		Rule: p.rule, Severity: cmp.Or(problem.severity, p.rule.Severity), Subject: cmp.Or(problem.subject, "config"), Path: problem.path,
		Message: problem.message, Excerpt: problem.excerpt, Location: finding.Location{Artifact: p.artifact},
	}
	if problem.layer != nil {
		f.Layer = problem.layer.DiffID.String()
	}
	p.report.Findings = append(p.report.Findings, f)
}

func (p *pass) note(text string) { p.report.Notes = append(p.report.Notes, p.artifact+": "+text) }

// strict says that what is a matter of taste elsewhere counts.
func (p *pass) strict() bool {
	return p.Profile == lint.ProfileDocument || p.Profile == lint.ProfileStrict
}

// lowByDefault is medium where the founding document insists, and low elsewhere.
func (p *pass) lowByDefault() finding.Severity {
	if p.strict() {
		return finding.Medium
	}
	return finding.Low
}

// fromBase says that the FROM image brought a layer.
func (p *pass) fromBase(l layer.Layer) bool { return l.Index < p.BaseLayers }

// starts says whether the image starts anything; one that does not is a base, or
// an export of files.
func (p *pass) starts() bool {
	return len(p.image.Config.Entrypoint) > 0 || len(p.image.Config.Cmd) > 0
}

// toolchain says that the image is made to build things in.
func (p *pass) toolchain() bool { return p.image.Config.Labels["io.plimsoll.purpose"] == "toolchain" }

// Judge runs the rules on what a visitor found. An image of another system than
// Linux has no findings and a note.
func Judge(img *contents.Image, credentials Credentials, opts Options) Report {
	report := Report{}
	p := &pass{
		Options: opts, image: img, credentials: credentials.found, report: &report, artifact: cmp.Or(img.Reference, img.Digest),
	}
	if !img.Linux() {
		p.note("what is in an image for " + img.OS + " was not judged")
		return report
	}
	p.user, p.userErr = img.User(img.Config.User)
	p.survey = look(img)
	for _, c := range checks() {
		p.rule = c.Rule
		c.run(p)
	}
	finding.Sort(report.Findings)
	return report
}
