package all

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// TestOfficialWait: without BuildKit's checks nobody knows that an excuse for them
// excuses nothing.
func TestOfficialWait(t *testing.T) {
	archive := txtar.Parse([]byte("-- Dockerfile --\n# plimsoll:ignore BLD-UndefinedVar -- set by the base\nFROM scratch\nUSER 10001\n"))
	report := judge(t, archive, "", lint.Options{})
	if got := told(report, ""); strings.Contains(got, "SUP-") {
		t.Error(got)
	}
}
