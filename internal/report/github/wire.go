package github

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// What GitHub asks of clients: docs.github.com/rest/using-the-rest-api, "Best
// practices" (serial, a second between writes) and "Rate limits" (Retry-After, the
// reset time, else a minute at least).
const (
	writeGap   = time.Second
	blindWait  = time.Minute // where a limit does not say how long
	waitBudget = time.Minute // all waiting of one client: a gate is not worth more
	tries      = 3           // of a request that may be repeated
	// maxRequests is what one run may ask of the API. GITHUB_TOKEN has 1,000 an hour
	// for the whole repository.
	maxRequests = 25
	// maxBody holds a page of a hundred comments of 262,144 bytes, escaped.
	maxBody = 64 << 20
	// maxProblem is how much of an answer is read to know what went wrong.
	maxProblem = 64 << 10
	// answerWithin bounds the time from a request to the head of its answer.
	answerWithin = 10 * time.Second
)

// wire is the way that every request takes: one at a time, not too fast, not too
// many, and with the token only where it belongs.
type wire struct {
	base  http.RoundTripper
	homes []*url.URL // the API and its GraphQL: their hosts alone get the token
	token string
	agent string

	sleep func(context.Context, time.Duration) error // tests do not wait
	turn  chan struct{}                              // holds one value while nobody asks

	mu       sync.Mutex
	written  time.Time // when the last write was answered
	waited   time.Duration
	requests int
}

func newWire(base http.RoundTripper, homes []*url.URL, token, agent string) *wire {
	w := &wire{base: base, homes: homes, token: token, agent: agent, sleep: sleep, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// home says that a request goes where the token may go: same scheme, host and port.
func (w *wire) home(u *url.URL) bool {
	for _, h := range w.homes {
		if h.Scheme == u.Scheme && h.Host == u.Host {
			return true
		}
	}
	return false
}

// RoundTrip implements http.RoundTripper. An answer that only says "slower" becomes
// an error when it cannot be waited for; go-github 60 knows just one form of it.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-w.turn:
		defer func() { w.turn <- struct{}{} }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	write := r.Method != http.MethodGet && r.Method != http.MethodHead && !isQuery(r.Context())
	slowed := false
	for try := 1; ; try++ {
		answer, err := w.once(r, write)
		again, wait := false, time.Duration(0)
		if limit, ok := errors.AsType[*limited](err); ok {
			// Refused is not accepted: even a write may come again, once.
			again, wait, slowed = !slowed, limit.wait, true
		} else if !write && try < tries && mayRecover(r.Context(), answer, err) {
			again, wait = true, time.Duration(try)*time.Second/2+rand.N(time.Second/2) //nolint:gosec // spreads load, hides nothing
		}
		again = again && (r.Body == nil || r.GetBody != nil)
		if !again || w.rest(r.Context(), wait) != nil {
			return answer, err
		}
		if answer != nil {
			answer.Body.Close()
		}
	}
}

// mayRecover says that a reading request is worth another try.
func mayRecover(ctx context.Context, answer *http.Response, err error) bool {
	if ctx.Err() != nil || errors.Is(err, errTooMany) {
		return false
	}
	return err != nil || answer.StatusCode >= 500
}

// once sends a request and reads what kind of answer came.
func (w *wire) once(r *http.Request, write bool) (*http.Response, error) {
	if write {
		if wait := writeGap - time.Since(w.written); wait > 0 {
			if err := w.pause(r.Context(), wait); err != nil {
				return nil, err
			}
		}
		defer func() { w.written = time.Now() }()
	}
	out := r.Clone(r.Context())
	if r.Body != nil && r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	out.Header.Set("User-Agent", w.agent)
	for _, secret := range []string{"Authorization", "Cookie"} {
		out.Header.Del(secret)
	}
	if w.home(out.URL) {
		if err := w.count(); err != nil {
			return nil, err
		}
		if w.token != "" {
			out.Header.Set("Authorization", "Bearer "+w.token)
		}
	}
	answer, err := w.base.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	if limit := readLimit(answer); limit != nil {
		answer.Body.Close()
		return nil, limit
	}
	// go-github keeps count of these by itself and would then refuse to ask.
	for _, name := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
		answer.Header.Del(name)
	}
	if !isStream(r.Context()) || answer.StatusCode >= 300 {
		answer.Body = &bounded{ReadCloser: answer.Body, left: maxBody}
	}
	return answer, nil
}

func (w *wire) count() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.requests >= maxRequests {
		return errTooMany
	}
	w.requests++
	return nil
}

// rest waits when there is time for it; an error says that there is not.
func (w *wire) rest(ctx context.Context, d time.Duration) error {
	if w.waited+d > waitBudget {
		return errNoTime
	}
	w.waited += d
	return w.pause(ctx, d)
}

// pause waits, unless ctx ends before: then not at all.
func (w *wire) pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return errNoTime
	}
	return w.sleep(ctx, d)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

var (
	errTooMany  = errors.New("this run has asked GitHub 25 times already, which is all that one run may")
	errNoTime   = errors.New("there is no time to wait")
	errTooLarge = errors.New("the answer is larger than 64 MiB")
)

// bounded fails where a body is longer than anything that GitHub sends.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// peek reads the start of an answer's body and puts it back.
func peek(answer *http.Response) []byte {
	start, err := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	rest := io.Reader(answer.Body)
	if err != nil {
		rest = failing{err}
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(start), rest), answer.Body}
	return start
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type contextKey int

const (
	queryKey  contextKey = iota // a POST that only asks: GraphQL
	streamKey                   // the body is as long as it is, and may come from another host
)

func isQuery(ctx context.Context) bool  { return ctx.Value(queryKey) != nil }
func isStream(ctx context.Context) bool { return ctx.Value(streamKey) != nil }

// redirect decides where the token's owner is sent. A write that comes back as a GET
// would look like a success, and an answer from elsewhere is not GitHub's.
func (w *wire) redirect(next *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 5:
		return errors.New("redirected five times")
	case next.Method != via[0].Method:
		return errors.New("redirected in a way that loses what was sent; the repository may have been renamed")
	case w.home(next.URL):
		return nil
	case !isStream(next.Context()):
		return errors.New("redirected to another host, which gets neither the token nor the request")
	case next.URL.Scheme != "https" && via[0].URL.Scheme == "https":
		return errors.New("redirected away from https")
	default:
		return nil
	}
}
