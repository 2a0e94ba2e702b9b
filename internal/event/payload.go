package event

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

const (
	dependabot = "dependabot[bot]"
	heads      = "refs/heads/"
)

// payload is the part of an event file that we read; docs.github.com/webhooks
// names the fields.
type payload struct {
	Ref    string `json:"ref"`
	Before string `json:"before"`
	Number int64  `json:"number"`

	Repository  *repository  `json:"repository"`
	PullRequest *pullRequest `json:"pull_request"`
	MergeGroup  *struct {
		HeadSHA string `json:"head_sha"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	WorkflowRun *struct {
		HeadRepository *repository `json:"head_repository"`
	} `json:"workflow_run"`
	Issue *struct {
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	Sender *user `json:"sender"`
}

type repository struct {
	ID            int64  `json:"id"`
	FullName      string `json:"full_name"`
	DefaultBranch string `json:"default_branch"`
	Private       *bool  `json:"private"`
	Visibility    string `json:"visibility"`
}

type pullRequest struct {
	Number int64 `json:"number"`
	Draft  bool  `json:"draft"`
	User   *user `json:"user"`
	Head   side  `json:"head"`
	Base   side  `json:"base"`
}

type side struct {
	SHA  string      `json:"sha"`
	Ref  string      `json:"ref"`
	Repo *repository `json:"repo"` // null when the fork was deleted
}

type user struct {
	Login string `json:"login"`
}

// by says that login sent the event or opened the pull request.
func (p *payload) by(login string) bool {
	return p.Sender != nil && p.Sender.Login == login ||
		p.PullRequest != nil && p.PullRequest.User != nil && p.PullRequest.User.Login == login
}

// tell completes e, which holds what the variables say.
func (p *payload) tell(e Event, repositoryID int64) (Event, error) {
	run := *e.Run
	e.Run = &run
	if err := p.Repository.isThis(run.Repository, repositoryID); err != nil {
		return Event{}, err
	}
	if r := p.Repository; r != nil {
		if r.DefaultBranch != "" && !isRef(r.DefaultBranch) {
			return Event{}, wrong("repository.default_branch", r.DefaultBranch)
		}
		e.DefaultBranch = r.DefaultBranch
		e.Private = r.Private == nil || *r.Private || r.Visibility != "" && r.Visibility != "public"
	}
	switch {
	case e.Kind == PullRequest || e.Kind == PullRequestTarget:
		return p.tellPull(e, repositoryID)
	case e.Kind == MergeGroup:
		return p.tellGroup(e)
	case run.Event == "push":
		return p.tellPush(e)
	case run.Event == "workflow_run":
		// It runs with the rights of the default branch, on behalf of a head that may be anybody's.
		if p.WorkflowRun == nil {
			return e, nil
		}
		return e.from(p.WorkflowRun.HeadRepository, p.Repository, "workflow_run.head_repository.full_name")
	case run.Event == "issue_comment" && (p.Issue == nil || p.Issue.PullRequest != nil):
		return e, nil // it does not tell what the pull request's head is, so that head is not trusted
	default:
		e.Fork, e.HeadRepository = false, run.Repository
		return e, nil
	}
}

func (p *payload) tellPull(e Event, repositoryID int64) (Event, error) {
	pull := p.PullRequest
	if pull == nil {
		return Event{}, fmt.Errorf("it holds no pull_request, and the event is %s", e.Run.Event)
	}
	number := pull.Number
	if number == 0 {
		number = p.Number
	}
	of, merge := strings.CutPrefix(e.Run.Ref, "refs/pull/")
	of, _, _ = strings.Cut(of, "/")
	switch {
	case number < 1 || number > 1<<31-1:
		return Event{}, fmt.Errorf("%d is not the number of a pull request", number)
	case merge && of != strconv.FormatInt(number, 10):
		return Event{}, fmt.Errorf("it is about pull request %d, and GITHUB_REF names %s", number, quote(e.Run.Ref))
	case !IsCommit(pull.Head.SHA):
		return Event{}, wrong("pull_request.head.sha", pull.Head.SHA)
	case !IsCommit(pull.Base.SHA):
		return Event{}, wrong("pull_request.base.sha", pull.Base.SHA)
	case !isRef(pull.Base.Ref):
		return Event{}, wrong("pull_request.base.ref", pull.Base.Ref)
	}
	if err := pull.Base.Repo.isThis(e.Run.Repository, repositoryID); err != nil {
		return Event{}, err
	}
	e.Run.Pull, e.Run.Head, e.Run.Draft = int(number), pull.Head.SHA, pull.Draft
	e.Base, e.BaseRef = pull.Base.SHA, pull.Base.Ref
	base := pull.Base.Repo
	if base == nil {
		base = p.Repository
	}
	return e.from(pull.Head.Repo, base, "pull_request.head.repo.full_name")
}

func (p *payload) tellGroup(e Event) (Event, error) {
	group := p.MergeGroup
	if group == nil {
		return Event{}, fmt.Errorf("it holds no merge_group, and the event is %s", e.Run.Event)
	}
	branch := strings.TrimPrefix(group.BaseRef, heads)
	switch {
	case !IsCommit(group.BaseSHA):
		return Event{}, wrong("merge_group.base_sha", group.BaseSHA)
	case group.HeadSHA != "" && !IsCommit(group.HeadSHA):
		return Event{}, wrong("merge_group.head_sha", group.HeadSHA)
	case !isRef(branch):
		return Event{}, wrong("merge_group.base_ref", group.BaseRef)
	}
	e.Base, e.BaseRef, e.Run.Head = group.BaseSHA, branch, group.HeadSHA
	e.Fork, e.HeadRepository = false, e.Run.Repository // the queue's branch lies in this repository, put there by who may merge
	return e, nil
}

func (p *payload) tellPush(e Event) (Event, error) {
	if p.Ref != "" && p.Ref != e.Run.Ref {
		return Event{}, fmt.Errorf("it is a push to %s, and GITHUB_REF is %s", quote(p.Ref), quote(e.Run.Ref))
	}
	e.Fork, e.HeadRepository = false, e.Run.Repository
	branch, ok := strings.CutPrefix(e.Run.Ref, heads)
	if !ok {
		return e, nil // a tag has no before worth comparing with
	}
	if branch == e.DefaultBranch {
		e.Kind = Default
	}
	e.BaseRef = branch
	switch {
	case strings.Trim(p.Before, "0") == "": // a new branch
	case !IsCommit(p.Before):
		return Event{}, wrong("before", p.Before)
	default:
		e.Base = p.Before
	}
	return e, nil
}

// from sets where the head lies. One repository is the other when GitHub's ids
// agree: a name can change between two attempts of a run.
func (e Event) from(head, base *repository, field string) (Event, error) {
	e.Fork, e.HeadRepository = true, ""
	if head == nil {
		return e, nil
	}
	if !IsRepository(head.FullName) {
		return Event{}, wrong(field, head.FullName)
	}
	e.HeadRepository = head.FullName
	switch {
	case base == nil:
	case head.ID != 0 && base.ID != 0:
		e.Fork = head.ID != base.ID
	default:
		e.Fork = !strings.EqualFold(head.FullName, base.FullName)
	}
	return e, nil
}

// isThis fails when r is known to be another repository than the run's.
func (r *repository) isThis(name string, id int64) error {
	switch {
	case r == nil:
	case id != 0 && r.ID != 0:
		if id != r.ID {
			return fmt.Errorf("it is about the repository with id %d, and GITHUB_REPOSITORY_ID is %d", r.ID, id)
		}
	case !strings.EqualFold(r.FullName, name):
		return fmt.Errorf("it is about the repository %s, and GITHUB_REPOSITORY is %s", quote(r.FullName), quote(name))
	}
	return nil
}

func wrong(field, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", field)
	}
	return fmt.Errorf("%s is %s, which it cannot be", field, quote(value))
}

func quote(s string) string { return `"` + printable.Fold(printable.Text(s), 200) + `"` }
