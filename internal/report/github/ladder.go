package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/event"
)

const (
	permissionsHint = `permissions:
  contents: read
  pull-requests: write`
	//nolint:gosec // an expression, not a credential
	tokenHint = `with:
  github-token: ${{ github.token }}`
	// GitHub gives such runs no more, whatever the workflow asks for; docs.github.com/actions,
	// "Permissions for the GITHUB_TOKEN".
	elsewhereHint = `the verdict, the job summary and the annotations say the same`
)

// refused says once why there is no comment, in the order in which a reader would
// ask: is it the pull request, the conversation, or the workflow.
func (t *thread) refused(err error) Outcome {
	out := Outcome{Action: Refused, Reason: err.Error()}
	if errors.Is(err, errUnknown) {
		out.Reason = errUnknown.Error()
		return out
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return out
	}
	switch {
	case e.Kind == Unauthorized:
		out.Reason, out.Hint = "GitHub does not accept the token, which may have expired: "+e.Detail, tokenHint
	case e.Status == http.StatusForbidden || e.Status == http.StatusNotFound:
		out.Reason, out.Hint = t.denied(e)
	case e.Kind == Stopped:
		out.Reason = "the time for telling ran out while " + e.Doing
	}
	return out
}

func (t *thread) denied(e *Error) (reason, hint string) {
	said := strings.ToLower(e.Detail)
	switch {
	case strings.Contains(said, "archived"):
		return "the repository is archived, and nothing in it can be written", ""
	case strings.Contains(said, "locked"), t.locked && !t.plan.Event.Fork:
		return "the conversation of this pull request is locked", ""
	case t.plan.Event.Dependabot:
		return "GitHub gives runs of Dependabot's pull requests a token that can only read, unless the job says otherwise", permissionsHint
	case t.plan.Event.Fork && t.plan.Event.Kind != event.PullRequestTarget:
		return "GitHub gives runs of a fork's pull request a token that can only read", elsewhereHint
	}
	wanted := ""
	if e.Accepted != "" {
		wanted = "; GitHub asks for " + e.Accepted
	}
	return fmt.Sprintf("the token lacks pull-requests: write (%s%s)", e.Detail, wanted), permissionsHint
}
