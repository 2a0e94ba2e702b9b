package githubtest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

func annotations(n int) []*github.CheckRunAnnotation {
	var all []*github.CheckRunAnnotation
	for i := range n {
		all = append(all, &github.CheckRunAnnotation{
			Path: new("Dockerfile"), StartLine: new(i + 1), EndLine: new(i + 1),
			AnnotationLevel: new("warning"), Message: new("m"),
		})
	}
	return all
}

func output(summary string, n int) *github.CheckRunOutput {
	return &github.CheckRunOutput{Title: new("title"), Summary: &summary, Annotations: annotations(n)}
}

func TestCheckRunsTakeFiftyAnnotationsAtATimeAndKeepAll(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	c := client(t, s, "secret")
	p, _, err := c.PullRequests.Get(t.Context(), owner, name, number)
	if err != nil {
		t.Fatal(err)
	}
	create := github.CreateCheckRunOptions{Name: "gate", HeadSHA: p.GetHead().GetSHA(), Output: output("s", 51)}
	_, _, err = c.Checks.CreateCheckRun(t.Context(), owner, name, create)
	if code, message := status(t, err); code != 422 || !strings.Contains(message, "No more than 50 items are allowed; 51 were supplied.") {
		t.Error(err)
	}
	if got := s.Violations(); len(got) != 1 {
		t.Errorf("51 annotations are also against the description: %q", got)
	}
	create.Output = output("s", 50)
	run, _, err := c.Checks.CreateCheckRun(t.Context(), owner, name, create)
	if err != nil {
		t.Fatal(err)
	}
	update := github.UpdateCheckRunOptions{Name: "gate", Conclusion: new("failure"), Output: output("t", 10)}
	if _, _, err := c.Checks.UpdateCheckRun(t.Context(), owner, name, run.GetID(), update); err != nil {
		t.Fatal(err)
	}
	update.Output = output(strings.Repeat("x", 65_536), 0)
	_, _, err = c.Checks.UpdateCheckRun(t.Context(), owner, name, run.GetID(), update)
	if code, message := status(t, err); code != 422 || !strings.Contains(message, "Only 65535 characters are allowed; 65536 were supplied.") {
		t.Error(err)
	}
	s.Violations()
	list, response, err := c.Checks.ListCheckRunAnnotations(t.Context(), owner, name, run.GetID(), &github.ListOptions{PerPage: 59})
	if err != nil || len(list) != 59 || response.NextPage != 2 {
		t.Errorf("%d annotations, %v", len(list), err)
	}
	if got := s.CheckRuns(repo); len(got) != 1 || got[0].Status != "completed" || got[0].Summary != "t" || len(got[0].Annotations) != 60 {
		t.Errorf("%+v", got)
	}
}

func TestAnnotationsOfSeveralLinesHaveNoColumns(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	c := client(t, s, "secret")
	p, _, err := c.PullRequests.Get(t.Context(), owner, name, number)
	if err != nil {
		t.Fatal(err)
	}
	create := github.CreateCheckRunOptions{Name: "gate", HeadSHA: p.GetHead().GetSHA(), Output: output("s", 1)}
	create.Output.Annotations[0].StartColumn = new(3)
	if _, _, err := c.Checks.CreateCheckRun(t.Context(), owner, name, create); err != nil {
		t.Error(err)
	}
	create.Output.Annotations[0].EndLine = new(2)
	_, _, err = c.Checks.CreateCheckRun(t.Context(), owner, name, create)
	if code, _ := status(t, err); code != http.StatusUnprocessableEntity {
		t.Error(err)
	}
}

func TestACheckRunIsItsMakersAlone(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	s.AddToken(githubtest.Token{
		Secret: "other", Identity: githubtest.Identity{Login: "other[bot]", Bot: true},
		Repositories: []string{repo}, Permissions: everything,
	})
	s.AddToken(githubtest.Token{Secret: "user", Identity: githubtest.Mallory, Repositories: []string{repo}, Permissions: everything})
	p, _, err := client(t, s, "secret").PullRequests.Get(t.Context(), owner, name, number)
	if err != nil {
		t.Fatal(err)
	}
	create := github.CreateCheckRunOptions{Name: "gate", HeadSHA: p.GetHead().GetSHA()}
	_, _, err = client(t, s, "user").Checks.CreateCheckRun(t.Context(), owner, name, create)
	if code, _ := status(t, err); code != 403 {
		t.Error(err)
	}
	run, _, err := client(t, s, "secret").Checks.CreateCheckRun(t.Context(), owner, name, create)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = client(t, s, "other").Checks.UpdateCheckRun(t.Context(), owner, name, run.GetID(), github.UpdateCheckRunOptions{Name: "gate", Status: new("in_progress")})
	if code, _ := status(t, err); code != 403 {
		t.Error(err)
	}
}

