package github

import (
	"context"
	"errors"
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/event"
)

// Plan is the comment that a run wants to leave.
type Plan struct {
	// Event that set the run off. Without a pull request there is no comment.
	Event event.Event
	// Key of the comment; see Key.
	Key string
	// Body is Markdown without the marker line, at most about 60,000 characters. Short
	// is the least that is worth saying, for when GitHub finds Body too long all the
	// same; it may be empty.
	Body, Short string
	// Create a comment where there is none; see Mode.Creates.
	Create bool
}

// Mode is the setting "comment".
type Mode string

// The modes.
const (
	Auto      Mode = "auto"       // speak up when there is something to act on
	Always    Mode = "always"     // on every pull request
	OnFailure Mode = "on-failure" // when the verdict is not a pass
	Never     Mode = "never"
)

// Creates says whether a pull request without a comment gets one. An existing
// comment is kept true in every mode but Never, under which Comment is not to be
// called at all: old bad news must not outlive a pass.
func (m Mode) Creates(passed, actionable bool) bool {
	switch m {
	case Always:
		return true
	case OnFailure:
		return !passed
	case Never:
		return false
	default:
		return !passed || actionable
	}
}

// Action is what became of a comment.
type Action string

// The actions.
const (
	Created    Action = "created"
	Updated    Action = "updated"
	Unchanged  Action = "unchanged"  // it says so already
	Superseded Action = "superseded" // the pull request has a newer commit
	Skipped    Action = "skipped"    // there was nothing to write
	Refused    Action = "refused"    // there was, and it could not be written
)

// Outcome is what became of a Plan. Only Refused is worth a word in "degraded".
type Outcome struct {
	URL    string // of the comment; empty where there is none
	Action Action
	Reason string // one line; empty when the action says all
	Hint   string // what to paste or do, on several lines; may be empty
}

// maxDeletes bounds how many duplicates one run removes.
const maxDeletes = 3

// Comment creates or updates the pull request's comment. Runs that race end with one
// comment, a run on an old commit writes nothing, and comments of others are never
// touched, whatever they look like (research: pr-ux.md, 4.3). It never fails: what
// went wrong is an Outcome.
func (c *Client) Comment(ctx context.Context, p Plan) (out Outcome) {
	defer func() {
		if fault := recover(); fault != nil { // go-github follows pointers that GitHub need not send
			out = Outcome{Action: Refused, Reason: "a fault while writing the comment: " + c.line(fmt.Sprint(fault))}
		}
	}()
	run := p.Event.Run
	switch {
	case run == nil || run.Pull < 1 || run.Head == "":
		return Outcome{Action: Skipped, Reason: "this run does not belong to a pull request"}
	case c.wire.token == "":
		return Outcome{Action: Refused, Reason: "there is no token to comment with", Hint: tokenHint}
	}
	owner, name, err := split(run.Repository)
	if err == nil {
		err = checkCommit(run.Head)
	}
	if err != nil {
		return Outcome{Action: Refused, Reason: err.Error()}
	}
	t := &thread{
		c: c, plan: p, owner: owner, name: name, number: run.Pull,
		mark: mark{key: p.Key, run: run.ID, attempt: run.Attempt, head: run.Head},
	}
	if _, _, ok := parse(t.mark.String()); !ok {
		return Outcome{Action: Refused, Reason: "the run's id, attempt or key cannot be told in a comment"}
	}
	out, err = t.upsert(ctx)
	if err != nil {
		return t.refused(err)
	}
	return out
}

func (t *thread) upsert(ctx context.Context) (Outcome, error) {
	head, err := t.newest(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if head != t.mark.head {
		return Outcome{Action: Superseded, Reason: "the pull request has a newer commit, whose run comments"}, nil
	}
	ours, err := t.find(ctx)
	if err != nil {
		return Outcome{}, err
	}
	for _, o := range ours {
		if o.mark.newer(t.mark) {
			return Outcome{URL: o.url, Action: Skipped, Reason: "a later run on the same commit has commented"}, nil
		}
	}
	for i, o := range ours {
		out, err := t.edit(ctx, o)
		if isKind(err, NotFound) { // somebody deleted it meanwhile
			continue
		}
		if err != nil {
			return Outcome{}, err
		}
		return t.removed(ctx, out, ours[i+1:]), nil
	}
	switch {
	case t.plan.Create:
		return t.create(ctx)
	case len(ours) > 0:
		return Outcome{Action: Skipped, Reason: "the comment was deleted, and there is nothing to act on"}, nil
	}
	return Outcome{Action: Skipped, Reason: "there is nothing to act on"}, nil
}

// edit makes o say what the plan says. It may be repeated.
func (t *thread) edit(ctx context.Context, o own) (Outcome, error) {
	if o.mark.head == t.mark.head && same(o.rest, t.plan.Body) {
		return Outcome{URL: o.url, Action: Unchanged}, nil
	}
	url, err := t.patch(ctx, o.id)
	if isKind(err, Unreachable) {
		url, err = t.patch(ctx, o.id)
	}
	return Outcome{URL: url, Action: Updated}, err
}

// removed deletes what one of two racing runs left behind, as far as it may.
func (t *thread) removed(ctx context.Context, out Outcome, duplicates []own) Outcome {
	for i, o := range duplicates {
		if i == maxDeletes {
			break
		}
		if err := t.remove(ctx, o.id); err != nil && !isKind(err, NotFound) {
			out.Reason = "a second comment of ours could not be removed; " + err.Error()
			break
		}
	}
	return out
}

// create posts the comment. When GitHub breaks off, the comment may be there all
// the same, so nothing is posted again before that is known.
func (t *thread) create(ctx context.Context) (Outcome, error) {
	var broken error
	for range 2 {
		posted, err := t.post(ctx)
		if err == nil {
			return t.converge(ctx, posted), nil
		}
		if !isKind(err, Unreachable) {
			return Outcome{}, err
		}
		broken = err
		if t.c.wire.pause(ctx, writeGap) != nil {
			return Outcome{}, errUnknown
		}
		ours, err := t.tail(ctx)
		if err != nil {
			return Outcome{}, errUnknown
		}
		for _, o := range ours {
			if o.mark == t.mark {
				return t.converge(ctx, o), nil
			}
		}
	}
	return Outcome{}, broken
}

var errUnknown = errors.New("GitHub broke off while the comment was posted, and it is not known whether it is there")

// converge looks once more after posting: another run may have posted between our
// look and our post. The oldest comment stays and says what the latest run says; a
// run deletes the comment that it posted itself, so that each of several does its part.
func (t *thread) converge(ctx context.Context, posted own) Outcome {
	created := Outcome{URL: posted.url, Action: Created}
	ours, err := t.tail(ctx)
	if err != nil {
		return created // the next run removes what is too much
	}
	oldest := posted
	for _, o := range ours {
		if o.id < oldest.id {
			oldest = o
		}
	}
	if oldest.id == posted.id {
		return created
	}
	out := Outcome{URL: oldest.url, Action: Skipped, Reason: "a later run on the same commit has commented"}
	if !oldest.mark.newer(t.mark) {
		if out, err = t.edit(ctx, oldest); err != nil {
			return created
		}
	}
	return t.removed(ctx, out, []own{posted})
}
