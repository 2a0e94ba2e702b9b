package githubtest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/openapi"
)

func TestTokensOpenWhatTheirPermissionsSay(t *testing.T) {
	const private = "acme/secret"
	s, number := start(t, githubtest.Options{})
	s.AddRepository(githubtest.Repository{Name: private, Private: true})
	sha := s.Commit(private, "main", githubtest.Commit{Files: map[string]string{"a": "a"}})
	type permissions = map[githubtest.Permission]githubtest.Access
	for secret, p := range map[string]permissions{
		"none":   nil,
		"reader": {githubtest.PullRequests: githubtest.Read, githubtest.Contents: githubtest.Read},
		"issues": {githubtest.Issues: githubtest.Write},
		"writer": {githubtest.PullRequests: githubtest.Write},
	} {
		s.AddToken(githubtest.GitHubToken(secret, repo, p))
	}
	s.AddToken(githubtest.GitHubToken("blind", private, nil))
	s.AddToken(githubtest.Token{Secret: "user", Identity: githubtest.Mallory})
	comment := func(c *github.Client) (*github.Response, error) {
		_, response, err := c.Issues.CreateComment(t.Context(), owner, name, number, &github.IssueComment{Body: new("hello")})
		return response, err
	}
	read := func(c *github.Client) (*github.Response, error) {
		_, response, err := c.Issues.ListComments(t.Context(), owner, name, number, nil)
		return response, err
	}
	hidden := func(c *github.Client) (*github.Response, error) {
		_, _, response, err := c.Repositories.GetContents(t.Context(), owner, "secret", "a", &github.RepositoryContentGetOptions{Ref: sha})
		return response, err
	}
	self := func(c *github.Client) (*github.Response, error) {
		_, response, err := c.Users.Get(t.Context(), "")
		return response, err
	}
	const resource = "Resource not accessible by integration"
	for _, test := range []struct {
		secret  string
		do      func(*github.Client) (*github.Response, error)
		status  int
		message string
		accepts string
	}{
		{"none", read, 200, "", ""},
		{"none", comment, 403, resource, "issues=write; pull_requests=write"},
		{"reader", comment, 403, resource, "issues=write; pull_requests=write"},
		{"issues", comment, 403, resource, "issues=write; pull_requests=write"},
		{"writer", comment, 201, "", ""},
		{"user", comment, 403, "Resource not accessible by personal access token", "issues=write; pull_requests=write"},
		{"", comment, 401, "Requires authentication", ""},
		{"", read, 200, "", ""},
		{"wrong", read, 401, "Bad credentials", ""},
		{"writer", hidden, 404, "Not Found", ""},
		{"blind", hidden, 403, resource, "contents=read"},
		{"writer", self, 403, resource, ""},
		{"user", self, 200, "", ""},
	} {
		response, err := test.do(client(t, s, test.secret))
		if test.status >= 400 {
			code, message := status(t, err)
			if code != test.status || message != test.message || response.Header.Get("X-Accepted-GitHub-Permissions") != test.accepts {
				t.Errorf("%q: %d %q %q, want %+v", test.secret, code, message, response.Header.Get("X-Accepted-GitHub-Permissions"), test)
			}
		} else if err != nil || response.StatusCode != test.status {
			t.Errorf("%q: %v", test.secret, err)
		}
	}
}

func TestRefusalsLookLikeGitHubs(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	s.AddToken(githubtest.GitHubToken("none", repo, nil))
	code, body := raw(t, s, "none", http.MethodPost, fmt.Sprintf("/repos/%s/issues/%d/comments", repo, number), `{"body":"x"}`)
	want := `{"documentation_url":"https://docs.github.com/rest/issues/comments#create-an-issue-comment","message":"Resource not accessible by integration","status":"403"}`
	if code != 403 || body != want {
		t.Errorf("%d %s", code, body)
	}
}

