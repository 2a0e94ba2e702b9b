package cli

import (
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/ignore"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/lint/custom"
)

// rulebook is what the settings say of rules: their own, and what is made of all.
type rulebook struct {
	custom custom.Rules
	rules  ignore.Rules
}

// open reads what the settings say of rules, once, before anything is looked at: what
// cannot be used as it is written ends the run. What of it does not count in a change
// is added to cfg.Refused.
func (b *rulebook) open(cfg *config.Config) error {
	if len(cfg.Rules) == 0 && len(cfg.Proposed) == 0 && len(cfg.CustomRules) == 0 {
		return nil
	}
	known := all.Rules()
	own, err := custom.Compile(cfg.CustomRules, known, all.Prefixes())
	if err != nil {
		return err
	}
	b.custom = *own
	if b.rules, err = ignore.NewRules(cfg, slices.Concat(known, own.Rules())); err != nil {
		return err
	}
	cfg.Refused = slices.Concat(cfg.Refused, own.Refused, b.rules.Refused)
	return nil
}

// across are the checks that see more than one artefact, and those of the settings.
func (b *rulebook) across(images ...*contents.Image) []lint.Across {
	return append(all.Across(images...), b.custom.Across()...)
}

// excused are the findings as the settings want them told: with the severities that
// they give, and with what they excuse suppressed. The notes are those of ignore.Apply.
func (r *runner) excused(found []finding.Finding, matched bool) ([]finding.Finding, []string, error) {
	return ignore.Apply(r.env.book.rules.Apply(found), r.cfg.Ignore, r.now(), matched)
}
