package workflow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

var secretForAllSteps = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-08", Name: "secret-for-all-steps", Severity: finding.Low, Since: "0.1.0",
		Summary: "A secret is given to the step that needs it, not to the actions beside it",
		Also:    []string{"zizmor/overprovisioned-secrets", "poutine/job_all_secrets"},
	},
	Run: func(p *lint.Pass, f *file) {
		if f.File == nil || f.Action {
			return
		}
		var strangers []string // actions of others, in the order of the workflow
		for _, j := range f.Jobs {
			own := foreign(j)
			strangers = append(strangers, own...)
			if len(own) > 0 {
				shared(p, f, j, j.Root.Get("env"), fmt.Sprintf("job %q", j.ID), own[0])
			}
			for _, s := range j.Steps {
				everySecret(p, f, s)
			}
		}
		if len(strangers) > 0 {
			shared(p, f, nil, f.Root.Get("env"), "the workflow", strangers[0])
		}
	},
}

// foreign are the actions of others that a job runs.
func foreign(j *workflow.Job) (names []string) {
	for _, s := range j.Steps {
		if u := s.Uses; u.Owner != "" && !official(u) {
			names = append(names, u.Name())
		}
	}
	return names
}

// shared reports the secrets of an environment that all steps are given.
func shared(p *lint.Pass, f *file, j *workflow.Job, variables yaml.Node, whose, stranger string) {
	for _, e := range variables.Entries() {
		for _, expression := range workflow.Expressions(e.Value.Text()) {
			if slices.ContainsFunc(expression.Flows, private) {
				p.Report(lint.Problem{
					At: e.Key.At(), Subject: f.Subject(j), Path: "env[" + e.Key.Text() + "]",
					Message: fmt.Sprintf("secret %q is given to every step of %s, to the action %q too; set it in the \"env\" of the steps that need it", e.Key.Text(), whose, stranger),
				})
				break
			}
		}
	}
}

// private says that a context is a secret other than the token, which every action
// can ask for.
func private(name string) bool {
	return strings.HasPrefix(name, "secrets.") && name != "secrets.github_token"
}

// everySecret reports a step that is given all secrets at once.
func everySecret(p *lint.Pass, f *file, s *workflow.Step) {
	for _, values := range []yaml.Node{s.Root.Get("env"), s.Root.Get("with")} {
		for _, e := range values.Entries() {
			for _, expression := range workflow.Expressions(e.Value.Text()) {
				if slices.Contains(expression.Flows, "secrets") {
					p.Report(lint.Problem{
						At: e.Value.At(), Subject: f.Subject(s.Job), Path: "secrets[" + e.Key.Text() + "]", Severity: finding.Medium,
						Message: fmt.Sprintf("%q is given every secret of the repository; name those that it needs", e.Key.Text()),
					})
				}
			}
		}
	}
}

// usesSecrets says whether a job is given a secret other than the token.
func (f *file) usesSecrets(j *workflow.Job) bool {
	secret := func(contexts []string) bool {
		return slices.ContainsFunc(contexts, func(name string) bool { return private(name) || name == "secrets" })
	}
	for _, contexts := range f.variables(f.File, f.Root) {
		if secret(contexts) {
			return true
		}
	}
	var uses func(n yaml.Node) bool
	uses = func(n yaml.Node) bool {
		return n.IsScalar() && slices.ContainsFunc(workflow.Expressions(n.Text()), func(e workflow.Expression) bool { return secret(e.Flows) }) ||
			slices.ContainsFunc(n.Entries(), func(e yaml.Entry) bool { return uses(e.Value) }) || slices.ContainsFunc(n.Items(), uses)
	}
	return j.Root.Get("secrets").Text() == "inherit" || uses(j.Root)
}

