package text

import (
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

func TestMendable(t *testing.T) {
	of := func(class string, suppressed *finding.Suppressed) finding.Finding {
		return finding.Finding{
			Rule: finding.Rule{ID: "COR-31"}, Message: "m", Suppressed: suppressed,
			Fix: &finding.Fix{Class: class, Message: "remove the key", Edits: []finding.Edit{{Start: 0, End: 1}}},
		}
	}
	var b strings.Builder
	r := verdict.Result{Findings: []finding.Finding{of(finding.Safe, nil), of(finding.Suggested, nil), of(finding.Safe, &finding.Suppressed{Reason: "r"})}}
	if err := Write(&b, r, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fix (--fix): remove the key\n", "fix: remove the key\n", "\n1 finding can be mended with plimsoll lint --fix\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