func TestListsComeInPages(t *testing.T) {
	s, number := start(t, githubtest.Options{Prefix: "/api/v3"})
	var want []int64
	for i := range 205 {
		want = append(want, s.AddComment(repo, number, githubtest.Mallory, strconv.Itoa(i)))
	}
	c := client(t, s, "secret")
	for _, test := range []struct{ perPage, pages int }{{0, 7}, {100, 3}, {50, 5}} {
		var got []int64
		options := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: test.perPage}}
		pages := 0
		for {
			list, response, err := c.Issues.ListComments(t.Context(), owner, name, number, options)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			for _, comment := range list {
				got = append(got, comment.GetID())
			}
			if options.Page = response.NextPage; options.Page == 0 {
				break
			}
			if response.LastPage != test.pages {
				t.Errorf("the last page is %d", response.LastPage)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || pages != test.pages {
			t.Errorf("%d per page: %d pages of %d comments", test.perPage, pages, len(got))
		}
	}
	if _, body := raw(t, s, "secret", http.MethodGet, fmt.Sprintf("/repos/%s/issues/%d/comments?per_page=1000", repo, number), ""); strings.Count(body, `"issue_url"`) != 100 {
		t.Error("more than 100 in a page")
	}
	if len(s.Violations()) != 0 {
		t.Error("asking for too many is no violation: the description names no maximum")
	}
}

