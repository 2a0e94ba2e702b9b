package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// refusedError is an engine that does not hand a connection over.
type refusedError struct {
	path    string
	status  int
	message string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("the engine refused %s: %s (%d)", e.path, e.message, e.status)
}

// maxMessage is how much of an answer that says no is read, in bytes.
const maxMessage = 4096

func refusal(path string, response *http.Response) error {
	refused := &refusedError{path: path, status: response.StatusCode, message: http.StatusText(response.StatusCode)}
	var said struct {
		Message string `json:"message"`
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxMessage))
	if err == nil && json.Unmarshal(raw, &said) == nil && said.Message != "" {
		refused.message = said.Message
	}
	return refused
}

// BuildKit opens the stream that carries gRPC to the engine's own BuildKit, as
// docker buildx does (POST /grpc; Docker 18.09 and newer). An engine without one,
// such as Podman, is a *build.UnavailableError.
func (e *Engine) BuildKit(ctx context.Context) (net.Conn, error) {
	waiting, cancel := e.short(ctx)
	defer cancel()
	conn, err := e.endpoint.hijack(waiting, "/grpc", "h2c", nil)
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return nil, &build.UnavailableError{
			Cause:   "the engine has no BuildKit (" + refused.Error() + ")",
			WaysOut: []string{"use Docker 18.09 or newer"},
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to the engine's BuildKit: %w", err)
	}
	return conn, nil
}

// Session opens the stream of a session (POST /session), by which the engine's
// BuildKit reads the context, secrets and credentials from us. Its signature is
// that of build.Connection's Session.
func (e *Engine) Session(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
	waiting, cancel := e.short(ctx)
	defer cancel()
	conn, err := e.endpoint.hijack(waiting, "/session", proto, meta)
	if err != nil {
		return nil, fmt.Errorf("opening a session with the engine's BuildKit: %w", err)
	}
	return conn, nil
}

// HasBuildKit says whether this engine has a BuildKit, by asking for it: nil, or
// a *build.UnavailableError.
func (e *Engine) HasBuildKit(ctx context.Context) error {
	conn, err := e.BuildKit(ctx)
	if err != nil {
		return err
	}
	return closed(conn)
}
