package config

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// CustomRule is one entry of custom-rules: in the settings file. Its expression is
// compiled by who runs it.
type CustomRule struct {
	ID       string
	Severity string
	// On is the kind of sources it is for: dockerfile, compose, kubernetes, workflow.
	On string
	// Kinds are the kinds of objects it is for, "Deployment" or with the group
	// "Deployment.apps"; all when empty. Paths are globs of files; all when empty.
	Kinds, Paths []string
	// At are the paths inside an object of what is asked, such as
	// "spec.template.spec.containers[*].image"; the object when empty.
	At []string
	// Expression is CEL that is true where all is well, Message what is told elsewhere.
	Expression, Message string

	// Place is where the entry stands, ExpressionAt where the text of the expression
	// begins.
	Place, ExpressionAt Place

	// Merged says that the entry is the base commit's, and Proposed, when it is not nil,
	// what the change makes of it: that counts where this one cannot be used.
	Merged   bool
	Proposed *CustomRule `json:",omitempty"`
}

// The kinds of sources that rules are written for.
const (
	OnDockerfile = "dockerfile"
	OnCompose    = "compose"
	OnKubernetes = "kubernetes"
	OnWorkflow   = "workflow"
)

// customID is an id that a suppression can name.
var customID = regexp.MustCompile(`^[A-Z][A-Z0-9]*-[A-Za-z0-9.]+$`)

func customRules() Setting {
	return shape[CustomRule]{
		to:     func(c *Config) *[]CustomRule { return &c.CustomRules },
		stands: func(e *CustomRule) *Place { return &e.Place },
		fields: func(e *CustomRule) map[string]field {
			return map[string]field{
				"id":         {one: &e.ID, required: true, usage: "a prefix of your own in capitals, a hyphen and a number or letters, such as ACME-1"},
				"severity":   {one: &e.Severity, required: true, allowed: severities(), usage: "how much its findings matter"},
				"on":         {one: &e.On, required: true, allowed: []string{OnDockerfile, OnCompose, OnKubernetes, OnWorkflow}, usage: "what is asked: each Dockerfile, each Compose service, each Kubernetes object, or each workflow and action"},
				"kinds":      {many: &e.Kinds, usage: "kinds of Kubernetes objects, such as Deployment or Gateway.gateway.networking.k8s.io; all without"},
				"paths":      {many: &e.Paths, usage: "globs of files; all without"},
				"at":         {many: &e.At, usage: "paths inside the object, such as spec.template.spec.containers[*].image; each place is asked with its value, and is where a finding stands; the object itself without"},
				"expression": {one: &e.Expression, required: true, place: &e.ExpressionAt, usage: "CEL that is true where all is well; it sees object, value (what at leads to), key, name and path"},
				"message":    {one: &e.Message, required: true, usage: "one sentence: what is wrong, and behind a semicolon what to do"},
			}
		},
		check: func(e *CustomRule) error {
			if !customID.MatchString(e.ID) {
				return fmt.Errorf("id: %q cannot be one; want a prefix of your own in capitals, a hyphen and a number or letters, such as ACME-1", e.ID)
			}
			if len(e.Kinds) > 0 && e.On != OnKubernetes {
				return fmt.Errorf("kinds: only what is on %s has kinds", OnKubernetes)
			}
			return globs("paths", e.Paths)
		},
	}.of(Setting{
		Name: "custom-rules", Commands: []string{"gate", "lint", "scan", "explain"},
		Usage: "rules of your own: a list of id, severity, on, kinds, paths, at, expression and message",
	})
}

// settleCustomRules leaves the rules of the base commit, and those that the change
// adds: a rule more lets nothing pass. A higher severity and other words count, too.
func (j *judge) settleCustomRules() error {
	base, err := j.agreed("custom-rules")
	if err != nil {
		return err
	}
	head, err := j.proposed("custom-rules")
	if err != nil {
		return err
	}
	same := func(r CustomRule) func(CustomRule) bool {
		return func(other CustomRule) bool { return other.ID == r.ID }
	}
	var settled []CustomRule
	for _, was := range base.CustomRules {
		was.Merged = true
		i := slices.IndexFunc(head.CustomRules, same(was))
		switch {
		case i < 0:
			j.refusedRule("removing the rule %s of %s counts once it is merged", was)
		case was.admits(head.CustomRules[i]):
			was = head.CustomRules[i]
		default:
			now := head.CustomRules[i]
			j.refusedRule("the rule %s in %s is not as at the base commit; it counts once it is merged", now)
			was.Proposed = &now
		}
		settled = append(settled, was)
	}
	for _, now := range head.CustomRules {
		if !slices.ContainsFunc(base.CustomRules, same(now)) {
			settled = append(settled, now)
		}
	}
	j.effective.CustomRules = settled
	return nil
}

// admits says whether another entry of the same id asks the same and is no less severe.
func (r CustomRule) admits(now CustomRule) bool {
	var from, to finding.Severity
	// Both were checked when they were read.
	if from.UnmarshalText([]byte(r.Severity)) != nil || to.UnmarshalText([]byte(now.Severity)) != nil || to < from {
		return false
	}
	return r.On == now.On && r.Expression == now.Expression &&
		slices.Equal(r.Kinds, now.Kinds) && slices.Equal(r.Paths, now.Paths) && slices.Equal(r.At, now.At)
}

func (j *judge) refusedRule(format string, r CustomRule) {
	j.effective.Refused = append(j.effective.Refused, printable.Text(fmt.Sprintf(format, r.ID, fmt.Sprintf("%s:%d", r.Place.File, r.Place.Line))))
}
