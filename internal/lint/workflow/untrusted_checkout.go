package workflow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

var untrustedCheckout = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-04", Name: "untrusted-checkout", Severity: finding.High, Since: "0.1.0",
		Summary: "No workflow with secrets runs the code of a pull request",
		Also:    []string{"zizmor/dangerous-triggers", "scorecard/Dangerous-Workflow", "poutine/untrusted_checkout_exec"},
	},
	Run: func(p *lint.Pass, f *file) {
		if f.File == nil || f.Action {
			return
		}
		for _, j := range f.Jobs {
			for i, s := range j.Steps {
				event, at, what := fetched(f, s)
				if event == "" || kept(f, event, s) {
					continue
				}
				severity := outcome(j.Steps[i+1:])
				if severity > finding.Medium && (vouchedFor(f, event, s) || f.powerless(j)) {
					severity = finding.Medium
				}
				p.Report(lint.Problem{
					At: at, Subject: f.Subject(j), Path: "checkout", Severity: severity,
					Message: fmt.Sprintf("%q brings the code of a pull request into a job that %q starts with the repository's token and secrets; build it under \"pull_request\", and only read its results here", what, event),
				})
				break // one cause
			}
		}
	},
}

var (
	prHead = regexp.MustCompile(`^github\.(head_ref|event\.pull_request\.(head\..*|merge_commit_sha|head))$`)
	prRef  = regexp.MustCompile(`refs/(remotes/)?pull/.*\$\{\{`)
	ranBy  = regexp.MustCompile(`^github\.event\.workflow_run\.(head_sha|head_branch|head_commit\.id|head_repository\..*|pull_requests\..*)$`)
)

// fetched returns the event under which a step brings the code of strangers, the
// place and the text that says so.
func fetched(f *file, s *workflow.Step) (event string, at finding.Location, what string) {
	if s.Uses.Is("actions/checkout") {
		with := s.Root.Get("with")
		if refuses(s.Uses) && with.Get("allow-unsafe-pr-checkout").Text() != "true" {
			return "", at, ""
		}
		for _, key := range []string{"ref", "repository"} {
			value := with.Get(key)
			for _, e := range workflow.Expressions(value.Text()) {
				for _, name := range f.flows(s, e) {
					if event := f.brings(name); event != "" {
						return event, value.At(), value.Text()
					}
				}
			}
			if prRef.MatchString(value.Text()) {
				if event := f.one("pull_request_target", "issue_comment", "workflow_run"); event != "" {
					return event, value.At(), value.Text()
				}
			}
		}
	}
	if event = f.one("pull_request_target", "issue_comment"); event == "" || s.Script == nil {
		return "", at, ""
	}
	for _, c := range s.Script.Commands {
		gh := c.Name == "gh" && len(c.Words) > 1 && c.Words[0].Text == "pr" && c.Words[1].Text == "checkout"
		git := c.Name == "git" && c.Has("fetch", "pull") && slices.ContainsFunc(c.Words, func(w script.Argument) bool {
			return !w.Known && (strings.HasPrefix(w.Text, "pull/") || strings.HasPrefix(w.Text, "refs/pull/"))
		})
		if gh || git {
			return event, c.At, strings.Join(strings.Fields(s.Job.File.Source.Slice(c.At)), " ")
		}
	}
	return "", at, ""
}

// brings returns the event under which a context names the code of strangers.
func (f *file) brings(name string) string {
	switch {
	case prHead.MatchString(name):
		return f.one("pull_request_target")
	case ranBy.MatchString(name):
		return f.one("workflow_run")
	}
	return ""
}

// one returns the first of the events that starts the workflow, "" when none does.
func (f *file) one(events ...string) string {
	for _, e := range events {
		if _, ok := f.On(e); ok {
			return e
		}
	}
	return ""
}

var modern = regexp.MustCompile(`^v?(?:[7-9]|[1-9][0-9])(?:\.|$)`)

// refuses says that a version of actions/checkout does not fetch what strangers sent
// unless it is told to: those from 7 on.
func refuses(u workflow.Uses) bool {
	return modern.MatchString(u.Ref) || u.Pinned() && modern.MatchString(u.Version)
}

var (
	eventIs    = regexp.MustCompile(`github\.event_name\s*==\s*'([a-z_]+)'`)
	eventIsNot = regexp.MustCompile(`github\.event_name\s*!=\s*'([a-z_]+)'`)
)

