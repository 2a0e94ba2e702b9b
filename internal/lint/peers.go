package lint

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// The excuses of other tools are read where those tools read them, and excuse what
// means the same here (finding.Rule.Also). They need no reason, since many of those
// tools have no place for one; ids that mean nothing here are passed over, and an
// excuse that excuses nothing may be needed by its tool.

// foreign is one excuse of another tool.
type foreign struct {
	tool string
	// ids are normal; every has none, and excuses all that the tool knows.
	ids    []string
	every  func(id string) bool
	reason string
	// from and to are the lines covered, or subject the object.
	from, to int
	subject  string
	at       finding.Location
}

var (
	hadolint = regexp.MustCompile(`^(hadolint|tally)\s+(?:(global|stage)\s+)?ignore\s*=\s*([\w/.-]+(?:\s*,\s*[\w/.-]+)*)\s*(?:;\s*reason\s*=\s*(.*)|#\s*(.*))?$`)
	buildKit = regexp.MustCompile(`^check\s*=\s*(\S+)(?:\s+(.*))?$`)
	checkov  = regexp.MustCompile(`^(?:checkov|bridgecrew|cortex):skip=\s*([\w-]+(?:,[\w-]+)*)\s*(?::(.*))?$`)
	dclint   = regexp.MustCompile(`^dclint\s+(disable|disable-line|disable-file)(?:\s+(\S.*))?$`)
	// directive is a parser directive of a Dockerfile, which stands above all else.
	parserDirective = regexp.MustCompile(`^#\s*[A-Za-z][A-Za-z0-9]*\s*=\s*\S`)
)

// Words that the ids of one tool look like, where "all" is excused.
var (
	kebab       = regexp.MustCompile(`^[a-z0-9]+(?:-[a-z0-9]+)+$`)
	lowerCamel  = regexp.MustCompile(`^[a-z]+(?:[A-Z][a-z]*)+$`)
	upperCamel  = regexp.MustCompile(`^[A-Z]+[a-z]+(?:[A-Z][a-zA-Z]*)+$`)
	ofKubeScore = regexp.MustCompile(`^(?:pod|container|deployment|statefulset|service|ingress|horizontalpodautoscaler|networkpolicy|cronjob|label|environment-variable|stable)-`)
)

// readForeign reads a comment or annotation of a file as the tool it is written for
// would. It is false for what no tool reads.
func readForeign(file *source.File, c source.Comment, asOf time.Time) (foreign, bool) {
	f := foreign{from: c.From, to: c.Next, subject: c.Subject, at: c.At}
	if f.to == 0 {
		f.to = c.To
	}
	if c.Subject != "" {
		key, value, _ := strings.Cut(c.Text, ": ")
		return f.annotation(key, strings.TrimSpace(value))
	}
	whole := func() { f.from, f.to = 1, file.Lines() }
	if m := hadolint.FindStringSubmatch(c.Text); m != nil {
		f.tool, f.ids, f.reason = m[1], split(m[3], ","), m[4]+m[5]
		switch m[2] {
		case "global":
			whole()
		case "stage":
			f.to = c.To
		}
		return f, true
	}
	if m := buildKit.FindStringSubmatch(c.Text); m != nil {
		f.tool, f.reason = "docker build --check", m[2]
		if heads(file, c.At.Line) { // elsewhere it is for the instruction below
			whole()
		}
		return f.check(m[1])
	}
	if m := checkov.FindStringSubmatch(c.Text); m != nil {
		f.tool, f.ids, f.reason = "checkov", split(m[1], ","), m[2]
		whole()
		return f, true
	}
	if m := dclint.FindStringSubmatch(c.Text); m != nil {
		f.tool, f.ids = "dclint", split(m[2], " ")
		if len(f.ids) == 0 || m[1] == "disable-file" {
			f.every = kebab.MatchString
		}
		f.to = f.from
		if m[1] != "disable-line" {
			whole()
		}
		return f, m[1] == "disable-line" || first(file, c.At.Line)
	}
	return f.trivy(c.Text, asOf)
}

// check reads the options of BuildKit's directive: "skip=A,B;error=true".
func (f foreign) check(options string) (foreign, bool) {
	for option := range strings.SplitSeq(options, ";") {
		switch key, value, _ := strings.Cut(option, "="); strings.TrimSpace(key) {
		case "skip":
			f.ids = split(value, ",")
			if strings.TrimSpace(value) == "all" {
				f.ids, f.every = nil, upperCamel.MatchString
			}
		case "reason": // tally's, which BuildKit passes over
			f.reason = value
		}
	}
	return f, len(f.ids) > 0 || f.every != nil
}

