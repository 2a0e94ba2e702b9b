package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// limited says that GitHub asks to come back later; the request had no effect.
type limited struct {
	wait time.Duration
}

func (l *limited) Error() string {
	return fmt.Sprintf("GitHub limits how often this token may ask, and says to wait %s", l.wait.Round(time.Second))
}

// problem is the body of GitHub's errors. The elements of errors are objects or,
// in one form of 422, sentences.
type problem struct {
	Message string            `json:"message"`
	Errors  []json.RawMessage `json:"errors"`
	Docs    string            `json:"documentation_url"`
}

// readLimit judges whether an answer is one of the forms in which GitHub limits: 403
// or 429 for the hour's requests and for bursts (docs.github.com/rest, "Rate
// limits"), or 422 with the code "abuse" for content made too fast
// (github.com/paranext/paranext-core/issues/2659). A 403 may as well be about permissions.
func readLimit(answer *http.Response) *limited {
	switch answer.StatusCode {
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusUnprocessableEntity:
	default:
		return nil
	}
	body := peek(answer)
	var p problem
	_ = json.Unmarshal(body, &p) // what is no JSON has no message
	text := strings.ToLower(p.Message + " " + p.Docs)
	named := strings.Contains(text, "rate limit") || strings.Contains(text, "rate-limit") || strings.Contains(text, "abuse")
	retry, told := retryAfter(answer.Header)
	switch {
	case answer.StatusCode == http.StatusUnprocessableEntity && !hasCode(p.Errors, "abuse"):
		return nil
	case answer.StatusCode == http.StatusForbidden && !named && !told:
		return nil
	case told:
		return &limited{retry}
	case answer.Header.Get("X-Ratelimit-Remaining") == "0":
		if reset, err := strconv.ParseInt(answer.Header.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
			return &limited{max(time.Until(time.Unix(reset, 0)), time.Second)}
		}
	}
	return &limited{blindWait}
}

// retryAfter reads the header in both of its forms (RFC 9110, 10.2.3).
func retryAfter(h http.Header) (time.Duration, bool) {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 86400)) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), 0), true
	}
	return 0, false
}

func hasCode(errors []json.RawMessage, code string) bool {
	for _, raw := range errors {
		var e struct {
			Code string `json:"code"`
		}
		if json.Unmarshal(raw, &e) == nil && e.Code == code {
			return true
		}
	}
	return false
}
