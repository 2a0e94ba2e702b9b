package githubtest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/history"
)

const hour = time.Hour

// Repository is what a test says of one.
type Repository struct {
	Name          string // "owner/name"
	Private       bool
	DefaultBranch string // empty is "main"
	// Fork is the name of the repository that this is a fork of; they share commits.
	Fork string
	// NoCodeScanning says that a private repository's owner has not paid for it.
	NoCodeScanning bool
}

// Commit is a tree with parents.
type Commit = history.Commit

// End is one side of a pull request.
type End struct {
	Repository, Branch string
	// SHA; empty is the tip of the branch when the pull request is opened.
	SHA string
}

// PullRequest is what a test says of one. The zero Author is a user "octocat".
type PullRequest struct {
	Number        int // 0 is the next
	Author        Identity
	Title, Body   string
	Head, Base    End
	Closed        bool
	Draft, Locked bool
	// HeadGone says that the fork was deleted: the head has no repository.
	HeadGone bool
}

// Comment is one in the conversation of a pull request.
type Comment struct {
	ID        int64
	Author    Identity
	Body      string
	Created   time.Time
	Updated   time.Time
	Minimized bool
	reason    string // of minimizing
}

type repository struct {
	Repository
	id       int64
	commits  history.Network // shared in a network of forks
	branches map[string]string
	tags     map[string]string
	pulls    map[int]*pull
	checks   map[int64]*CheckRun
	uploads  []Upload
	changes  map[[2]string][]history.Change // between two commits: large ones are read page by page
}

type pull struct {
	PullRequest
	id       int64
	comments []*Comment
	reviews  []Review
	threads  []*ReviewComment
	created  time.Time
}

// state is all that the server holds. Server.mu guards it.
type state struct {
	tokens       map[string]*Token
	repositories map[string]*repository // by name in lower case
	users        map[string]int64
	spent        map[string]int
	passes       map[string]string // secret of an archive's address to repository
	lastID       int64
}

func newState() state {
	return state{
		tokens: map[string]*Token{}, repositories: map[string]*repository{},
		users: map[string]int64{}, spent: map[string]int{}, passes: map[string]string{}, lastID: 1_000_000_000,
	}
}

// next is an id above all others, so that lists of ids ascend.
func (s *state) next() int64 {
	s.lastID++
	return s.lastID
}

// repository finds one that the test named, and fails the test otherwise.
func (s *Server) repository(name string) *repository {
	s.t.Helper()
	r := s.repositories[strings.ToLower(name)]
	if r == nil {
		s.t.Fatalf("the test has no repository %q", name)
	}
	return r
}

func (s *Server) pull(name string, number int) *pull {
	s.t.Helper()
	p := s.repository(name).pulls[number]
	if p == nil {
		s.t.Fatalf("the test has no pull request %s#%d", name, number)
	}
	return p
}

// AddRepository makes a repository, empty or with its origin's commits.
func (s *Server) AddRepository(r Repository) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Count(r.Name, "/") != 1 {
		s.t.Fatalf("a repository is named owner/name, not %q", r.Name)
	}
	r.DefaultBranch = cmp.Or(r.DefaultBranch, "main")
	made := &repository{
		Repository: r, id: s.next(), commits: history.Network{},
		branches: map[string]string{}, tags: map[string]string{}, pulls: map[int]*pull{}, checks: map[int64]*CheckRun{}, changes: map[[2]string][]history.Change{},
	}
	if r.Fork != "" {
		made.commits = s.repository(r.Fork).commits
	}
	s.repositories[strings.ToLower(r.Name)] = made
}

// Commit adds a commit and moves ref to it: "main", or "tags/v1" for a tag, or
// empty for none. It returns its SHA. Without Parents it follows the branch's tip.
func (s *Server) Commit(repo, ref string, c Commit) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repository(repo)
	tag, isTag := strings.CutPrefix(ref, "tags/")
	if tip := r.branches[ref]; c.Parents == nil && tip != "" {
		c.Parents = []string{tip}
	}
	for _, parent := range c.Parents {
		if r.commits[parent] == nil {
			s.t.Fatalf("the test's repository %q has no commit %q", repo, parent)
		}
	}
	if c.SHA == "" {
		c.SHA = c.Hash()
	}
	r.commits[c.SHA] = &c
	switch {
	case isTag:
		r.tags[tag] = c.SHA
	case ref != "":
		r.branches[ref] = c.SHA
	}
	return c.SHA
}

// Import adds the commits and refs of a repository on disk, with their true ids.
func (s *Server) Import(repo, dir string) {
	s.t.Helper()
	commits, refs, err := history.Read(s.t.Context(), dir)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repository(repo)
	maps.Copy(r.commits, commits)
	for ref, sha := range refs {
		if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			r.branches[branch] = sha
		} else if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
			r.tags[tag] = sha
		}
	}
}

// Open opens a pull request in the repository of its base, and returns its number.
func (s *Server) Open(p PullRequest) int {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	base := s.repository(p.Base.Repository)
	p.Head.SHA = cmp.Or(p.Head.SHA, s.repository(p.Head.Repository).branches[p.Head.Branch])
	p.Base.SHA = cmp.Or(p.Base.SHA, base.branches[p.Base.Branch])
	for _, sha := range []string{p.Head.SHA, p.Base.SHA} {
		if base.commits[sha] == nil {
			s.t.Fatalf("the test's repository %q has no commit %q", p.Base.Repository, sha)
		}
	}
	if p.Number == 0 {
		p.Number = 1 + slices.Max(append(slices.Collect(maps.Keys(base.pulls)), 0))
	}
	if p.Author.Login == "" {
		p.Author = Identity{Login: "octocat", ID: 583231}
	}
	p.Title = cmp.Or(p.Title, "Change something")
	base.pulls[p.Number] = &pull{PullRequest: p, id: s.next(), created: s.now()}
	return p.Number
}

// Update changes a pull request: moves its head to another commit, locks or closes it.
func (s *Server) Update(repo string, number int, change func(*PullRequest)) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pull(repo, number)
	change(&p.PullRequest)
	for _, sha := range []string{p.Head.SHA, p.Base.SHA} {
		if s.repository(repo).commits[sha] == nil {
			s.t.Fatalf("the test's repository %q has no commit %q", repo, sha)
		}
	}
}

// AddComment writes a comment as anybody, without rules, and returns its id.
func (s *Server) AddComment(repo string, number int, author Identity, body string) int64 {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pull(repo, number).comment(s, author, body).ID
}

func (p *pull) comment(s *Server, author Identity, body string) *Comment {
	c := &Comment{ID: s.next(), Author: author, Body: body, Created: s.now(), Updated: s.now()}
	p.comments = append(p.comments, c)
	return c
}

// RemoveComment deletes a comment as its author would in the browser.
func (s *Server) RemoveComment(repo string, number int, id int64) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pull(repo, number)
	p.comments = slices.DeleteFunc(p.comments, func(c *Comment) bool { return c.ID == id })
}

// Comments is the conversation of a pull request, oldest first.
func (s *Server) Comments(repo string, number int) []Comment {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Comment
	for _, c := range s.pull(repo, number).comments {
		all = append(all, *c)
	}
	return all
}

// now is in whole seconds, as the API tells time.
func (s *Server) now() time.Time { return s.options.Now().UTC().Truncate(time.Second) }