func TestAnEditMovesTheTimeOfACommentAndNothingElse(t *testing.T) {
	at := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	s, number := start(t, githubtest.Options{Now: func() time.Time { return at }})
	id := s.AddComment(repo, number, githubtest.Actions, "one")
	s.AddComment(repo, number, githubtest.Mallory, "between")
	at = at.Add(time.Minute)
	c := client(t, s, "secret")
	edited, _, err := c.Issues.EditComment(t.Context(), owner, name, id, &github.IssueComment{Body: new("two")})
	if err != nil || !edited.GetUpdatedAt().Time.Equal(at) || !edited.GetCreatedAt().Time.Equal(at.Add(-time.Minute)) {
		t.Errorf("%v, %v", edited, err)
	}
	list, _, err := c.Issues.ListComments(t.Context(), owner, name, number, nil)
	if err != nil || len(list) != 2 || list[0].GetID() != id {
		t.Errorf("%v, %v", list, err)
	}
	list, _, err = c.Issues.ListComments(t.Context(), owner, name, number, &github.IssueListCommentsOptions{Since: &at})
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestALockedConversationTakesNoComments(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	id := s.AddComment(repo, number, githubtest.Actions, "before")
	s.Update(repo, number, func(p *githubtest.PullRequest) { p.Locked = true })
	c := client(t, s, "secret")
	_, _, err := c.Issues.CreateComment(t.Context(), owner, name, number, &github.IssueComment{Body: new("x")})
	if code, message := status(t, err); code != 403 || message != "Unable to create comment because issue is locked." {
		t.Error(err)
	}
	_, _, err = c.Issues.EditComment(t.Context(), owner, name, id, &github.IssueComment{Body: new("x")})
	if code, _ := status(t, err); code != 403 {
		t.Error(err)
	}
}

func TestALockedConversationTakesNoReviews(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	s.Update(repo, number, func(p *githubtest.PullRequest) { p.Locked = true })
	_, _, err := client(t, s, "secret").PullRequests.CreateReview(t.Context(), owner, name, number, &github.PullRequestReviewRequest{Event: new("COMMENT"), Body: new("b")})
	if code, _ := status(t, err); code != http.StatusForbidden {
		t.Error(err)
	}
}

func TestBlankAndBrokenBodiesAreRefused(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	path := fmt.Sprintf("/repos/%s/issues/%d/comments", repo, number)
	for body, want := range map[string]int{`{"body":" \n"}`: 422, `{"body":`: 400, `{}`: 422, `{"body":"x","event":"y"}`: 201} {
		if code, _ := raw(t, s, "secret", http.MethodPost, path, body); code != want {
			t.Errorf("%s: %d, want %d", body, code, want)
		}
	}
	if got := s.Violations(); len(got) != 3 {
		t.Errorf("violations: %q", got)
	}
}

func TestRequestsThatTheDescriptionDoesNotAllowAreViolations(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	for _, path := range []string{
		fmt.Sprintf("/repos/%s/pulls/%d?expand=all", repo, number), // no such parameter
		"/repos/" + repo + "/pulls?state=ajar",                     // no such state
		"/repos/" + repo + "/branches",                             // not served
	} {
		raw(t, s, "secret", http.MethodGet, path, "")
		if got := s.Violations(); len(got) != 1 {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestAllThatTheSliceHoldsIsServed(t *testing.T) {
	s, _ := start(t, githubtest.Options{})
	all, err := openapi.Operations()
	if err != nil || len(all) < 20 {
		t.Fatalf("%q, %v", all, err)
	}
	parameter := strings.NewReplacer("{owner}", owner, "{repo}", name, "{", "", "}", "")
	for _, operation := range all {
		method, path, _ := strings.Cut(operation, " ")
		raw(t, s, "secret", method, parameter.Replace(path), "")
		for _, violation := range s.Violations() {
			if strings.Contains(violation, "is not served") {
				t.Error(violation)
			}
		}
	}
}

func TestAForksCommitsBelongToNoPullRequestOfTheBase(t *testing.T) {
	s, own := start(t, githubtest.Options{})
	s.AddRepository(githubtest.Repository{Name: "mallory/app", Fork: repo})
	c := client(t, s, "secret")
	ours, _, err := c.PullRequests.Get(t.Context(), owner, name, own)
	if err != nil {
		t.Fatal(err)
	}
	sha := s.Commit("mallory/app", "evil", githubtest.Commit{Parents: []string{ours.GetBase().GetSHA()}, Files: map[string]string{"Dockerfile": "FROM evil\n"}})
	fork := s.Open(githubtest.PullRequest{
		Author: githubtest.Mallory,
		Head:   githubtest.End{Repository: "mallory/app", Branch: "evil"}, Base: githubtest.End{Repository: repo, Branch: "main"},
	})
	for commit, want := range map[string]int{ours.GetHead().GetSHA(): 1, sha: 0, ours.GetBase().GetSHA(): 0} {
		found, _, err := c.PullRequests.ListPullRequestsWithCommit(t.Context(), owner, name, commit, nil)
		if err != nil || len(found) != want {
			t.Errorf("%d pull requests with %s, want %d: %v", len(found), commit, want, err)
		}
	}
	found, _, err := c.PullRequests.List(t.Context(), owner, name, &github.PullRequestListOptions{State: "open", Head: "mallory:evil"})
	if err != nil || len(found) != 1 || found[0].GetHead().GetSHA() != sha || found[0].GetNumber() != fork {
		t.Errorf("%v, %v", found, err)
	}
	s.Update(repo, fork, func(p *githubtest.PullRequest) { p.HeadGone = true })
	gone, _, err := c.PullRequests.Get(t.Context(), owner, name, fork)
	if err != nil || gone.GetHead().Repo != nil {
		t.Errorf("%v, %v", gone.GetHead(), err)
	}
}

func TestATokenRunsOutOfRequests(t *testing.T) {
	s, number := start(t, githubtest.Options{RateLimit: 2})
	c := client(t, s, "secret")
	for i := range 3 {
		_, response, err := c.PullRequests.Get(t.Context(), owner, name, number)
		if i < 2 {
			if err != nil || response.Rate.Remaining != 1-i {
				t.Errorf("%d: %+v, %v", i, response.Rate, err)
			}
			continue
		}
		if _, ok := err.(*github.RateLimitError); !ok { //nolint:errorlint // its exact type is the test
			t.Errorf("%T %v", err, err)
		}
	}
}
