package githubtest_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

func TestCommitsAreFoundByAnyName(t *testing.T) {
	s, _ := start(t, githubtest.Options{})
	c := client(t, s, "secret")
	sha := s.Commit(repo, "tags/v1/a", githubtest.Commit{Message: "release", Files: map[string]string{"a": "b"}})
	for _, ref := range []string{sha, "v1/a", "tags/v1/a", "refs/tags/v1/a"} {
		got, _, err := c.Repositories.GetCommit(t.Context(), owner, name, ref, nil)
		if err != nil || got.GetSHA() != sha {
			t.Errorf("%s: %v, %v", ref, got.GetSHA(), err)
		}
	}
	_, _, err := c.Repositories.GetCommit(t.Context(), owner, name, "gone", nil)
	if code, message := status(t, err); code != 422 || message != "No commit found for SHA: gone" {
		t.Error(err)
	}
	plain, _, err := c.Git.GetCommit(t.Context(), owner, name, sha)
	if err != nil || plain.GetMessage() != "release" || len(plain.Parents) != 0 {
		t.Errorf("%v, %v", plain, err)
	}
	_, _, err = c.Git.GetCommit(t.Context(), owner, name, "main")
	if code, _ := status(t, err); code != http.StatusNotFound {
		t.Error(err)
	}
}

