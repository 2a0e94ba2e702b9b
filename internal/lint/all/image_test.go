package all

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/image"
)

// What a source shows and the image proves is one rule, whoever reports it.
func TestRulesOnImagesAreThoseOnSources(t *testing.T) {
	sources := map[string]finding.Rule{}
	for _, r := range lint.Rules(Linters(), Across()...) {
		sources[r.ID] = r
	}
	for _, r := range image.Rules() {
		if other, ok := sources[r.ID]; ok {
			if diff := cmp.Diff(other, r); diff != "" {
				t.Errorf("%s says two things (-source +image):\n%s", r.ID, diff)
			}
		}
	}
}
