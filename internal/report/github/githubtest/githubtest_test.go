package githubtest_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

const (
	owner = "acme"
	name  = "app"
	repo  = owner + "/" + name
)

var everything = map[githubtest.Permission]githubtest.Access{
	githubtest.Contents: githubtest.Read, githubtest.PullRequests: githubtest.Write,
	githubtest.Checks: githubtest.Write, githubtest.SecurityEvents: githubtest.Write,
}

// start runs a GitHub with a repository, a pull request and a token "secret".
func start(t *testing.T, o githubtest.Options) (*githubtest.Server, int) {
	t.Helper()
	s := githubtest.Start(t, o)
	s.AddRepository(githubtest.Repository{Name: repo})
	s.AddToken(githubtest.GitHubToken("secret", repo, everything))
	s.Commit(repo, "main", githubtest.Commit{Files: map[string]string{"Dockerfile": "FROM scratch\n", "docs/a.md": "a\n"}})
	base := s.Commit(repo, "main", githubtest.Commit{Files: map[string]string{"Dockerfile": "FROM scratch\nUSER 1\n", "docs/a.md": "a\n"}})
	s.Commit(repo, "change", githubtest.Commit{Parents: []string{base}, Files: map[string]string{"Dockerfile": "FROM scratch\nUSER 0\n", "docs/a.md": "a\n"}})
	number := s.Open(githubtest.PullRequest{
		Head: githubtest.End{Repository: repo, Branch: "change"}, Base: githubtest.End{Repository: repo, Branch: "main"},
	})
	return s, number
}

func client(t *testing.T, s *githubtest.Server, secret string) *github.Client {
	t.Helper()
	c := github.NewClient(nil)
	if secret != "" {
		c = c.WithAuthToken(secret)
	}
	base, err := url.Parse(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	c.BaseURL = base
	return c
}

// status of a go-github error and its message.
func status(t *testing.T, err error) (int, string) {
	t.Helper()
	if e, ok := errors.AsType[*github.ErrorResponse](err); ok {
		message := []string{e.Message}
		for _, detail := range e.Errors {
			message = append(message, detail.Code+" "+detail.Field+" "+detail.Message)
		}
		return e.Response.StatusCode, strings.Join(message, "; ")
	}
	t.Fatalf("not an answer of GitHub: %v", err)
	return 0, ""
}

func TestCommentsAreWrittenReadEditedAndDeleted(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	c := client(t, s, "secret")
	made, _, err := c.Issues.CreateComment(t.Context(), owner, name, number, &github.IssueComment{Body: new("one")})
	if err != nil {
		t.Fatal(err)
	}
	if made.GetUser().GetLogin() != "github-actions[bot]" || made.GetUser().GetType() != "Bot" {
		t.Errorf("written by %v", made.GetUser())
	}
	if _, _, err := c.Issues.EditComment(t.Context(), owner, name, made.GetID(), &github.IssueComment{Body: new("two")}); err != nil {
		t.Fatal(err)
	}
	list, _, err := c.Issues.ListComments(t.Context(), owner, name, number, nil)
	if err != nil || len(list) != 1 || list[0].GetBody() != "two" {
		t.Errorf("listed %v, %v", list, err)
	}
	if _, err := c.Issues.DeleteComment(t.Context(), owner, name, made.GetID()); err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Issues.EditComment(t.Context(), owner, name, made.GetID(), &github.IssueComment{Body: new("three")})
	if code, _ := status(t, err); code != http.StatusNotFound {
		t.Errorf("editing a deleted comment: %v", err)
	}
	if got := len(s.Writes()); got != 4 || s.Requests() != 5 {
		t.Errorf("%d writes of %d requests", got, s.Requests())
	}
}

func TestPullRequestsAreReadAndListed(t *testing.T) {
	s, number := start(t, githubtest.Options{Prefix: "/api/v3"})
	c := client(t, s, "secret")
	p, _, err := c.PullRequests.Get(t.Context(), owner, name, number)
	if err != nil || p.GetHead().GetRef() != "change" || p.GetHead().GetRepo().GetFullName() != repo {
		t.Errorf("%v, %v", p, err)
	}
	if _, _, err := c.Repositories.Get(t.Context(), owner, name); err != nil {
		t.Error(err)
	}
	list, _, err := c.PullRequests.List(t.Context(), owner, name, &github.PullRequestListOptions{Head: "acme:change", State: "open"})
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestLongCommentsAreRefusedInBothShapes(t *testing.T) {
	for shape, want := range map[githubtest.TooLong]string{
		githubtest.TooLongUnprocessable: "unprocessable data Body is too long",
		githubtest.TooLongCustom:        "custom body body is too long",
	} {
		s, number := start(t, githubtest.Options{TooLong: shape})
		c := client(t, s, "secret")
		body := strings.Repeat("\U0001f6a2", githubtest.MaxComment/2) // two units each
		if _, _, err := c.Issues.CreateComment(t.Context(), owner, name, number, &github.IssueComment{Body: &body}); err != nil {
			t.Error(err)
		}
		body += "x"
		_, _, err := c.Issues.CreateComment(t.Context(), owner, name, number, &github.IssueComment{Body: &body})
		if code, message := status(t, err); code != 422 || !strings.Contains(message, want) {
			t.Errorf("%v", err)
		}
	}
}

// raw asks without a client and returns the status and body.
func raw(t *testing.T, s *githubtest.Server, secret, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}
