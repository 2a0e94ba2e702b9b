package cli

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// conceal keeps texts out of all that is told: the runner masks them in the log, and
// unsaid takes them out of the result. It returns how many the runner cannot mask.
func (env *environment) conceal(texts ...string) (unmasked int) {
	for _, text := range texts {
		lines := strings.FieldsFunc(text, func(c rune) bool { return c == '\n' || c == '\r' })
		least := 6
		if len(lines) > 1 {
			least = 16 // a key's short lines are everybody's; actions.Runner.Mask has the same two numbers
		}
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= least {
				env.hidden = append(env.hidden, line)
			}
		}
	}
	if env.runner == nil {
		return 0
	}
	return env.runner.Mask(texts...)
}

// unsaid takes secrets out of all texts of a result: the runner masks its log, but a
// report may be uploaded, and a comment is for everybody. Names, digests and places
// stay as they are.
func (env *environment) unsaid(result *verdict.Result) {
	if len(env.hidden) == 0 {
		return
	}
	hide := hiding(env.hidden, func(string) string { return "***" })
	all := func(texts ...*string) {
		for _, text := range texts {
			*text = hide(*text)
		}
	}
	each := func(texts []string) {
		for i := range texts {
			texts[i] = hide(texts[i])
		}
	}
	for i := range result.Stages {
		s := &result.Stages[i]
		all(&s.Detail, &s.Error)
		each(s.Log)
	}
	for i := range result.Verdict.Reasons {
		all(&result.Verdict.Reasons[i].Message)
	}
	for i := range result.Unread {
		all(&result.Unread[i].Cause)
	}
	for i := range result.Evidence {
		all(&result.Evidence[i].Rejected)
	}
	if result.Acted != nil {
		all(&result.Acted.Error)
	}
	if result.Built != nil {
		all(&result.Built.Detail)
	}
	all(&result.Reproduce)
	each(result.Notes)
	each(result.Refused)
	// Carets stand below columns of the line as it is in the file.
	inLine := hiding(env.hidden, func(secret string) string { return strings.Repeat("*", utf8.RuneCountInString(secret)) })
	for i := range result.Findings {
		f := &result.Findings[i]
		f.SourceLine = inLine(f.SourceLine)
		all(&f.Message, &f.Excerpt)
		if f.Suppressed != nil {
			f.Suppressed = new(*f.Suppressed)
			all(&f.Suppressed.Reason)
		}
		if f.Fix != nil {
			f.Fix = new(*f.Fix)
			all(&f.Fix.Message)
			if slices.ContainsFunc(f.Fix.Edits, func(e finding.Edit) bool { return hide(e.New) != e.New }) {
				f.Fix.Edits = nil // it would write the mask
			}
		}
	}
}

// hiding replaces secrets in a text: as they are, as Go quotes them in an error, and
// as they stand in the address of a request.
func hiding(secrets []string, mask func(secret string) string) func(string) string {
	var forms [][2]string
	for _, secret := range secrets {
		quoted := strconv.Quote(secret)
		for _, form := range []string{secret, quoted[1 : len(quoted)-1], url.QueryEscape(secret), url.PathEscape(secret)} {
			forms = append(forms, [2]string{form, mask(secret)})
		}
	}
	// Where one holds another, the whole is replaced.
	slices.SortStableFunc(forms, func(a, b [2]string) int { return cmp.Compare(len(b[0]), len(a[0])) })
	var pairs []string
	for _, form := range forms {
		pairs = append(pairs, form[0], form[1])
	}
	return strings.NewReplacer(pairs...).Replace
}
