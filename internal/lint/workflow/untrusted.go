package workflow

import (
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// What strangers write, by the events that bring it. The list is GitHub's own
// ("Script injections" in its guide to hardening), with what actionlint adds to it.
var untrusted = []struct {
	context *regexp.Regexp
	// privileged are the events with a token that may write, and secrets; harmless
	// those that give strangers neither.
	privileged, harmless []string
}{
	{
		paths(`head_ref`, `event\.pull_request`, `event\.pull_request\.(title|body|head|head\.(ref|label)|head\.repo\.(default_branch|description|homepage))`),
		[]string{"pull_request_target"},
		[]string{"pull_request", "pull_request_review", "pull_request_review_comment"},
	},
	{paths(`event\.issue`, `event\.issue\.(title|body)`), []string{"issues", "issue_comment"}, nil},
	{paths(`event\.comment`, `event\.comment\.body`), []string{"issue_comment", "commit_comment", "discussion_comment"}, []string{"pull_request_review_comment"}},
	{paths(`event\.discussion`, `event\.discussion\.(title|body)`), []string{"discussion", "discussion_comment"}, nil},
	{paths(`event\.review`, `event\.review\.body`), nil, []string{"pull_request_review"}},
	{
		paths(`event\.(head_commit|commits)`, `event\.(head_commit|commits\.\*)\.(message|author\.(name|email)|committer\.(name|email))`),
		[]string{"push"},
		nil,
	},
	{paths(`event\.pages`, `event\.pages\.\*\.page_name`), []string{"gollum"}, nil},
	{
		paths(`event\.workflow_run`, `event\.workflow_run\.(head_branch|display_title|head_repository\.description)`, `event\.workflow_run\.head_commit\.(message|author\.(name|email))`, `event\.workflow_run\.pull_requests\.\*\.head\.ref`),
		[]string{"workflow_run"},
		nil,
	},
	{
		paths(`event`),
		[]string{"pull_request_target", "issues", "issue_comment", "discussion", "discussion_comment", "workflow_run", "push"},
		[]string{"pull_request", "pull_request_review", "pull_request_review_comment"},
	},
}

func paths(alternatives ...string) *regexp.Regexp {
	return regexp.MustCompile(`^github\.(` + strings.Join(alternatives, "|") + `)$`)
}

// danger says how much a stranger gains whose text a context holds.
type danger int

const (
	none    danger = iota // the context is empty, or nobody else's
	little                // a token that may only read
	unknown               // whatever the workflow that calls this one gives
	much                  // a token that may write, and secrets
)

// dangerOf judges a context of a workflow.
func dangerOf(f *workflow.File, name string) danger {
	for _, u := range untrusted {
		if !u.context.MatchString(name) && (name != "github" || !u.context.MatchString("github.event")) {
			continue
		}
		has := func(events []string) bool {
			return slices.ContainsFunc(events, func(e string) bool { _, ok := f.On(e); return ok })
		}
		if name == "github.event.workflow_run.head_branch" && branchesNamed(f) {
			return none
		}
		_, called := f.On("workflow_call")
		switch {
		case has(u.privileged):
			return much
		case called || f.Action:
			return unknown
		case has(u.harmless):
			return little
		}
		return none
	}
	return none
}

// branchesNamed says that a workflow starts for branches only whose names it says.
func branchesNamed(f *workflow.File) bool {
	t, _ := f.On("workflow_run")
	branches := t.Value.Get("branches").Items()
	return len(branches) > 0 && !slices.ContainsFunc(branches, func(b yaml.Node) bool { return strings.ContainsAny(b.Text(), "*?+[]!") })
}

// flows lists the contexts that the value of an expression may hold text of, with
// what the variables of a step's environment hold in their place.
func (f *file) flows(s *workflow.Step, e workflow.Expression) (contexts []string) {
	for _, name := range e.Flows {
		variable, ok := strings.CutPrefix(name, "env.")
		if !ok {
			contexts = append(contexts, name)
			continue
		}
		for _, of := range []struct {
			whose any
			root  yaml.Node
		}{{s, s.Root}, {s.Job, s.Job.Root}, {s.Job.File, s.Job.File.Root}} {
			if inner, ok := f.variables(of.whose, of.root)[variable]; ok {
				contexts = append(contexts, inner...)
				break
			}
		}
	}
	return contexts
}

// maxFlows bounds the contexts that one variable is taken to hold.
const maxFlows = 50

// variables returns what flows into the variables that a step, job or workflow sets,
// by their names in lower case.
func (f *file) variables(whose any, root yaml.Node) map[string][]string {
	if all, ok := f.environments[whose]; ok {
		return all
	}
	all := map[string][]string{}
	for _, e := range root.Get("env").Entries() {
		var contexts []string
		for _, inner := range workflow.Expressions(e.Value.Text()) {
			contexts = append(contexts, inner.Flows...)
		}
		slices.Sort(contexts)
		contexts = slices.Compact(contexts)
		all[strings.ToLower(e.Key.Text())] = contexts[:min(len(contexts), maxFlows)]
	}
	f.environments[whose] = all
	return all
}

var (
	// ownBranch are conditions that only what a member of the repository sent meets, or
	// what one has merged.
	ownBranch = regexp.MustCompile(`head\.repo\.full_name\s*==|==\s*github\.event\.pull_request\.head\.repo\.full_name|head\.repo\.fork\s*==\s*false|!\s*github\.event\.pull_request\.head\.repo\.fork|head\.repo\.owner\.login\s*==|head\.repo\.id\s*==|head_repository\.full_name\s*==|==\s*github\.event\.workflow_run\.head_repository\.full_name|head_repository\.fork\s*==\s*false|pull_request\.merged\b|workflow_run\.event\s*==\s*'(?:push|schedule|workflow_dispatch|release)'|workflow_run\.event\s*!=\s*'pull_request'`)
	// vouched are conditions by which a member lets in what somebody else sent.
	vouched = regexp.MustCompile(`author_association|\.labels?\b|label\.name|github\.actor\b|\.user\.login|\.sender\.|permission|github\.triggering_actor`)
)