var insecureCommands = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-09", Name: "insecure-commands", Severity: finding.High, Since: "0.1.0",
		Summary: "Nothing that a step prints can set variables for the next",
		Also:    []string{"zizmor/insecure-commands", "CKV_GHA_1", "actionlint/deprecated-commands"},
	},
	Run: func(p *lint.Pass, f *file) {
		look := func(root yaml.Node, j *workflow.Job) {
			value := root.Get("env").Get("ACTIONS_ALLOW_UNSECURE_COMMANDS")
			if on, ok := value.Bool(); on && ok || strings.EqualFold(value.Text(), "true") {
				p.Report(lint.Problem{
					At: value.At(), Subject: f.Subject(j), Path: "env[ACTIONS_ALLOW_UNSECURE_COMMANDS]",
					Message: "\"ACTIONS_ALLOW_UNSECURE_COMMANDS\" lets any text that is printed set variables and the path of later steps; write to \"$GITHUB_ENV\" and \"$GITHUB_PATH\" instead",
				})
			}
		}
		if f.File != nil {
			look(f.Root, nil)
		}
		for _, j := range f.jobs() {
			look(j.Root, j)
			for _, s := range j.Steps {
				look(s.Root, j)
			}
		}
	},
}

var workflowSecretLiteral = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "WF-10", Name: "workflow-secret-literal", Severity: finding.High, Since: "0.1.0",
		Summary: "No credential stands in a workflow or script",
		Also:    []string{"zizmor/hardcoded-container-credentials", "actionlint/credentials"},
	},
	Run: func(p *lint.Pass, f *file) {
		if f.File != nil {
			for _, j := range f.Jobs {
				credentials(p, f, j)
			}
		}
		src := f.source()
		if !source.HasToken(src.Text) || f.File == nil && aside(src.Path) {
			return
		}
		for n := 1; n <= src.Lines(); n++ {
			line, _ := src.Line(n)
			if !source.HasToken(line) || strings.Contains(line, "EXAMPLE") || emptyKey(src, n) {
				continue
			}
			start, end := difference(line, source.MaskTokens(line))
			if start == end {
				continue
			}
			p.Report(lint.Problem{
				At: src.Span(src.LineStart(n)+start, src.LineStart(n)+end), Subject: src.Path, Path: "token",
				Excerpt: "a credential in a known format",
				Message: "a credential in a known format stands here for everybody who can read the repository; revoke it, and give the new one as a secret",
			})
		}
	},
}

var keyBody = regexp.MustCompile(`^[\sA-Za-z0-9+/=]{40,}$`)

// emptyKey says that a line names the frame of a private key, and no key follows.
func emptyKey(src *source.File, n int) bool {
	line, _ := src.Line(n)
	below, _ := src.Line(n + 1)
	return strings.Contains(line, "-----BEGIN") && !keyBody.MatchString(below)
}

// difference returns where a masked line is not the line.
func difference(line, masked string) (start, end int) {
	for start < len(line) && start < len(masked) && line[start] == masked[start] {
		start++
	}
	for end < len(line)-start && end < len(masked)-start && line[len(line)-1-end] == masked[len(masked)-1-end] {
		end++
	}
	return start, len(line) - end
}

var variable = regexp.MustCompile(`\$\{\{|\$`)

// credentials reports passwords of registries that stand in a job.
func credentials(p *lint.Pass, f *file, j *workflow.Job) {
	look := func(container yaml.Node, name string) {
		password := container.Get("credentials").Get("password")
		if text := password.Text(); text != "" && !variable.MatchString(text) && !source.Placeholder(text) {
			p.Report(lint.Problem{
				At: password.At(), Subject: f.Subject(j), Path: name + ".credentials.password", Excerpt: "a password",
				Message: fmt.Sprintf("the password of the registry for %q stands here for everybody who can read the repository; change it, and write \"${{ secrets.NAME }}\"", name),
			})
		}
	}
	look(j.Root.Get("container"), "container")
	for _, e := range j.Root.Get("services").Entries() {
		look(e.Value, "services."+e.Key.Text())
	}
}
