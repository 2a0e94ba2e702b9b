// Package custom runs the rules that a settings file brings: CEL over the models of
// sources. Nothing of CEL is set up where there is no such rule.
package custom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// maxRules bounds the rules of a settings file.
const maxRules = 200

// Rules are those of a settings file, compiled.
type Rules struct {
	rules []*rule
	// Refused names each rule of the base commit that cannot be used, one printable
	// sentence each.
	Refused []string
}

// Compile reads the rules of a settings file. known are the rules that there are, and
// prefixes those of their ids, which custom rules may not have. The error is a
// *config.UsageError with the place in the file. A rule of the base commit that cannot
// be used is no error, so that a change can mend it: what the change makes of it counts.
func Compile(entries []config.CustomRule, known []finding.Rule, prefixes []string) (*Rules, error) {
	all := &Rules{}
	if len(entries) == 0 {
		return all, nil
	}
	if len(entries) > maxRules {
		return nil, usage(entries[maxRules].Place, fmt.Errorf("more than %d rules; leave some out", maxRules))
	}
	c, err := newCompiler()
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		r, err := all.compile(c, entry, known, prefixes)
		if err != nil && entry.Merged {
			all.Refused = append(all.Refused, printable.Text(fmt.Sprintf("the rule %s of the base commit cannot be used and does not count: %v", entry.ID, err)))
			if entry.Proposed == nil {
				continue
			}
			r, err = all.compile(c, *entry.Proposed, known, prefixes)
		}
		if err != nil {
			return nil, err
		}
		all.rules = append(all.rules, r)
	}
	for _, r := range all.rules {
		r.budget = min(maxRuleCost, maxCost/uint64(len(all.rules)))
	}
	return all, nil
}

func (r *Rules) compile(c *compiler, entry config.CustomRule, known []finding.Rule, prefixes []string) (*rule, error) {
	prefix, _, _ := strings.Cut(entry.ID, "-")
	if slices.Contains(prefixes, prefix) || slices.ContainsFunc(known, func(k finding.Rule) bool {
		return strings.EqualFold(k.ID, entry.ID) || strings.EqualFold(k.Name, entry.ID)
	}) {
		return nil, usage(entry.Place, fmt.Errorf("id: %q is kept for plimsoll's own rules; take a prefix of your own, such as ACME-1", entry.ID))
	}
	if i := slices.IndexFunc(r.rules, func(other *rule) bool { return strings.EqualFold(other.entry.ID, entry.ID) }); i >= 0 {
		return nil, usage(entry.Place, fmt.Errorf("id: %q stands twice, first at %s:%d", entry.ID, r.rules[i].entry.Place.File, r.rules[i].entry.Place.Line))
	}
	return c.rule(entry)
}

func usage(at config.Place, err error) error {
	return &config.UsageError{Where: fmt.Sprintf("%s:%d", at.File, at.Line), Err: fmt.Errorf("custom-rules: %w", err)}
}

// Rules lists them as any other rule.
func (r *Rules) Rules() []finding.Rule {
	rules := make([]finding.Rule, len(r.rules))
	for i, r := range r.rules {
		rules[i] = r.Rule
	}
	return rules
}

// Page is the page of a rule, by id without regard to case, as Markdown.
func (r *Rules) Page(id string) (string, bool) {
	i := slices.IndexFunc(r.rules, func(r *rule) bool { return strings.EqualFold(r.ID, id) })
	if i < 0 {
		return "", false
	}
	e := r.rules[i].entry
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n| severity | on | kinds | paths | at |\n|---|---|---|---|---|\n", e.ID, e.Message)
	fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n\n", e.Severity, e.On, dash(e.Kinds), dash(e.Paths), dash(e.At))
	fmt.Fprintf(&b, "All is well where this is true:\n\n```cel\n%s\n```\n\nIt stands in %s:%d.\n", strings.TrimRight(e.Expression, "\n"), e.Place.File, e.Place.Line)
	return strings.Join(printable.Lines(b.String()), "\n"), true
}

func dash(words []string) string {
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}

// job is one rule's look at all there is.
type job struct {
	rule *rule
	run  func(*lint.Pass)
}

// Across makes checks of the rules. Each object is turned into what CEL sees once, and
// only where a rule asks it.
func (r *Rules) Across() []lint.Across {
	if len(r.rules) == 0 {
		return nil
	}
	var checks []lint.Check[job]
	for _, own := range r.rules {
		checks = append(checks, lint.Check[job]{Rule: own.Rule, Run: func(p *lint.Pass, j job) {
			if j.rule == own {
				j.run(p)
			}
		}})
	}
	join := func(ctx context.Context, models lint.Models, _ lint.Options) ([]lint.Unit[job], error) {
		end := time.Now().Add(maxTime)
		artefacts := map[string][]*artefact{}
		var units []lint.Unit[job]
		for _, own := range r.rules {
			on := own.entry.On
			if _, known := artefacts[on]; !known {
				artefacts[on] = collect(models, on)
			}
			at := own.entry.Place
			units = append(units, lint.Unit[job]{
				File: &source.File{Path: fmt.Sprintf("%s:%d", at.File, at.Line)},
				Doc:  job{own, func(p *lint.Pass) { own.ask(ctx, p, artefacts[on], end) }},
			})
		}
		return units, nil
	}
	return []lint.Across{lint.NewAcross(join, checks)}
}

var errTooLarge = errors.New("it holds too many values to be asked")
