package lint

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Pages are the pages of the rules about suppressions.
//
//go:embed *.txtar
var Pages embed.FS

var (
	supReason = finding.Rule{
		ID: "SUP-01", Name: "suppression-without-reason", Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every suppression says why",
	}
	supExpired = finding.Rule{
		ID: "SUP-02", Name: "suppression-expired", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No suppression is past its last day",
	}
	supUnused = finding.Rule{
		ID: "SUP-03", Name: "suppression-unused", Severity: finding.Low, Since: "0.1.0",
		Summary: "Every suppression suppresses something",
	}
	supMalformed = finding.Rule{
		ID: "SUP-04", Name: "suppression-malformed", Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every suppression can be read and names rules that exist",
	}
	suppressionRules = []finding.Rule{supReason, supExpired, supUnused, supMalformed}
)

// excuse is one parsed suppression for one rule.
type excuse struct {
	comment source.Comment
	rule    string
	reason  string
	expires string
	expired bool
	used    bool
}

// directive is a suppression as written:
//
//	plimsoll:ignore RULE[,RULE…] [expires=YYYY-MM-DD] -- REASON
type directive struct {
	Rules   []string
	Expires string
	Reason  string
}

var (
	ruleID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*-[A-Za-z0-9.]+$`)
	// reasonMark is "--" as a word of its own.
	reasonMark = regexp.MustCompile(`(?:^|[ \t])--(?:[ \t]|$)`)
)

// parseDirective reads the text of a comment. It fails on anything that is not
// in the grammar and says what is wrong; a missing reason is not an error here.
func parseDirective(text string) (directive, error) {
	var d directive
	rest, ok := strings.CutPrefix(text, source.Marker)
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return d, fmt.Errorf("%q is no suppression; write \"%s RULE -- reason\"", firstWord(text), source.Marker)
	}
	head := rest
	if dashes := reasonMark.FindStringIndex(rest); dashes != nil {
		head, d.Reason = rest[:dashes[0]], strings.TrimSpace(rest[dashes[1]:])
	}
	for _, word := range strings.FieldsFunc(head, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		switch key, value, isPair := strings.Cut(word, "="); {
		case isPair && key == "expires":
			if _, err := time.Parse(time.DateOnly, value); err != nil {
				return d, fmt.Errorf("the date %q cannot be read; write it as expires=2027-01-31", value)
			}
			d.Expires = value
		case isPair:
			return d, fmt.Errorf("%q is not known; only expires=YYYY-MM-DD may stand here", key)
		case ruleID.MatchString(word):
			d.Rules = append(d.Rules, word)
		default:
			return d, fmt.Errorf("%q is no rule's id; write ids such as USR-1.a, and the reason behind \" -- \"", word)
		}
	}
	if len(d.Rules) == 0 {
		return d, fmt.Errorf("no rule is named; write \"%s RULE -- reason\"", source.Marker)
	}
	return d, nil
}

func firstWord(text string) string {
	if words := strings.Fields(text); len(words) > 0 {
		return words[0]
	}
	return ""
}

// excuses applies the suppressions of files to the findings in them.
type excuses struct {
	known map[string]bool
	rules []string
	asOf  time.Time
}

func newExcuses(rules []finding.Rule, asOf time.Time) excuses {
	e := excuses{known: map[string]bool{}, asOf: asOf}
	for _, r := range rules {
		e.known[r.ID] = true
		e.rules = append(e.rules, r.ID)
	}
	return e
}

// apply marks what is excused, and adds findings about the excuses themselves. Of
// the rules that wait for something, no excuse is unused yet. The notes say what the
// excuses of other tools leave open.
func (e excuses) apply(findings []finding.Finding, documents map[*source.File]Document, waiting map[string]bool) (judged []finding.Finding, notes []string) {
	byPath := map[string][]int{}
	for i := range findings {
		path := findings[i].Location.Path
		byPath[path] = append(byPath[path], i)
	}
	for file, document := range documents {
		comments := document.Comments()
		if len(comments) == 0 {
			continue
		}
		p := &Pass{file: file, texts: map[string]text{file.Path: {file: file, masked: inOrder(document.Masked())}}}
		byRule := map[string][]*excuse{}
		var all []*excuse
		var others []foreign
		for _, c := range comments {
			if !strings.HasPrefix(c.Text, source.Marker) {
				if x, ok := readForeign(file, c, e.asOf); ok {
					others = append(others, x)
				}
				continue
			}
			for _, x := range e.read(p, c) {
				all = append(all, x)
				byRule[x.rule] = append(byRule[x.rule], x)
			}
		}
		for _, i := range byPath[file.Path] {
			for _, x := range byRule[findings[i].Rule.ID] {
				x.cover(&findings[i])
			}
		}
		if len(others) > 0 {
			var here []*finding.Finding
			for _, i := range byPath[file.Path] {
				here = append(here, &findings[i])
			}
			notes = append(notes, borrowed(here, others)...)
		}
		for _, x := range all {
			x.judge(p, waiting[x.rule])
		}
		findings = append(findings, p.findings...)
	}
	return findings, notes
}

// read parses one comment and reports what is wrong with it.
func (e excuses) read(p *Pass, c source.Comment) []*excuse {
	d, err := parseDirective(c.Text)
	if err != nil {
		p.about(supMalformed, c, "", err.Error())
		return nil
	}
	var read []*excuse
	for _, id := range d.Rules {
		switch {
		case !e.known[id]:
			p.about(supMalformed, c, id, fmt.Sprintf("there is no rule %q; %s", id, e.suggest(id)))
		case d.Reason == "":
			p.about(supReason, c, id, fmt.Sprintf("the suppression of %q has no reason and suppresses nothing; add \" -- \" and why", id))
		default:
			x := &excuse{comment: c, rule: id, reason: d.Reason, expires: d.Expires}
			if d.Expires != "" && !e.asOf.IsZero() {
				x.expired = e.asOf.UTC().Format(time.DateOnly) > d.Expires
			}
			read = append(read, x)
		}
	}
	return read
}

func (e excuses) suggest(id string) string {
	for _, known := range e.rules {
		if strings.EqualFold(known, id) || strings.HasPrefix(known, id+".") {
			return "write " + known
		}
	}
	return "the rules are listed in docs/rules"
}

// cover excuses a finding in the lines of the comment. Expired, it only shows
// that it would.
func (x *excuse) cover(f *finding.Finding) {
	if f.Location.Line < x.comment.From || f.Location.Line > x.comment.To {
		return
	}
	x.used = true
	if !x.expired && f.Suppressed == nil {
		f.Suppressed = &finding.Suppressed{Reason: x.reason, Expires: x.expires, Location: x.comment.At}
	}
}

// judge reports what is wrong with an excuse once all findings are known.
func (x *excuse) judge(p *Pass, waiting bool) {
	switch {
	case x.expired:
		p.about(supExpired, x.comment, x.rule, fmt.Sprintf("the suppression of %q expired on %s; mend the cause, or decide again and set a new date", x.rule, x.expires))
	case !x.used && !waiting:
		p.about(supUnused, x.comment, x.rule, fmt.Sprintf("the suppression of %q suppresses nothing; remove it", x.rule))
	}
}

// about reports a finding on a suppression.
func (p *Pass) about(rule finding.Rule, c source.Comment, id, message string) {
	p.rule = rule
	p.Report(Problem{At: c.At, Subject: p.file.Path, Path: strings.TrimSuffix("suppression["+id+"]", "[]"), Message: message})
}
