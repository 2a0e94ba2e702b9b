package verdict_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

func TestDecisionText(t *testing.T) {
	t.Parallel()
	for d, want := range map[verdict.Decision]string{verdict.Fail: "fail", verdict.Pass: "pass", verdict.Indeterminate: "indeterminate"} {
		text, err := d.MarshalText()
		if err != nil || string(text) != want {
			t.Errorf("%d is written %q, %v; want %q", d, text, err, want)
		}
		got := verdict.Decision(-1)
		if err := got.UnmarshalText(text); err != nil || got != d {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
}

// What nobody decided does not sail.
func TestNothingDecidedIsFail(t *testing.T) {
	t.Parallel()
	var result verdict.Result
	if got := result.Verdict.Decision; got != verdict.Fail {
		t.Errorf("the zero verdict is %v", got)
	}
	for _, d := range []verdict.Decision{-1, 3, 99} {
		if got := d.String(); got != "fail" {
			t.Errorf("the decision %d is %q", d, got)
		}
	}
	for _, document := range []string{`{}`, `{"decision": null}`, `null`} {
		var v verdict.Verdict
		if err := json.Unmarshal([]byte(document), &v); err != nil || v.Decision != verdict.Fail {
			t.Errorf("%s is read as %v, %v", document, v.Decision, err)
		}
	}
}

// A decision that cannot be read does not become one.
func TestUnknownDecisionIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "PASS", "pass ", "allow", "1"} {
		d := verdict.Indeterminate
		err := d.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), "want pass, fail or indeterminate") {
			t.Errorf("%q: %v", text, err)
		}
		if d != verdict.Indeterminate {
			t.Errorf("%q became %v", text, d)
		}
	}
}