// trivy reads "trivy:ignore:DS-0002:exp:2027-01-31 trivy:ignore:DS-0026 because".
func (f foreign) trivy(text string, asOf time.Time) (foreign, bool) {
	f.tool = "trivy"
	words := strings.Fields(text)
	for len(words) > 0 {
		rest, ok := strings.CutPrefix(strings.TrimLeft(words[0], "#"), "trivy:ignore:")
		if !ok {
			break
		}
		words = words[1:]
		id, options, _ := strings.Cut(rest, ":")
		if day, ok := strings.CutPrefix(options, "exp:"); ok && (asOf.UTC().Format(time.DateOnly) > day || len(day) != len(time.DateOnly)) && !asOf.IsZero() {
			continue
		}
		id, _, _ = strings.Cut(id, "[")
		if id == "*" {
			f.every = func(id string) bool { return strings.HasPrefix(normal(id), "ds-") }
		}
		f.ids = append(f.ids, normal(id))
	}
	f.reason = strings.Join(words, " ")
	return f, len(f.ids) > 0
}

func (f foreign) annotation(key, value string) (foreign, bool) {
	if id, ok := strings.CutPrefix(key, "ignore-check.kube-linter.io/"); ok {
		f.tool, f.ids, f.reason = "kube-linter", []string{normal(id)}, value
		return f, true
	}
	if id, ok := strings.CutPrefix(key, "polaris.fairwinds.com/"); ok {
		f.tool = "polaris"
		if id == "exempt" {
			f.every = lowerCamel.MatchString
		}
		id, ok = strings.CutSuffix(id, "-exempt")
		f.ids = []string{normal(id)}
		return f, (ok || f.every != nil) && value == "true"
	}
	switch key {
	case "kube-linter.io/ignore-all":
		f.tool, f.reason = "kube-linter", value
		f.every = func(id string) bool { return kebab.MatchString(id) && !ofKubeScore.MatchString(id) }
		return f, true
	case "kube-score/ignore":
		f.tool, f.ids = "kube-score", split(value, ",")
		return f, len(f.ids) > 0
	}
	id, reason, _ := strings.Cut(value, "=") // checkov.io/skip1: CKV_K8S_20=reason
	f.tool, f.ids, f.reason = "checkov", split(id, ","), reason
	return f, len(f.ids) > 0
}

// heads says that nothing but parser directives stands above a line.
func heads(file *source.File, line int) bool {
	for n := range line - 1 {
		if text, _ := file.Line(n + 1); !parserDirective.MatchString(text) {
			return false
		}
	}
	return true
}

// first says that no line above holds anything but the beginning of a document.
func first(file *source.File, line int) bool {
	for n := range line - 1 {
		if text, _ := file.Line(n + 1); strings.TrimSpace(text) != "" && strings.TrimSpace(text) != "---" {
			return false
		}
	}
	return true
}

func split(list, separator string) []string {
	var ids []string
	for id := range strings.SplitSeq(list, separator) {
		if id = normal(id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// Trivy's ids are written with and without its database's prefix and padding.
var ofTrivy = regexp.MustCompile(`^(?:avd-)?(ds|ksv|kcv)-?0*([0-9]+)$`)

// normal brings the forms of one id together: AVD-KSV-0013, KSV-0013 and KSV013;
// hadolint/DL3008 as tally writes it.
func normal(id string) string {
	id = strings.ToLower(strings.TrimSpace(id))
	id = strings.TrimPrefix(strings.TrimPrefix(id, "hadolint/"), "buildkit/")
	return ofTrivy.ReplaceAllString(id, "$1-$2")
}

// covers says whether an excuse is for the place of a finding.
func (f *foreign) covers(of *finding.Finding) bool {
	if f.subject != "" {
		return of.Subject == f.subject
	}
	return of.Location.Line >= f.from && of.Location.Line <= f.to
}

// named returns an id of a finding's rule that the excuse names, "" for none.
func (f *foreign) named(rule finding.Rule) []string {
	var ids []string
	for _, id := range rule.Also {
		if slices.Contains(f.ids, normal(id)) || f.every != nil && f.every(id) {
			ids = append(ids, id)
		}
	}
	return ids
}