// kept says that conditions keep strangers out: the step does not run for them.
func kept(f *file, event string, s *workflow.Step) bool {
	condition := guards(s)
	if ownBranch.MatchString(condition) {
		return true
	}
	if m := eventIsNot.FindStringSubmatch(condition); m != nil && m[1] == event {
		return true
	}
	if all := eventIs.FindAllStringSubmatch(condition, -1); len(all) > 0 &&
		!slices.ContainsFunc(all, func(m []string) bool { return m[1] == event }) && !strings.Contains(condition, "||") {
		return true
	}
	return event == "workflow_run" && f.trusted()
}

// trusted says that the workflows whose end starts this one never run what
// strangers send: all of them are here, and none runs on pull requests.
func (f *file) trusted() bool {
	t, _ := f.On("workflow_run")
	var names []yaml.Node
	if list := t.Value.Get("workflows"); list.IsList() {
		names = list.Items()
	} else if list.IsScalar() {
		names = []yaml.Node{list}
	}
	const many = 20
	if len(names) > many {
		return false
	}
	for _, n := range names {
		by := f.named[n.Text()]
		if by == nil {
			return false
		}
		for _, event := range []string{"pull_request", "pull_request_target", "pull_request_review", "workflow_run"} {
			if _, ok := by.On(event); ok {
				return false
			}
		}
	}
	return len(names) > 0
}

// vouchedFor says that a member lets each run in: by a label, an environment that
// asks for approval, or a job before this one that looks who sent it.
func vouchedFor(f *file, event string, s *workflow.Step) bool {
	t, _ := f.On(event)
	types := t.Value.Get("types")
	labelled := types.Text() == "labeled" || len(types.Items()) == 1 && types.Items()[0].Text() == "labeled"
	if labelled || vouched.MatchString(guards(s)) || s.Job.Root.Get("environment").Exists() || s.Job.Root.Get("needs").Exists() {
		return true
	}
	for _, before := range s.Job.Steps {
		if before == s {
			break
		}
		if asks.MatchString(before.Name() + " " + before.Root.Get("run").Text() + " " + before.Root.Get("with").Get("script").Text()) {
			return true
		}
	}
	return false
}

// asks is how a step is called that looks who sent something.
var asks = regexp.MustCompile(`(?i)permission|authori[sz]|collaborator|membership|is.?member|allow.?list|team`)

// powerless says that a job has a token that only reads, and no secret.
func (f *file) powerless(j *workflow.Job) bool {
	permissions := j.Root.Get("permissions")
	if !permissions.Exists() {
		permissions = j.File.Root.Get("permissions")
	}
	if !permissions.Exists() || permissions.Text() == "write-all" {
		return false
	}
	for _, e := range permissions.Entries() {
		if e.Value.Text() == "write" {
			return false
		}
	}
	return !f.usesSecrets(j)
}

// harmless are programs that run nothing of what was fetched.
var harmless = []string{
	"", "echo", "printf", "gh", "git", "cat", "jq", "yq", "ls", "mkdir", "cd", "test", "[", "set", "export", "true", "false", "diff", "grep", "sed", "awk", "sort",
	"uniq", "head", "tail", "wc", "cut", "tr", "tee", "sleep", "exit", "rm", "cp", "mv", "touch", "date", "curl", "wget", "local", "declare", "readonly", "return",
	"find", "read", "shift", "tar", "zip", "unzip", "sha256sum", "basename", "dirname", "pwd", "chmod", "xargs", "env", "ssh-keyscan", "base64",
	"mapfile", "readarray", "continue", "break", "trap", "unset", "wait", "type", "command", "let", "comm", "md5sum", "tac", "rev", "column", "envsubst",
}

// outcome is how bad it is, by what the job does with what it fetched.
func outcome(later []*workflow.Step) finding.Severity {
	worst := finding.Low
	for _, s := range later {
		switch {
		case s.Uses.Local, s.Uses.Is("docker/build-push-action", "docker/bake-action", "gradle/gradle-build-action", "pre-commit/action"):
			return finding.High
		case s.Uses.Exists() && !official(s.Uses):
			worst = finding.Medium
		case s.Script != nil && s.Script.Parsed:
			if slices.ContainsFunc(s.Script.Commands, func(c *script.Command) bool {
				return !slices.Contains(harmless, c.Name) && !slices.Contains(s.Script.Functions, c.Name)
			}) {
				return finding.High
			}
		case s.Root.Get("run").Exists():
			worst = finding.Medium
		}
	}
	return worst
}
