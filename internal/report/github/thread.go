package github

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	api "github.com/google/go-github/v60/github"
)

const (
	perPage = 100 // the most that GitHub gives
	// A pull request's comments come oldest first. Ours is mostly among the first or,
	// when the first runs had nothing to say, among the last; so pages are read from
	// both ends. Up to allPages all are read; of more, reading ends with the page that
	// holds ours, or after maxPages: a comment posted then lies on the last page,
	// where the next run finds it.
	allPages = 4
	maxPages = 8
)

// thread is the conversation of a pull request.
type thread struct {
	c           *Client
	plan        Plan
	owner, name string
	number      int
	mark        mark

	locked bool
	last   int    // page of the newest comments, 1 or more once listed
	viewer string // who the token belongs to, once asked
	asked  bool
}

// own is a comment of ours with our key.
type own struct {
	id   int64
	url  string
	mark mark
	rest string // the body without its first line
}

func (t *thread) doing(what string) string { return fmt.Sprintf("%s pull request %d", what, t.number) }

// newest asks for the head as it is now.
func (t *thread) newest(ctx context.Context) (string, error) {
	pull, _, err := t.c.rest.PullRequests.Get(ctx, t.owner, t.name, t.number)
	if err != nil {
		return "", t.c.explain(ctx, t.doing("reading"), err)
	}
	t.locked = pull.GetLocked()
	return pull.GetHead().GetSHA(), nil
}

// list reads one page, and returns the comments with our key, whoever wrote them.
func (t *thread) list(ctx context.Context, page int) ([]*api.IssueComment, *api.Response, error) {
	options := &api.IssueListCommentsOptions{ListOptions: api.ListOptions{Page: page, PerPage: perPage}}
	all, answer, err := t.c.rest.Issues.ListComments(ctx, t.owner, t.name, t.number, options)
	if err != nil {
		return nil, nil, t.c.explain(ctx, t.doing("reading the comments of"), err)
	}
	t.last = max(t.last, page, answer.LastPage)
	return slices.DeleteFunc(all, func(c *api.IssueComment) bool {
		m, _, ok := parse(c.GetBody())
		return !ok || m.key != t.mark.key
	}), answer, nil
}

// find looks for our comments, the oldest first.
func (t *thread) find(ctx context.Context) ([]own, error) {
	t.last = 1
	var keyed []*api.IssueComment
	for i, pages := 0, 1; i < pages; i++ {
		page := 1 + i/2
		if i%2 == 1 {
			page = t.last - i/2
		}
		found, _, err := t.list(ctx, page)
		if err != nil {
			return nil, err
		}
		keyed, pages = append(keyed, found...), min(t.last, maxPages)
		if t.last > allPages && len(t.ours(ctx, keyed)) > 0 {
			break
		}
	}
	return t.ours(ctx, keyed), nil
}

// tail looks at what was posted since find.
func (t *thread) tail(ctx context.Context) ([]own, error) {
	var keyed []*api.IssueComment
	for page, read := t.last, 0; page > 0 && read < 3; read++ { // nobody posts 200 comments meanwhile
		found, answer, err := t.list(ctx, page)
		if err != nil {
			return nil, err
		}
		keyed = append(keyed, found...)
		page = answer.NextPage
	}
	return t.ours(ctx, keyed), nil
}

// ours leaves the comments whose author is who we write as. A marker alone proves
// nothing: everybody can read it and post it. Who the token belongs to is asked
// only when a comment has our key and another author than expected.
func (t *thread) ours(ctx context.Context, keyed []*api.IssueComment) []own {
	var found []own
	take := func(mine func(*api.User) bool) {
		for _, c := range keyed {
			if m, rest, ok := parse(c.GetBody()); ok && mine(c.GetUser()) {
				found = append(found, own{id: c.GetID(), url: c.GetHTMLURL(), mark: m, rest: rest})
			}
		}
	}
	take(t.expected)
	if len(found) == 0 && len(keyed) > 0 && t.c.author == "" {
		if !t.asked {
			t.asked = true
			t.viewer, _ = t.c.viewer(ctx) // not told: those comments are another's
		}
		take(func(u *api.User) bool { return t.viewer != "" && is(u, t.viewer) })
	}
	slices.SortFunc(found, func(a, b own) int { return cmp.Compare(a.id, b.id) })
	return slices.CompactFunc(found, func(a, b own) bool { return a.id == b.id })
}

func (t *thread) expected(u *api.User) bool {
	if t.c.author != "" {
		return is(u, t.c.author)
	}
	return u.GetLogin() == actions && u.GetType() == "Bot"
}

// is compares logins. GraphQL may name a bot without its "[bot]", a name that a
// person could have.
func is(u *api.User, login string) bool {
	if strings.EqualFold(u.GetLogin(), login) {
		return true
	}
	return u.GetType() == "Bot" && strings.EqualFold(strings.TrimSuffix(u.GetLogin(), "[bot]"), login)
}

func (t *thread) post(ctx context.Context) (own, error) {
	return t.write(ctx, t.doing("commenting on"), func(c *api.IssueComment) (*api.IssueComment, error) {
		posted, _, err := t.c.rest.Issues.CreateComment(ctx, t.owner, t.name, t.number, c)
		return posted, err
	})
}

func (t *thread) patch(ctx context.Context, id int64) (url string, err error) {
	edited, err := t.write(ctx, t.doing("updating the comment on"), func(c *api.IssueComment) (*api.IssueComment, error) {
		edited, _, err := t.c.rest.Issues.EditComment(ctx, t.owner, t.name, id, c)
		return edited, err
	})
	return edited.url, err
}

// write sends the body, and the short one where GitHub finds it too long.
func (t *thread) write(ctx context.Context, doing string, send func(*api.IssueComment) (*api.IssueComment, error)) (own, error) {
	var err error
	for _, body := range []string{t.plan.Body, t.plan.Short} {
		if body == "" {
			continue
		}
		var written *api.IssueComment
		if written, err = send(&api.IssueComment{Body: new(t.mark.String() + "\n" + body)}); err != nil {
			err = t.c.explain(ctx, doing, err)
		} else if written.GetID() == 0 {
			err = &Error{Kind: Unreachable, Doing: doing, Detail: "GitHub's answer holds no comment"}
		}
		if err == nil {
			return own{id: written.GetID(), url: written.GetHTMLURL(), mark: t.mark, rest: body}, nil
		}
		if !isKind(err, TooLong) {
			return own{}, err
		}
	}
	if err == nil {
		err = &Error{Doing: doing, Detail: "there is nothing to say"}
	}
	return own{}, err
}

func (t *thread) remove(ctx context.Context, id int64) error {
	if _, err := t.c.rest.Issues.DeleteComment(ctx, t.owner, t.name, id); err != nil {
		return t.c.explain(ctx, t.doing("removing a comment on"), err)
	}
	return nil
}
