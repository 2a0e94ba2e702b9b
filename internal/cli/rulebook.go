package cli

import (
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/ignore"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
)

// rulebook is what the settings make of rules.
type rulebook struct {
	rules ignore.Rules
}

// open reads what the settings say of rules, once, before anything is looked at: what
// cannot be used as it is written ends the run. What of it does not count in a change
// is added to cfg.Refused.
func (b *rulebook) open(cfg *config.Config) error {
	if len(cfg.Rules) == 0 && len(cfg.Proposed) == 0 {
		return nil
	}
	var err error
	if b.rules, err = ignore.NewRules(cfg, all.Rules()); err != nil {
		return err
	}
	cfg.Refused = append(cfg.Refused, b.rules.Refused...)
	return nil
}

// excused are the findings as the settings want them told: with the severities that
// they give, and with what they excuse suppressed. The notes are those of ignore.Apply.
func (r *runner) excused(found []finding.Finding, matched bool) ([]finding.Finding, []string, error) {
	return ignore.Apply(r.env.book.rules.Apply(found), r.cfg.Ignore, r.now(), matched)
}
