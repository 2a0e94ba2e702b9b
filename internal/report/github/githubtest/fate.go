package githubtest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fate is what becomes of a request. The zero value serves it.
type Fate struct {
	// Wait holds the request until it is closed, before anything happens.
	Wait <-chan struct{}
	// Delay is how long the answer takes.
	Delay time.Duration
	// Status answers with this status, Header and Body instead of serving; 0 does not.
	Status int
	Header http.Header
	Body   string
	// After serves first, so that the effect is there though the client is told
	// Status, or nothing.
	After bool
	// Drop breaks the connection: before serving, or with After behind it. Go's
	// own client asks once more by itself when a GET on a used connection is dropped.
	Drop bool
	// Hang says nothing until the client goes away.
	Hang bool
	// Cut sends this many bytes of the answer's body and breaks the connection; 0 does not.
	Cut int
	// Served is called once the request has been served, before the answer leaves.
	Served func()
	// Hold keeps the answer back until it is closed.
	Hold <-chan struct{}
}

// PrimaryLimit is the answer of a token whose requests of this hour are used up.
func PrimaryLimit(reset time.Time) Fate {
	return Fate{
		Status: http.StatusForbidden,
		Header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Limit": {"1000"}, "X-Ratelimit-Reset": {strconv.FormatInt(reset.Unix(), 10)}},
		Body:   problem("API rate limit exceeded for installation ID 1.", limitDocs, http.StatusForbidden),
	}
}

// TooManyRequests is the other status of a limit; after is what Retry-After says.
func TooManyRequests(after time.Duration) Fate {
	return Fate{
		Status: http.StatusTooManyRequests,
		Header: http.Header{"Retry-After": {strconv.Itoa(int(after.Seconds()))}},
		Body:   problem("API rate limit exceeded for installation ID 1.", limitDocs, http.StatusTooManyRequests),
	}
}

// SecondaryLimit is what a client gets that asks too fast. With after 0 it is not
// told how long to wait.
func SecondaryLimit(after time.Duration) Fate {
	f := Fate{
		Status: http.StatusForbidden,
		Body:   problem("You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", secondaryDocs, http.StatusForbidden),
	}
	if after > 0 {
		f.Header = http.Header{"Retry-After": {strconv.Itoa(int(after.Seconds()))}}
	}
	return f
}

// Abuse is the third dress of the secondary limit, a 422 for content made too fast.
func Abuse() Fate {
	return Fate{Status: http.StatusUnprocessableEntity, Body: encode(map[string]any{
		"message":           "Validation Failed",
		"errors":            []any{map[string]any{"resource": "IssueComment", "code": "abuse", "field": "data", "message": "was submitted too quickly"}},
		"documentation_url": "https://docs.github.com/rest/issues/comments#create-an-issue-comment",
		"status":            "422",
	})}
}

// GraphQLLimit is the limit as GraphQL tells it: 200 with an error.
func GraphQLLimit() Fate {
	return Fate{Status: http.StatusOK, Body: encode(map[string]any{
		"errors": []any{map[string]any{"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation ID 1."}},
	})}
}

// Unavailable is a 502 with GitHub's page for people; after says that the request was served all the same.
func Unavailable(after bool) Fate {
	return Fate{
		Status: http.StatusBadGateway, After: after, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body: "<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head><body><p>We had issues producing the response to your request.</p></body></html>\n",
	}
}

// NotJSON answers 200 with something that cannot be read.
func NotJSON() Fate { return Fate{Status: http.StatusOK, Body: `{"id": 1, "body": "`} }

// Huge answers 200 with a list of n bytes.
func Huge(n int) Fate {
	return Fate{Status: http.StatusOK, Body: "[" + strings.Repeat(" ", max(0, n-2)) + "]"}
}

// Rendezvous lets n requests that match be served and lets none of their answers
// leave before all were, so that n clients see the same state. Later ones pass.
func Rendezvous(n int, match func(*http.Request) bool) func(int, *http.Request) Fate {
	var mu sync.Mutex
	asked, served, all := 0, 0, make(chan struct{})
	return func(_ int, r *http.Request) Fate {
		mu.Lock()
		defer mu.Unlock()
		if asked == n || !match(r) {
			return Fate{}
		}
		asked++
		return Fate{Hold: all, Served: func() {
			mu.Lock()
			defer mu.Unlock()
			if served++; served == n {
				close(all)
			}
		}}
	}
}

// Match reports requests with this method whose path ends so.
func Match(method, suffix string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, suffix) }
}

// meet does what fate says, and returns false to break the connection. It records
// the status first, 0 for none.
func meet(w http.ResponseWriter, r *http.Request, fate Fate, serve func(http.ResponseWriter), record func(status int)) bool {
	served, ok := decide(r, fate, serve)
	if !ok {
		record(0)
		return false
	}
	content := served.Body.Bytes()
	maps.Copy(w.Header(), served.Header())
	if served.Code != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	}
	if fate.Cut > 0 {
		record(0)
		w.WriteHeader(served.Code)
		_, _ = w.Write(content[:min(fate.Cut, len(content))])
		_ = http.NewResponseController(w).Flush()
		return false
	}
	record(served.Code)
	w.WriteHeader(served.Code)
	_, _ = w.Write(content)
	return true
}

// decide serves or not, waits as told, and returns the answer to give; none is not ok.
func decide(r *http.Request, fate Fate, serve func(http.ResponseWriter)) (*httptest.ResponseRecorder, bool) {
	if !wait(r, fate.Wait) {
		return nil, false
	}
	served := httptest.NewRecorder()
	if told := fate.Status != 0 || fate.Drop || fate.Hang; !told || fate.After {
		serve(served)
	}
	if fate.Served != nil {
		fate.Served()
	}
	if !wait(r, fate.Hold) {
		return nil, false
	}
	if fate.Delay > 0 {
		select {
		case <-time.After(fate.Delay):
		case <-r.Context().Done():
			return nil, false
		}
	}
	switch {
	case fate.Hang:
		<-r.Context().Done()
		return nil, false
	case fate.Drop:
		return nil, false
	case fate.Status != 0:
		served = httptest.NewRecorder()
		served.Header().Set("Content-Type", "application/json; charset=utf-8")
		maps.Copy(served.Header(), fate.Header)
		served.WriteHeader(fate.Status)
		served.Body.WriteString(fate.Body)
	}
	return served, true
}

// wait returns false when the client went away first.
func wait(r *http.Request, c <-chan struct{}) bool {
	if c == nil {
		return true
	}
	select {
	case <-c:
		return true
	case <-r.Context().Done():
		return false
	}
}

const (
	limitDocs     = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
	secondaryDocs = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
)

// problem is the body of most errors.
func problem(message, docs string, status int) string {
	return encode(map[string]any{"message": message, "documentation_url": docs, "status": strconv.Itoa(status)})
}
