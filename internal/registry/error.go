package registry

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Kind sorts errors by what a person can do about them.
type Kind int

// The kinds of errors.
const (
	Other        Kind = iota
	Unauthorized      // credentials are missing, wrong, or may not do this
	NotFound          // no such repository, tag, manifest or blob
	RateLimited       // too many requests, after all tries
	Unreachable       // no conversation: name, connection, TLS, or a broken server
	TagImmutable      // the registry forbids moving this tag
	TagMoved          // somebody else moved the tag meanwhile
	Mismatch          // bytes do not have the digest they go by
	TooLarge          // a bound of this package was hit
	Stopped           // the context ended
)

// Error is what a conversation with a registry ended with. Its text names the
// host and repository and what to do, and never holds a credential or a URL's query.
type Error struct {
	Kind   Kind
	Doing  string // a verb phrase: "pushing"
	Target string // "ghcr.io/acme/app:1.2"
	Detail string // what happened, and after "; " what to do
	Err    error
}

func (e *Error) Error() string { return e.Doing + " " + e.Target + ": " + e.Detail }

// Unwrap gives the cause, for errors.Is and errors.As; its text may hold what
// this package keeps from people.
func (e *Error) Unwrap() error { return e.Err }

// IsNotFound says that err is the registry's clear answer that there is no such thing.
func IsNotFound(err error) bool { return isKind(err, NotFound) }

func isKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// classify wraps the cause of a failed act; an *Error is returned as it is, and
// so is one that lists the images to choose from.
func classify(ctx context.Context, a act, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*image.AmbiguousError](err); ok {
		return err
	}
	e := &Error{Doing: a.doing, Target: a.target, Err: err}
	var answer *transport.Error
	var certificate *x509.UnknownAuthorityError
	var hostname x509.HostnameError
	host := a.repo.RegistryStr()
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		e.Kind, e.Detail = Stopped, "stopped because the time limit ran out; raise the timeout or look why "+host+" is slow"
	case ctx.Err() != nil:
		e.Kind, e.Detail = Stopped, "stopped because the run was cancelled"
	case errors.As(err, &answer):
		e.Kind, e.Detail = fromAnswer(a, answer)
	case errors.Is(err, errPlain):
		e.Kind, e.Detail = Unreachable, fmt.Sprintf("%s does not speak HTTPS here, and %s", host, errPlain)
	case errors.As(err, &certificate), errors.As(err, &hostname):
		e.Kind, e.Detail = Unreachable, fmt.Sprintf("the certificate of %s is not trusted: %s; add its authority to this machine's", host, cause(err))
	case isNetwork(err):
		e.Kind, e.Detail = Unreachable, fmt.Sprintf("%s cannot be reached: %s; check the host's name, the network and the proxy", host, cause(err))
	default:
		e.Detail = line(cause(err))
	}
	return e
}

// fromAnswer judges an error that the registry itself returned.
func fromAnswer(a act, answer *transport.Error) (Kind, string) {
	said, host := says(answer), a.repo.RegistryStr()
	has := func(codes ...transport.ErrorCode) bool {
		return slices.ContainsFunc(answer.Errors, func(d transport.Diagnostic) bool { return slices.Contains(codes, d.Code) })
	}
	immutable := a.tag && (has(transport.TagInvalidErrorCode) || strings.Contains(strings.ToLower(said), "immutab"))
	switch {
	case immutable:
		return TagImmutable, fmt.Sprintf("the registry does not let this tag move (%s); push under a new tag, or take the tag out of the registry's immutability rule", said)
	case answer.StatusCode == http.StatusTooManyRequests || has(transport.TooManyRequestsErrorCode):
		return RateLimited, fmt.Sprintf("%s refuses more requests for now (%s); log in with `%s` for a higher limit, or try later", host, said, login(host))
	case answer.StatusCode == http.StatusUnauthorized || has(transport.UnauthorizedErrorCode):
		return Unauthorized, fmt.Sprintf("%s does not accept the credentials, or there are none (%s); run `%s` or set registry-auths", host, said, login(host))
	case answer.StatusCode == http.StatusForbidden || has(transport.DeniedErrorCode):
		verb := "read from"
		if a.scope == transport.PushScope {
			verb = "write to"
		}
		return Unauthorized, fmt.Sprintf("%s denies access (%s); check that the account may %s %s, or log in as another with `%s`", host, said, verb, a.repo.RepositoryStr(), login(host))
	case answer.StatusCode == http.StatusNotFound || has(transport.ManifestUnknownErrorCode, transport.NameUnknownErrorCode, transport.BlobUnknownErrorCode):
		return NotFound, fmt.Sprintf("%s does not have it (%s); check the name, and that the account may see it", host, said)
	case answer.StatusCode >= http.StatusInternalServerError:
		return Unreachable, fmt.Sprintf("%s is broken at the moment (%s); try later", host, said)
	}
	return Other, fmt.Sprintf("%s refused (%s)", host, said)
}

// says is what the registry answered, in one short line. A body that does not
// have the form of an error is left out: it may be a whole page, or an echo.
func says(answer *transport.Error) string {
	parts := []string{fmt.Sprintf("HTTP %d", answer.StatusCode)}
	for _, d := range answer.Errors {
		parts = append(parts, strings.TrimSuffix(string(d.Code)+": "+d.Message, ": "))
	}
	return line(strings.Join(parts, ", "))
}

// line makes foreign text fit into a message.
func line(text string) string { return printable.Fold(text, 200) }

// cause is the innermost text of a failed request. A *url.Error would tell the
// whole URL, whose query holds signatures where blobs lie in cloud storage; an
// *fs.PathError the path of a layout, which may be a temporary one.
func cause(err error) string {
	for {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		} else if f, ok := errors.AsType[*fs.PathError](err); ok {
			err = f.Err
		} else {
			return line(err.Error())
		}
	}
}

func login(host string) string {
	if host == name.DefaultRegistry {
		return "docker login"
	}
	return "docker login " + host
}

func isNetwork(err error) bool {
	var u *url.Error
	var n net.Error
	return errors.As(err, &u) || errors.As(err, &n) || broken(err)
}

// broken says that the conversation broke off.
func broken(err error) bool {
	return slices.ContainsFunc([]error{io.ErrUnexpectedEOF, io.EOF, syscall.EPIPE, syscall.ECONNRESET, net.ErrClosed},
		func(target error) bool { return errors.Is(err, target) })
}

// temporary says that the same request may succeed soon. A refused connection or
// an unknown host does not get better within seconds.
func temporary(err error) bool {
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		switch answer.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return false
	}
	var n net.Error
	return broken(err) || (errors.As(err, &n) && n.Timeout())
}