func TestARepositoryOnDiskIsServed(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git: apt-get install git")
	}
	dir := t.TempDir()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "one"}} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s, _ := start(t, githubtest.Options{})
	s.AddRepository(githubtest.Repository{Name: "acme/real"})
	s.Import("acme/real", dir)
	got, _, err := client(t, s, "secret").Repositories.GetCommit(t.Context(), owner, "real", "main", nil)
	if err != nil || got.GetCommit().GetMessage() != "one" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAComparisonIsFromTheMergeBase(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	s.Commit(repo, "main", githubtest.Commit{Files: map[string]string{"later": "x\n"}})
	c := client(t, s, "secret")
	got, _, err := c.Repositories.CompareCommits(t.Context(), owner, name, "main", "change", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := c.PullRequests.Get(t.Context(), owner, name, number)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetStatus() != "diverged" || got.GetAheadBy() != 1 || got.GetBehindBy() != 1 ||
		got.GetMergeBaseCommit().GetSHA() != p.GetBase().GetSHA() || len(got.Files) != 1 {
		t.Errorf("%v", got)
	}
}

func TestFilesOfAPullRequestHavePatches(t *testing.T) {
	s, number := start(t, githubtest.Options{})
	c := client(t, s, "secret")
	got, _, err := c.PullRequests.ListFiles(t.Context(), owner, name, number, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if diff := cmp.Diff("@@ -1,2 +1,2 @@\n FROM scratch\n-USER 1\n+USER 0", got[0].GetPatch()); diff != "" {
		t.Error(diff)
	}
	files := map[string]string{"binary": "\x00", "large": strings.Repeat(strings.Repeat("x", 999)+"\n", 600)}
	for i := range 3100 {
		files[fmt.Sprintf("many/%04d", i)] = "x\n"
	}
	sha := s.Commit(repo, "change", githubtest.Commit{Files: files})
	s.Update(repo, number, func(p *githubtest.PullRequest) { p.Head.SHA = sha })
	var all []*github.CommitFile
	options := &github.ListOptions{PerPage: 100}
	for {
		list, response, err := c.PullRequests.ListFiles(t.Context(), owner, name, number, options)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
		if options.Page = response.NextPage; options.Page == 0 {
			break
		}
	}
	if len(all) != 3000 {
		t.Errorf("%d files", len(all))
	}
	for _, f := range all {
		if whole := f.GetFilename() != "binary" && f.GetFilename() != "large"; (f.GetPatch() != "") != whole {
			t.Errorf("%s: patch of %d bytes", f.GetFilename(), len(f.GetPatch()))
		}
	}
}

func TestContentsAreFilesLinksAndDirectories(t *testing.T) {
	s, _ := start(t, githubtest.Options{})
	c := client(t, s, "secret")
	large := strings.Repeat("x", 1<<20+1)
	sha := s.Commit(repo, "tree", githubtest.Commit{
		Files: map[string]string{".plimsoll.yaml": "version: 1\n", "a/b c.txt": "b", "large": large},
		Links: map[string]string{"a/link": "../.plimsoll.yaml", "dangling": "nowhere"},
	})
	at := &github.RepositoryContentGetOptions{Ref: sha}
	for path, want := range map[string]string{".plimsoll.yaml": "version: 1\n", "a/b c.txt": "b", "a/link": "version: 1\n"} {
		file, _, _, err := c.Repositories.GetContents(t.Context(), owner, name, path, at)
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := file.GetContent(); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	file, _, _, err := c.Repositories.GetContents(t.Context(), owner, name, "large", at)
	if err != nil || file.GetEncoding() != "none" || file.GetSize() != len(large) {
		t.Errorf("%v, %v", file, err)
	}
	link, _, _, err := c.Repositories.GetContents(t.Context(), owner, name, "dangling", at)
	if err != nil || link.GetType() != "symlink" || link.GetTarget() != "nowhere" {
		t.Errorf("%v, %v", link, err)
	}
	for path, want := range map[string][]string{"": {".plimsoll.yaml", "a", "dangling", "large"}, "a": {"a/b c.txt", "a/link"}} {
		_, list, _, err := c.Repositories.GetContents(t.Context(), owner, name, path, at)
		var got []string
		for _, entry := range list {
			got = append(got, entry.GetPath())
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	_, _, _, err = c.Repositories.GetContents(t.Context(), owner, name, "gone", at)
	if code, _ := status(t, err); code != http.StatusNotFound {
		t.Error(err)
	}
}

func TestAnArchiveLiesOnAnotherHost(t *testing.T) {
	for _, private := range []bool{false, true} {
		s := githubtest.Start(t, githubtest.Options{})
		s.AddRepository(githubtest.Repository{Name: repo, Private: private})
		s.AddToken(githubtest.GitHubToken("secret", repo, everything))
		sha := s.Commit(repo, "main", githubtest.Commit{Files: map[string]string{"a/b": "b"}, Links: map[string]string{"l": "a/b"}})
		link, _, err := client(t, s, "secret").Repositories.GetArchiveLink(t.Context(), owner, name, github.Tarball, &github.RepositoryContentGetOptions{Ref: sha}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if link.Hostname() != "localhost" || (link.Query().Get("token") != "") != private {
			t.Errorf("private %t: %s", private, link)
		}
		if diff := cmp.Diff([]string{"pax_global_header", "acme-app-" + sha[:7] + "/", "acme-app-" + sha[:7] + "/a/", "acme-app-" + sha[:7] + "/a/b", "acme-app-" + sha[:7] + "/l"}, entries(t, link.String())); diff != "" {
			t.Error(diff)
		}
		if private {
			link.RawQuery = ""
			if got := entries(t, link.String()); got != nil {
				t.Errorf("a private archive without its secret: %q", got)
			}
		}
		if log := s.Log(); !slices.ContainsFunc(log, func(e githubtest.Entry) bool { return e.Foreign && !e.Authorized }) || s.Requests() != 1 {
			t.Errorf("%+v", log)
		}
	}
}

// entries of a tarball; nil when it is not there.
func entries(t *testing.T, address string) []string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return nil
	}
	unzipped, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names
		} else if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
}

// leaky sends its token wherever it is sent.
type leaky struct{}

func (leaky) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer secret")
	return http.DefaultTransport.RoundTrip(r)
}

func TestATokenSentToTheArchiveHostIsAViolation(t *testing.T) {
	s, _ := start(t, githubtest.Options{})
	for _, test := range []struct {
		c    *http.Client
		want int
	}{{http.DefaultClient, 0}, {&http.Client{Transport: leaky{}}, 1}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/repos/"+repo+"/tarball/main", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer secret")
		response, err := test.c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := s.Violations(); len(got) != test.want || response.StatusCode != http.StatusOK {
			t.Errorf("%d: %q", response.StatusCode, got)
		}
	}
}
