package githubtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/openapi"
)

// request is what a handler is given; the lock is held.
type request struct {
	token  *Token
	repo   *repository // nil where the path names none
	path   string      // without the prefix
	query  url.Values
	accept string
	body   []byte
	values map[string]string // in the path
}

func (r *request) number(name string) int64 {
	n, err := strconv.ParseInt(r.values[name], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// decode reads the body; what cannot be read is an answer.
func (r *request) decode(into any) (answer, bool) {
	if err := json.Unmarshal(r.body, into); err != nil {
		return fail(http.StatusBadRequest, "Problems parsing JSON", ""), false
	}
	return answer{}, true
}

// route is one operation. Its path is the description's; rest names the last
// parameter when that may hold slashes.
type route struct {
	method, path string
	rest         bool
	needs        []need
	serve        func(*Server, *request) answer
}

func table() []route {
	read := func(p Permission) []need { return []need{{permission: p, access: Read}} }
	write := func(p Permission) []need { return []need{{permission: p, access: Write}} }
	// Every conversation here is a pull request's, for which issues=write is named but not enough.
	talk := func(a Access) []need {
		return []need{{permission: Issues, access: a, named: true}, {permission: PullRequests, access: a}}
	}
	const repo = "/repos/{owner}/{repo}"
	return []route{
		{"GET", "/user", false, nil, (*Server).getUser},
		{"GET", repo, false, read(metadata), (*Server).getRepository},
		{"GET", repo + "/pulls", false, read(PullRequests), (*Server).listPulls},
		{"GET", repo + "/pulls/{pull_number}", false, read(PullRequests), (*Server).getPull},
		{"GET", repo + "/pulls/{pull_number}/files", false, read(PullRequests), (*Server).listFiles},
		{"GET", repo + "/pulls/{pull_number}/reviews", false, read(PullRequests), (*Server).listReviews},
		{"POST", repo + "/pulls/{pull_number}/reviews", false, write(PullRequests), (*Server).createReview},
		{"GET", repo + "/pulls/{pull_number}/comments", false, read(PullRequests), (*Server).listReviewComments},
		{"DELETE", repo + "/pulls/comments/{comment_id}", false, write(PullRequests), (*Server).deleteReviewComment},
		{"POST", repo + "/check-runs", false, write(Checks), (*Server).createCheckRun},
		{"GET", repo + "/check-runs/{check_run_id}", false, read(Checks), (*Server).getCheckRun},
		{"PATCH", repo + "/check-runs/{check_run_id}", false, write(Checks), (*Server).updateCheckRun},
		{"GET", repo + "/check-runs/{check_run_id}/annotations", false, read(Checks), (*Server).listAnnotations},
		{"POST", repo + "/code-scanning/sarifs", false, write(SecurityEvents), (*Server).uploadSARIF},
		{"GET", repo + "/commits/{commit_sha}/pulls", false, read(PullRequests), (*Server).listCommitPulls},
		{"GET", repo + "/commits/{ref}", true, read(Contents), (*Server).getCommit},
		{"GET", repo + "/git/commits/{commit_sha}", false, read(Contents), (*Server).getGitCommit},
		{"GET", repo + "/compare/{basehead}", true, read(Contents), (*Server).compare},
		{"GET", repo + "/contents/{path}", true, read(Contents), (*Server).getContents},
		{"GET", repo + "/tarball/{ref}", true, read(Contents), (*Server).getTarball},
		{"GET", repo + "/issues/{issue_number}/comments", false, talk(Read), (*Server).listComments},
		{"POST", repo + "/issues/{issue_number}/comments", false, talk(Write), (*Server).createComment},
		{"GET", repo + "/issues/comments/{comment_id}", false, talk(Read), (*Server).getComment},
		{"PATCH", repo + "/issues/comments/{comment_id}", false, talk(Write), (*Server).editComment},
		{"DELETE", repo + "/issues/comments/{comment_id}", false, talk(Write), (*Server).deleteComment},
	}
}

// endpoint is a route with its description.
type endpoint struct {
	route
	*openapi.Operation
}

// endpoints is the table with descriptions; the test fails when one is lacking.
func (s *Server) endpoints() []endpoint {
	var all []endpoint
	for _, r := range table() {
		operation, err := openapi.Lookup(r.method, r.path)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, endpoint{r, operation})
	}
	return all
}

// match splits an escaped path by the route's. Of a text that is a word in one
// route and a parameter in another, the table has the word first.
func (r *route) match(method, path string) (map[string]string, bool) {
	if method != r.method {
		return nil, false
	}
	want, have := strings.Split(r.path, "/"), strings.Split(path, "/")
	if r.rest && len(have) > len(want) {
		have = append(have[:len(want)-1:len(want)-1], strings.Join(have[len(want)-1:], "/"))
	}
	if len(want) != len(have) {
		return nil, false
	}
	values := map[string]string{}
	for i, part := range want {
		if name, parameter := strings.CutPrefix(part, "{"); parameter {
			value, err := url.PathUnescape(have[i])
			if err != nil || value == "" && !r.rest {
				return nil, false
			}
			values[strings.TrimSuffix(name, "}")] = value
		} else if part != have[i] {
			return nil, false
		}
	}
	return values, true
}

// handle serves one request.
func (s *Server) handle(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const docs = "https://docs.github.com/rest"
	w.Header().Set("X-Github-Media-Type", "github.v3; format=json")
	token, known := s.token(r)
	path, below := strings.CutPrefix(r.URL.EscapedPath(), s.options.Prefix)
	switch {
	case !known:
		s.send(w, nil, fail(http.StatusUnauthorized, "Bad credentials", docs))
		return
	case !s.spend(w.Header(), token):
		s.send(w, nil, fail(http.StatusForbidden, "API rate limit exceeded for installation ID 1.", limitDocs))
		return
	}
	if r.Method == http.MethodPost && strings.HasSuffix(s.GraphQLURL, "://"+s.api.Listener.Addr().String()+r.URL.Path) {
		s.serveGraphQL(w, token, body)
		return
	}
	for _, e := range s.served {
		if values, ok := e.match(r.Method, path); ok && below {
			s.operate(w, r, e, &request{
				token: token, path: path, query: r.URL.Query(), accept: r.Header.Get("Accept"), body: body, values: values,
			})
			return
		}
	}
	s.violate("%s %s is not served here", r.Method, r.URL.Path)
	s.send(w, nil, fail(http.StatusNotFound, "Not Found", docs))
}

// operate checks a request against the description and the token, and serves it.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, e endpoint, in *request) {
	described := maps.Clone(in.values)
	if described["path"] == "" {
		described["path"] = "/" // the root, which GitHub serves and its description forgets
	}
	if err := e.Request(r.Context(), r, described, in.body); err != nil {
		s.violate("%s %s: %v", r.Method, r.URL.Path, err)
	}
	s.send(w, e.Operation, s.permitted(in, e))
}

