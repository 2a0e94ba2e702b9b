package cli

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// A report in an artefact is for everybody: no text of it holds a secret, in no form
// that programs give it.
func TestReportsHoldNoSecret(t *testing.T) {
	t.Parallel()
	const secret = `tok"en &<> 0123/é`
	env := &environment{getenv: func(string) string { return "" }, stderr: &bytes.Buffer{}}
	env.conceal(secret)
	said := fmt.Sprintf("%s %q https://x/?t=%s /%s", secret, secret, url.QueryEscape(secret), url.PathEscape(secret))
	edits := []finding.Edit{{New: said}}
	result := verdict.Result{
		Stages:   []verdict.Stage{{Name: "build", Detail: said, Error: said, Log: []string{said}}},
		Verdict:  verdict.Verdict{Reasons: []verdict.Reason{{Message: said}}},
		Evidence: []verdict.Evidence{{Rejected: said}}, Unread: []finding.Unread{{Cause: said}},
		Acted: &verdict.Acted{Error: said}, Built: &verdict.Built{Detail: said},
		Notes: []string{said}, Refused: []string{said}, Reproduce: said,
		Findings: []finding.Finding{{
			Message: said, Excerpt: said, SourceLine: "ARG A=" + secret + " # x",
			Suppressed: &finding.Suppressed{Reason: said}, Fix: &finding.Fix{Message: said, Edits: edits},
		}},
	}
	env.unsaid(&result)
	if got, want := result.Findings[0].SourceLine, "ARG A="+strings.Repeat("*", len([]rune(secret)))+" # x"; got != want {
		t.Errorf("the line is %q, want %q", got, want)
	}
	if edits[0].New != said {
		t.Error("what the result was made of was changed")
	}
	for _, form := range []string{"json", "markdown", "text"} {
		data, err := rendered(form, result)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"tok", "0123"} {
			if bytes.Contains(data, []byte(part)) {
				t.Errorf("%s holds %q:\n%s", form, part, data)
			}
		}
	}
}
