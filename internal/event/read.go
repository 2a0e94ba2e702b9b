package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// maxPayload bounds an event file. GitHub caps a webhook's body at 25 MB
// (docs.github.com/webhooks, "Payload cap"), and the file is that body.
const maxPayload = 32 << 20

// Read tells what set the run off, from the runner's variables and the event file
// that GITHUB_EVENT_PATH names (opened by open). Where GITHUB_ACTIONS is not "true"
// that is nothing: the zero Event, and no file is opened.
//
// Each value is checked before it is told: commits are 40 or 64 hexadecimal digits,
// names and refs are what GitHub allows. What is missing is read as the least
// trusted: a head repository that is not told is a fork, a repository of unknown
// visibility is private, a default branch that is not told is no branch's name.
// Which commit is a pull request's head comes from the event file only: GITHUB_SHA
// is a merge commit on pull_request and the default branch on pull_request_target.
//
// An event file that cannot be read, or variables that contradict it, are an
// error that says what to do; the Event beside it claims nothing but its Kind,
// and counts as a fork.
func Read(getenv func(string) string, open func(name string) (io.ReadCloser, error)) (Event, error) {
	if getenv("GITHUB_ACTIONS") != "true" {
		return Event{}, nil
	}
	v := variables{get: getenv}
	e := Event{Fork: true, Private: true, Run: v.run()}
	e.Run.Untrusted = true
	e.Kind = kindOf(e.Run.Event, e.Run.Ref)
	repositoryID := v.number("GITHUB_REPOSITORY_ID")
	if v.err != nil {
		return e, v.err
	}
	p, err := payloadAt(getenv("GITHUB_EVENT_PATH"), open)
	if err != nil {
		return e, err
	}
	told, err := p.tell(e, repositoryID)
	if err != nil {
		return e, fmt.Errorf("reading the event file: %w; it is not the one that set this run off", err)
	}
	told.Dependabot = getenv("GITHUB_ACTOR") == dependabot || p.by(dependabot)
	told.Run.Untrusted = told.Fork || told.Dependabot
	return told, nil
}

// kindOf sorts by event name and ref alone. A push goes to Branch until the event
// file says that it is the default one.
func kindOf(name, ref string) Kind {
	switch name {
	case "pull_request", "pull_request_review", "pull_request_review_comment": // all three check out the merge commit
		return PullRequest
	case "pull_request_target":
		return PullRequestTarget
	case "merge_group":
		return MergeGroup
	case "release":
		return Release
	case "schedule":
		return Schedule
	case "push":
		if strings.HasPrefix(ref, "refs/tags/") {
			return Release
		}
	}
	return Branch
}

// variables reads what the runner sets and keeps the first error.
type variables struct {
	get func(string) string
	err error
}

// matching is the variable's value; empty is allowed, because older servers and
// other runners leave some out.
func (v *variables) matching(name string, valid func(string) bool, want string) string {
	value := v.get(name)
	if value == "" || valid(value) {
		return value
	}
	if v.err == nil {
		v.err = fmt.Errorf("%s is %s, which is not %s; only the runner may set it", name, quote(value), want)
	}
	return ""
}

func (v *variables) number(name string) int64 {
	n, _ := strconv.ParseInt(v.matching(name, isNumber, "a positive number"), 10, 64)
	return n
}

func (v *variables) run() *verdict.Run {
	return &verdict.Run{
		Event:      v.matching("GITHUB_EVENT_NAME", isWord, "an event's name"),
		Server:     strings.TrimRight(v.matching("GITHUB_SERVER_URL", isServer, "an address such as https://github.com"), "/"),
		Repository: v.matching("GITHUB_REPOSITORY", IsRepository, "owner/name"),
		Workflow:   workflowPath(v.matching("GITHUB_WORKFLOW_REF", isLine, "owner/name/path@ref")),
		Job:        v.matching("GITHUB_JOB", isWord, "a job's id"),
		ID:         v.number("GITHUB_RUN_ID"),
		Attempt:    int(min(v.number("GITHUB_RUN_ATTEMPT"), math.MaxInt32)),
		Ref:        v.matching("GITHUB_REF", isRef, "a ref"),
		Commit:     v.matching("GITHUB_SHA", IsCommit, "a commit"),
	}
}

// workflowPath is ".github/workflows/ci.yml" of
// "acme/app/.github/workflows/ci.yml@refs/heads/main".
func workflowPath(ref string) string {
	path, _, _ := strings.Cut(ref, "@")
	if parts := strings.SplitN(path, "/", 3); len(parts) == 3 {
		return parts[2]
	}
	return ""
}

// payloadAt reads the event file.
func payloadAt(path string, open func(string) (io.ReadCloser, error)) (*payload, error) {
	const advice = "; the runner writes it: where the runner itself is a container, let it mount its own directories under the same paths as on the host"
	if path == "" {
		return nil, errors.New("GITHUB_EVENT_PATH is not set although GITHUB_ACTIONS is" + advice)
	}
	told := quote(path)
	file, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the event file %s: %w%s", told, withoutPath(err), advice)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxPayload+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the event file %s: %w%s", told, withoutPath(err), advice)
	case len(data) > maxPayload:
		return nil, fmt.Errorf("the event file %s is larger than %d MiB; no event is", told, maxPayload>>20)
	case len(strings.TrimSpace(string(data))) == 0:
		return nil, fmt.Errorf("the event file %s is empty%s", told, advice)
	}
	var p *payload
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("the event file %s is not an event: %s; it was cut short or written by something else", told, printable.Fold(printable.Text(err.Error()), 200))
	}
	if p == nil {
		return nil, fmt.Errorf("the event file %s holds no event", told)
	}
	return p, nil
}

// withoutPath keeps the cause of err, whose path the message names already.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
