package github

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	api "github.com/google/go-github/v60/github"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Kind sorts errors by what a person can do about them.
type Kind int

// The kinds of errors.
const (
	Other        Kind = iota
	Unauthorized      // the token is not accepted at all
	Forbidden         // the token may not do this
	NotFound          // no such thing, or the token may not know of it
	TooLong           // a comment is longer than GitHub takes
	RateLimited       // too many requests for now
	Unreachable       // no conversation, or a broken one: a write may have had its effect
	Stopped           // the context ended
)

// Error is what a conversation with GitHub ended with. Its text holds no token and no URL.
type Error struct {
	Kind   Kind
	Doing  string // a verb phrase: "reading pull request 7"
	Detail string // what happened
	Status int    // of HTTP; 0 when there was no answer
	// Accepted is the header X-Accepted-GitHub-Permissions: what would have been enough.
	Accepted string
	cause    error
}

func (e *Error) Error() string { return e.Doing + ": " + e.Detail }

// Unwrap gives context.Canceled, context.DeadlineExceeded or fs.ErrNotExist where the
// error means that, and nothing else: what a library says may hold a secret.
func (e *Error) Unwrap() error { return e.cause }

func isKind(err error, kinds ...Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains(kinds, e.Kind)
}

// explain turns what the library returned into an Error.
func (c *Client) explain(ctx context.Context, doing string, err error) error {
	e := &Error{Doing: doing}
	answer, answered := errors.AsType[*api.ErrorResponse](err)
	limit, slow := errors.AsType[*limited](err)
	switch {
	case ctx.Err() != nil:
		e.Kind, e.cause = Stopped, ctx.Err()
		e.Detail = "stopped before GitHub answered"
	case answered && answer.Response != nil:
		c.judge(e, answer)
	case slow:
		e.Kind, e.Detail = RateLimited, limit.Error()
	case errors.Is(err, errTooMany):
		e.Kind, e.Detail = RateLimited, errTooMany.Error()
	case errors.Is(err, errNoTime):
		e.Kind, e.cause = Stopped, context.DeadlineExceeded
		e.Detail = "there is no time left to wait for GitHub"
	default:
		e.Kind, e.Detail = Unreachable, c.line(innermost(err).Error())
	}
	return e
}

// judge reads an answer of GitHub that is not a success.
func (c *Client) judge(e *Error, answer *api.ErrorResponse) {
	words := []string{answer.Message}
	for _, detail := range answer.Errors {
		words = append(words, detail.Message)
	}
	status := answer.Response.StatusCode
	e.Status = status
	e.Detail = fmt.Sprintf("HTTP %d", status)
	said := c.line(strings.Join(words, " "))
	if said != "" {
		e.Detail += fmt.Sprintf(" (%s)", said)
	}
	e.Accepted = c.line(answer.Response.Header.Get("X-Accepted-Github-Permissions"))
	switch {
	case status == http.StatusUnauthorized:
		e.Kind = Unauthorized
	case status == http.StatusForbidden:
		e.Kind = Forbidden
	case status == http.StatusNotFound, status == http.StatusGone:
		e.Kind, e.cause = NotFound, fs.ErrNotExist
	case status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(said), "too long"):
		e.Kind = TooLong
	case status >= http.StatusInternalServerError:
		e.Kind = Unreachable
	}
}

// innermost leaves out the URL that was asked: a redirect's may hold a secret.
func innermost(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}

// secrets are the forms of GitHub's tokens, and what follows a header's name
// (docs.github.com/authentication, "GitHub's token formats").
var secrets = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9_.-]{10,}|github_pat_\w+|\bv1\.[0-9a-f]{40}\b|(?i)\b(?:authorization:\s*(?:\w+\s+)?|bearer\s+|token=)\S+`)

// line makes foreign text one short line without a secret.
func (c *Client) line(text string) string {
	if c.wire.token != "" {
		text = strings.ReplaceAll(text, c.wire.token, "[token]")
	}
	return printable.Fold(printable.Text(secrets.ReplaceAllString(printable.Fold(text, 2000), "[token]")), 200)
}
