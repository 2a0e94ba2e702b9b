package config

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// RulePolicy is one entry of rules: in the settings file. Which rules there are is not
// known here.
type RulePolicy struct {
	// Rule is the id of a rule, such as PRB-1.a, or of a point, such as PRB-1, which
	// means all rules whose ids begin with it.
	Rule string
	// Severity is what its findings have instead of their own: a severity, "off", or ""
	// to leave it.
	Severity string
	// Except are globs of files, or of paths inside the image, that the rule is not for.
	Except []string
	At     Place
}

// RuleOff is the severity of a rule that is switched off.
const RuleOff = "off"

func severities() []string {
	var all []string
	for s := finding.Critical; s > finding.Unknown; s-- {
		all = append(all, s.String())
	}
	return all
}

func rulesSetting() Setting {
	return shape[RulePolicy]{
		to:     func(c *Config) *[]RulePolicy { return &c.Rules },
		key:    func(e *RulePolicy) *string { return &e.Rule },
		stands: func(e *RulePolicy) *Place { return &e.At },
		fields: func(e *RulePolicy) map[string]field {
			return map[string]field{
				"severity": {one: &e.Severity, allowed: append(severities(), RuleOff), usage: "what its findings have instead of their own severity; off lists them as suppressed"},
				"except":   {many: &e.Except, usage: "globs of files, or of paths in the image, where its findings are listed as suppressed"},
			}
		},
		check: func(e *RulePolicy) error {
			if e.Severity == "" && len(e.Except) == 0 {
				return fmt.Errorf("%s: say severity or except", e.Rule)
			}
			return globs("except", e.Except)
		},
	}.of(Setting{
		Name: "rules", Commands: onJudge,
		Usage: "what is made of a rule: a mapping of its id, such as PRB-1.a, or of a point's, such as PRB-1, to severity and except; what stands at the rule's own id wins over its point's, key by key",
	})
}

// globs checks a list of globs of files.
func globs(key string, all []string) error {
	for _, glob := range all {
		if strings.TrimSpace(glob) == "" || !doublestar.ValidatePattern(glob) {
			return fmt.Errorf("%s: the glob %q is malformed", key, glob)
		}
	}
	return nil
}

// settlePieces settles the entries of a setting one by one.
func (j *judge) settlePieces(s Setting) error {
	switch s.Name {
	case "rules":
		return j.settleRules()
	case "custom-rules":
		return j.settleCustomRules()
	}
	return fmt.Errorf("nothing settles the entries of %s", s.Name)
}

// settleRules leaves what rules: says on both sides: which of the two is stricter
// depends on the finding, and package ignore, which sees it, takes that.
func (j *judge) settleRules() error {
	base, err := j.agreed("rules")
	if err != nil {
		return err
	}
	head, err := j.proposed("rules")
	if err != nil {
		return err
	}
	j.effective.Rules, j.effective.Proposed, j.effective.Judged = base.Rules, head.Rules, true
	return nil
}

// agreed is what the base commit says of a setting whose entries are settled one by
// one. A file that an input names may set what the others leave open.
func (j *judge) agreed(name string) (*Config, error) {
	return j.alone(last(append([][]assignment{j.base.named}, j.base.levels...), name))
}

// proposed is what the change says of it.
func (j *judge) proposed(name string) (*Config, error) { return j.alone(last(j.head.files, name)) }
