package lint_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
)

// TestParts: each id that means a part is one of a rule's, on whose page the word of a
// part stands; and no rule names an id twice.
func TestParts(t *testing.T) {
	rules := all.Rules()
	said := map[string]bool{}
	for id, words := range lint.Parts {
		i := slices.IndexFunc(rules, func(r finding.Rule) bool { return slices.Contains(r.Also, id) })
		if i < 0 {
			t.Errorf("%s is no rule's", id)
			continue
		}
		page, _ := all.Page(rules[i].ID)
		for _, word := range words {
			word = strings.NewReplacer("cache[", "", "run[", "", "]", "").Replace(word)
			said[rules[i].ID] = said[rules[i].ID] || strings.Contains(page, word)
		}
	}
	for id, ok := range said {
		if !ok {
			t.Errorf("the page of %s says nothing of its parts", id)
		}
	}
	for _, r := range rules {
		seen := map[string]string{}
		for _, id := range r.Also {
			if other, ok := seen[lint.Normal(id)]; ok {
				t.Errorf("%s names %s and %s, which are one", r.ID, other, id)
			}
			seen[lint.Normal(id)] = id
		}
	}
}
