package openapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/openapi"
)

const comments = "/repos/{owner}/{repo}/issues/{issue_number}/comments"

func TestAnEmptyAnswerIsFilledUntilTheDescriptionAllowsIt(t *testing.T) {
	for path, method := range map[string]string{
		"/repos/{owner}/{repo}":                                       "GET",
		"/repos/{owner}/{repo}/pulls/{pull_number}":                   "GET",
		"/repos/{owner}/{repo}/commits/{ref}":                         "GET",
		"/repos/{owner}/{repo}/issues/comments/{comment_id}":          "PATCH",
		"/repos/{owner}/{repo}/check-runs/{check_run_id}":             "PATCH",
		"/repos/{owner}/{repo}/pulls/{pull_number}/reviews":           "POST",
		"/repos/{owner}/{repo}/pulls/comments/{comment_id}":           "DELETE",
		"/repos/{owner}/{repo}/compare/{basehead}":                    "GET",
		"/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations": "GET",
	} {
		o, err := openapi.Lookup(method, path)
		if err != nil {
			t.Fatal(err)
		}
		var empty any = map[string]any{}
		if strings.HasSuffix(path, "annotations") {
			empty = []any{map[string]any{}}
		}
		if bare := o.Answer(http.StatusOK, empty); bare == nil && method != "DELETE" {
			t.Errorf("%s %s: nothing is required", method, path)
		}
		filled, err := o.Fill(http.StatusOK, empty)
		if err == nil {
			err = o.Answer(http.StatusOK, filled)
		}
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
	}
}

func TestRequestsAreHeldAgainstTheDescription(t *testing.T) {
	o, err := openapi.Lookup("POST", comments)
	if err != nil {
		t.Fatal(err)
	}
	params := map[string]string{"owner": "acme", "repo": "app", "issue_number": "1"}
	for _, test := range []struct{ query, body, want string }{
		{"", `{"body":"x"}`, ""},
		{"", `{"body":1}`, "/body: value must be a string"},
		{"", `{}`, `/body: property "body" is missing`},
		{"", `{"body":"x","boby":"y"}`, `no key "boby"`},
		{"?page=1", `{"body":"x"}`, `no parameter "page"`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+test.query, nil)
		r.Header.Set("Content-Type", "application/json")
		switch err := o.Request(t.Context(), r, params, []byte(test.body)); {
		case err == nil && test.want != "", err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s %s: %v", test.query, test.body, err)
		}
	}
	params["issue_number"] = "one"
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Header.Set("Content-Type", "application/json")
	if err := o.Request(t.Context(), r, params, []byte(`{"body":"x"}`)); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
	if _, err := openapi.Lookup("GET", "/zen"); err == nil {
		t.Error("found what the slice lacks")
	}
}