func (s *Server) permitted(in *request, e endpoint) answer {
	if strings.HasPrefix(e.path, "/repos/") {
		in.repo = s.repositories[strings.ToLower(in.values["owner"]+"/"+in.values["repo"])]
		if in.repo == nil || !in.token.sees(in.repo) {
			return notFound()
		}
		if !in.token.may(in.repo, e.needs) {
			return in.token.refusal(e.Docs, e.needs)
		}
	}
	return e.serve(s, in)
}

// send completes an answer from the description, checks it, and writes it.
func (s *Server) send(w http.ResponseWriter, operation *openapi.Operation, a answer) {
	for key, values := range a.header {
		w.Header()[key] = slices.Clone(values)
	}
	if raw, ok := a.body.([]byte); ok {
		w.WriteHeader(a.status)
		_, _ = w.Write(raw)
		return
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	body := a.body
	if operation != nil {
		if failure, ok := body.(object); ok && a.status >= 400 && failure["documentation_url"] == "" {
			failure["documentation_url"] = operation.Docs
		}
		filled, err := operation.Fill(a.status, body)
		if err == nil {
			body, err = filled, operation.Answer(a.status, filled)
		}
		if err != nil {
			s.violate("the fake's own answer: %v", err)
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(encode(body)))
}

// spend counts a request against its token, and says false when none are left.
func (s *Server) spend(h http.Header, token *Token) bool {
	reset := s.options.Now().Truncate(hour).Add(hour)
	s.spent[token.Secret]++
	used := min(s.spent[token.Secret], s.options.RateLimit)
	h.Set("X-Ratelimit-Limit", strconv.Itoa(s.options.RateLimit))
	h.Set("X-Ratelimit-Used", strconv.Itoa(used))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(s.options.RateLimit-used))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(reset.Unix(), 10))
	h.Set("X-Ratelimit-Resource", "core")
	return s.spent[token.Secret] <= s.options.RateLimit
}