// long opens a pull request that changes lines 10 and 90 of a hundred.
func long(s *githubtest.Server) int {
	lines := make([]string, 100)
	for i := range lines {
		lines[i] = fmt.Sprintf("RUN %d", i+1)
	}
	base := s.Commit(repo, "main", githubtest.Commit{Files: map[string]string{"Dockerfile": strings.Join(lines, "\n") + "\n"}})
	lines[9], lines[89] = "RUN x", "RUN y"
	s.Commit(repo, "long", githubtest.Commit{Parents: []string{base}, Files: map[string]string{"Dockerfile": strings.Join(lines, "\n") + "\n"}})
	return s.Open(githubtest.PullRequest{
		Head: githubtest.End{Repository: repo, Branch: "long"}, Base: githubtest.End{Repository: repo, Branch: "main"},
	})
}

func TestAReviewIsAllOrNothing(t *testing.T) {
	s, _ := start(t, githubtest.Options{})
	number := long(s)
	c := client(t, s, "secret")
	at := func(path string, start, line int) *github.DraftReviewComment {
		d := &github.DraftReviewComment{Path: &path, Line: &line, Side: new("RIGHT"), Body: new("mend this")}
		if start != 0 {
			d.StartLine, d.StartSide = &start, new("RIGHT")
		}
		return d
	}
	good := at("Dockerfile", 0, 10)
	for want, bad := range map[string]*github.DraftReviewComment{
		"path is invalid":                      at("gone", 0, 1),
		"line must be part of the diff":        at("Dockerfile", 0, 50),
		"start line must precede the end line": at("Dockerfile", 10, 10),
		"same hunk":                            at("Dockerfile", 10, 90),
	} {
		_, _, err := c.PullRequests.CreateReview(t.Context(), owner, name, number, &github.PullRequestReviewRequest{
			Event: new("COMMENT"), Body: new("b"), Comments: []*github.DraftReviewComment{good, bad},
		})
		if code, message := status(t, err); code != 422 || !strings.Contains(message, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if reviews, comments := s.Reviews(repo, number); len(reviews)+len(comments) != 0 {
		t.Errorf("%v %v", reviews, comments)
	}
	_, _, err := c.PullRequests.CreateReview(t.Context(), owner, name, number, &github.PullRequestReviewRequest{
		Event: new("COMMENT"), Body: new("b"), Comments: []*github.DraftReviewComment{good, at("Dockerfile", 88, 93)},
	})
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := c.PullRequests.ListComments(t.Context(), owner, name, number, nil)
	if err != nil || len(list) != 2 || list[1].GetStartLine() != 88 {
		t.Fatalf("%v, %v", list, err)
	}
	if _, err := c.PullRequests.DeleteComment(t.Context(), owner, name, list[0].GetID()); err != nil {
		t.Error(err)
	}
	if reviews, _, err := c.PullRequests.ListReviews(t.Context(), owner, name, number, nil); err != nil || len(reviews) != 1 || reviews[0].GetState() != "COMMENTED" {
		t.Errorf("%v, %v", reviews, err)
	}
	_, _, err = c.PullRequests.CreateReview(t.Context(), owner, name, number, &github.PullRequestReviewRequest{Event: new("APPROVE")})
	if code, _ := status(t, err); code != 422 {
		t.Errorf("a workflow approved: %v", err)
	}
}

func TestSARIFIsUnpackedAndKept(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	c := client(t, s, "secret")
	p, _, err := c.PullRequests.Get(t.Context(), owner, name, number)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	fmt.Fprint(w, `{"version":"2.1.0"}`)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	upload := func(sarif string) error {
		_, _, err := c.CodeScanning.UploadSarif(t.Context(), owner, name, &github.SarifAnalysis{
			CommitSHA: p.GetHead().SHA, Ref: new("refs/pull/1/head"), Sarif: &sarif,
		})
		return err
	}
	if err := upload(base64.StdEncoding.EncodeToString(zipped.Bytes())); err != nil {
		t.Errorf("%T %v", err, err)
	}
	if got := s.Uploads(repo); len(got) != 1 || string(got[0].SARIF) != `{"version":"2.1.0"}` {
		t.Errorf("%+v", got)
	}
	s.AddRepository(githubtest.Repository{Name: "acme/poor", Private: true, NoCodeScanning: true})
	s.AddToken(githubtest.GitHubToken("poor", "acme/poor", everything))
	sha := s.Commit("acme/poor", "main", githubtest.Commit{})
	_, _, err = client(t, s, "poor").CodeScanning.UploadSarif(t.Context(), owner, "poor", &github.SarifAnalysis{CommitSHA: &sha, Ref: new("refs/heads/main"), Sarif: new("")})
	if code, message := status(t, err); code != 403 || !strings.HasPrefix(message, "Advanced Security must be enabled") {
		t.Error(err)
	}
	if code, _ := status(t, upload("eyJ2ZXJzaW9uIjoiMi4xLjAifQ==")); code != http.StatusBadRequest {
		t.Error("not compressed, and taken")
	}
}

func ask(t *testing.T, s *githubtest.Server, secret, query string, variables map[string]any, into any) []map[string]any {
	t.Helper()
	c := client(t, s, secret)
	r, err := c.NewRequest(http.MethodPost, s.GraphQLURL, map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	answered := struct {
		Data   any              `json:"data"`
		Errors []map[string]any `json:"errors"`
	}{Data: into}
	if _, err := c.Do(t.Context(), r, &answered); err != nil {
		t.Fatal(err)
	}
	return answered.Errors
}

const conversation = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
	viewer { login }
	repository(owner: $owner, name: $name) { pullRequest(number: $number) { comments(first: 2, after: $after) {
		nodes { id databaseId viewerDidAuthor isMinimized author { __typename login ... on Bot { databaseId } } }
		pageInfo { hasNextPage endCursor }
	} } }
}`

type asked struct {
	Viewer     struct{ Login string }
	Repository struct {
		PullRequest struct {
			Comments struct {
				Nodes []struct {
					ID              string
					DatabaseID      int64
					ViewerDidAuthor bool
					IsMinimized     bool
					Author          struct {
						Login string
						Kind  string `json:"__typename"`
					}
				}
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
	}
}

func TestGraphQLKnowsWhoWrote(t *testing.T) {
	for _, prefix := range []string{"", "/api/v3"} {
		s, number := start(t, githubtest.Options{Prefix: prefix})
		s.AddToken(githubtest.GitHubToken("reader", repo, nil))
		s.AddComment(repo, number, githubtest.Mallory, "not mine")
		mine := s.AddComment(repo, number, githubtest.Actions, "mine")
		s.AddComment(repo, number, githubtest.Mallory, "later")
		variables := map[string]any{"owner": owner, "name": name, "number": number}
		var first, second asked
		if failures := ask(t, s, "secret", conversation, variables, &first); failures != nil {
			t.Fatal(failures)
		}
		comments := first.Repository.PullRequest.Comments
		if first.Viewer.Login != "github-actions[bot]" || len(comments.Nodes) != 2 || comments.Nodes[0].ViewerDidAuthor ||
			!comments.Nodes[1].ViewerDidAuthor || comments.Nodes[1].DatabaseID != mine || comments.Nodes[1].Author.Login != "github-actions" ||
			comments.Nodes[1].Author.Kind != "Bot" || !comments.PageInfo.HasNextPage {
			t.Errorf("%+v", first)
		}
		variables["after"] = comments.PageInfo.EndCursor
		if failures := ask(t, s, "secret", conversation, variables, &second); failures != nil || len(second.Repository.PullRequest.Comments.Nodes) != 1 {
			t.Errorf("%v %+v", failures, second)
		}
		const hide = `mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized minimizedReason } } }`
		id := map[string]any{"id": comments.Nodes[1].ID}
		if failures := ask(t, s, "reader", hide, id, nil); len(failures) != 1 || failures[0]["type"] != "FORBIDDEN" {
			t.Errorf("%v", failures)
		}
		if failures := ask(t, s, "secret", hide, id, nil); failures != nil || !s.Comments(repo, number)[1].Minimized {
			t.Errorf("%v", failures)
		}
		variables["number"] = 99
		if failures := ask(t, s, "secret", conversation, variables, &second); len(failures) != 1 || failures[0]["type"] != "NOT_FOUND" {
			t.Errorf("%v", failures)
		}
		if failures := ask(t, s, "secret", "{ viewer { password } }", nil, nil); len(failures) != 1 || len(s.Violations()) != 1 {
			t.Errorf("%v", failures)
		}
	}
}
