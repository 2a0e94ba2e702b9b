package ignore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Rules are what the settings make of rules: their severities, and where they are off.
type Rules struct {
	merged map[string]made // as at the base commit, where a change is judged
	// proposed is what the change makes of it. Of both the stricter counts, finding by
	// finding; it is nil where no change is judged.
	proposed map[string]made
	// Refused names each loosening that does not count, one printable sentence each.
	Refused []string
}

// made is what one side says of one rule.
type made struct {
	severity finding.Severity // Unknown leaves it
	off      bool
	levelAt  config.Place
	except   []string
	globs    source.Globs
	exceptAt config.Place
}

// NewRules reads what the settings make of the rules that there are. The error, a
// *config.UsageError, names an id that is none of them. At the base commit such an id
// makes no difference and is named in Refused, so that a change can mend it.
func NewRules(cfg *config.Config, known []finding.Rule) (Rules, error) {
	var r Rules
	merged := cfg.Rules
	if cfg.Judged {
		merged = nil
		for _, p := range cfg.Rules {
			if err := check(p, known); err != nil {
				r.Refused = append(r.Refused, printable.Text(fmt.Sprintf("rules: what the base commit says of %q does not count: %v", p.Rule, err)))
				continue
			}
			merged = append(merged, p)
		}
	}
	var err error
	if r.merged, err = read(merged, known); err != nil {
		return Rules{}, err
	}
	if !cfg.Judged {
		return r, nil
	}
	if r.proposed, err = read(cfg.Proposed, known); err != nil {
		return Rules{}, err
	}
	r.Refused = append(r.Refused, r.loosened(known)...)
	return r, nil
}

// read resolves entries to rules: what stands at a rule's own id wins over its point's,
// key by key.
func read(policies []config.RulePolicy, known []finding.Rule) (map[string]made, error) {
	all := map[string]made{}
	for _, point := range []bool{true, false} {
		for _, p := range policies {
			if err := check(p, known); err != nil {
				return nil, &config.UsageError{Where: p.At.File + ":" + strconv.Itoa(p.At.Line), Err: fmt.Errorf("rules: %w", err)}
			}
			for _, rule := range known {
				if point && p.Rule != "" && pointOf(rule.ID) == p.Rule || !point && rule.ID == p.Rule {
					m, err := all[rule.ID].with(p)
					if err != nil {
						return nil, err
					}
					all[rule.ID] = m
				}
			}
		}
	}
	return all, nil
}

func (m made) with(p config.RulePolicy) (made, error) {
	if p.Severity != "" {
		m.off, m.severity, m.levelAt = p.Severity == config.RuleOff, finding.Unknown, p.At
		if !m.off {
			if err := m.severity.UnmarshalText([]byte(p.Severity)); err != nil {
				return m, &config.UsageError{Where: p.At.String(), Err: err}
			}
		}
	}
	if len(p.Except) > 0 {
		globs, err := source.NewGlobs(p.Except...)
		if err != nil {
			return m, &config.UsageError{Where: p.At.String(), Err: err}
		}
		m.except, m.globs, m.exceptAt = p.Except, globs, p.At
	}
	return m, nil
}

// pointOf is the point in a rule's id, "" where it is in none.
func pointOf(id string) string {
	i := strings.LastIndexByte(id, '.')
	if i < 0 {
		return ""
	}
	return id[:i]
}

// check says what is wrong with the id of an entry.
func check(p config.RulePolicy, known []finding.Rule) error {
	var ids []string
	for _, rule := range known {
		if rule.ID == p.Rule && rule.Severity == finding.Unknown {
			return fmt.Errorf("%q has the severity of each advisory; excuse one with ignore, or set fail-on-severity", p.Rule)
		}
		if rule.ID == p.Rule || pointOf(rule.ID) == p.Rule && p.Rule != "" {
			return nil
		}
		ids = append(ids, rule.ID, pointOf(rule.ID))
	}
	slices.Sort(ids)
	return fmt.Errorf("there is no rule and no point %q%s", p.Rule, config.Nearest(p.Rule, slices.Compact(ids)))
}

// Apply returns the findings with the severities that the settings give them, and
// with those suppressed whose rule is off or not for their place. A finding that is
// suppressed where it stands keeps that reason.
func (r Rules) Apply(findings []finding.Finding) []finding.Finding {
	if len(r.merged) == 0 && len(r.proposed) == 0 {
		return findings
	}
	applied := slices.Clone(findings)
	for i := range applied {
		f := &applied[i]
		if f.Vulnerability != nil {
			continue
		}
		own, was := f.Severity, r.merged[f.Rule.ID]
		severity, suppressed := was.apply(f, own)
		if r.proposed != nil {
			proposed, still := r.proposed[f.Rule.ID].apply(f, own)
			severity = max(severity, proposed)
			if still == nil {
				suppressed = nil
			}
		}
		f.Severity = severity
		if f.Suppressed == nil {
			f.Suppressed = suppressed
		}
	}
	return applied
}

// apply is what one side makes of a finding.
func (m made) apply(f *finding.Finding, own finding.Severity) (finding.Severity, *finding.Suppressed) {
	severity := own
	if m.severity != finding.Unknown {
		severity = m.severity
	}
	switch {
	case m.off:
		return severity, excepted("switched off by", m.levelAt)
	case len(m.except) > 0 && (m.globs.Match(place(f)) || m.globs.MatchAbove(place(f))):
		return severity, excepted("excepted by", m.exceptAt)
	}
	return severity, nil
}

func excepted(how string, at config.Place) *finding.Suppressed {
	return &finding.Suppressed{
		Reason:   printable.Text(fmt.Sprintf("%s %s:%d", how, at.File, at.Line)),
		Location: finding.Location{Path: at.File, Line: at.Line},
	}
}

// loosened names what the change would loosen, each entry once.
func (r Rules) loosened(known []finding.Rule) []string {
	var said []string
	say := func(format string, args ...any) {
		if text := printable.Text(fmt.Sprintf(format, args...)) + "; it counts once it is merged"; !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	for _, rule := range known {
		was, now := r.merged[rule.ID], r.proposed[rule.ID]
		level := func(m made) finding.Severity {
			switch {
			case m.off:
				return finding.Unknown
			case m.severity != finding.Unknown:
				return m.severity
			}
			return rule.Severity
		}
		switch {
		case level(now) >= level(was):
		case now.levelAt.Line == 0:
			say("rules: removing the severity of %s:%d would loosen %s, which is %q at the base commit", was.levelAt.File, was.levelAt.Line, rule.ID, level(was))
		case now.off:
			say("rules: \"severity: off\" in %s:%d would switch off what fails at the base commit", now.levelAt.File, now.levelAt.Line)
		default:
			say("rules: \"severity: %s\" in %s:%d would loosen what is %q at the base commit", now.severity, now.levelAt.File, now.levelAt.Line, level(was))
		}
		for _, glob := range now.except {
			if !was.off && !slices.Contains(was.except, glob) {
				say("rules: the exception %q in %s:%d is not at the base commit", printable.Fold(glob, 80), now.exceptAt.File, now.exceptAt.Line)
			}
		}
	}
	return said
}
