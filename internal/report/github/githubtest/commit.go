package githubtest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/history"
)

// maxFiles is how many files of a pull request are listed, maxCompared of a comparison.
const (
	maxFiles    = 3000
	maxCompared = 300
)

func (s *Server) renderCommit(r *repository, c *Commit) object {
	return object{
		"sha": c.SHA, "url": s.URL + "/repos/" + r.Name + "/commits/" + c.SHA, "html_url": "https://github.com/" + r.Name + "/commit/" + c.SHA,
		"commit":  object{"message": c.Message, "tree": object{"sha": c.TreeID()}},
		"parents": s.renderParents(r, c),
	}
}

func (s *Server) renderParents(r *repository, c *Commit) []object {
	parents := []object{}
	for _, sha := range c.Parents {
		parents = append(parents, object{"sha": sha, "url": s.URL + "/repos/" + r.Name + "/commits/" + sha, "html_url": "https://github.com/" + r.Name + "/commit/" + sha})
	}
	return parents
}

func (s *Server) renderChanges(r *repository, c *Commit, all []history.Change) []object {
	rendered := []object{}
	for _, f := range all {
		o := object{
			"sha": f.Blob, "filename": f.Path, "status": f.Status,
			"additions": f.Additions, "deletions": f.Deletions, "changes": f.Additions + f.Deletions,
			"contents_url": s.URL + "/repos/" + r.Name + "/contents/" + f.Path + "?ref=" + c.SHA,
		}
		if f.Patch != "" {
			o["patch"] = f.Patch
		}
		rendered = append(rendered, o)
	}
	return rendered
}

func (s *Server) getCommit(r *request) answer {
	c := r.repo.resolve(r.values["ref"])
	if c == nil {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+r.values["ref"], "")
	}
	if strings.Contains(r.accept, "vnd.github.sha") {
		return answer{http.StatusOK, http.Header{"Content-Type": {"application/vnd.github.sha; charset=utf-8"}}, []byte(c.SHA)}
	}
	before := &Commit{}
	if len(c.Parents) > 0 {
		before = r.repo.commits[c.Parents[0]]
	}
	rendered := s.renderCommit(r.repo, c)
	files := history.Changes(before, c)
	rendered["files"] = s.renderChanges(r.repo, c, files[:min(len(files), maxCompared)])
	return ok(rendered)
}

func (s *Server) getGitCommit(r *request) answer {
	c := r.repo.commits[r.values["commit_sha"]]
	if c == nil {
		return notFound()
	}
	return ok(object{
		"sha": c.SHA, "message": c.Message, "tree": object{"sha": c.TreeID()}, "parents": s.renderParents(r.repo, c),
		"url": s.URL + "/repos/" + r.repo.Name + "/git/commits/" + c.SHA,
	})
}

// listCommitPulls knows nothing of the commits of forks.
func (s *Server) listCommitPulls(r *request) answer {
	c := r.repo.commits[r.values["commit_sha"]]
	if c == nil {
		return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+r.values["commit_sha"], "")
	}
	found := []object{}
	for _, number := range slices.Sorted(maps.Keys(r.repo.pulls)) {
		p := r.repo.pulls[number]
		own := strings.EqualFold(p.Head.Repository, r.repo.Name)
		if own && slices.Contains(r.repo.commits.Ancestors(r.repo.commits[p.Head.SHA]), c) &&
			!slices.Contains(r.repo.commits.Ancestors(r.repo.commits[p.Base.SHA]), c) {
			found = append(found, s.renderPull(r.repo, p))
		}
	}
	shown, header := page(s, r, found)
	return answer{http.StatusOK, header, shown}
}

func (s *Server) listFiles(r *request) answer {
	p := r.repo.pulls[int(r.number("pull_number"))]
	if p == nil {
		return notFound()
	}
	all := r.repo.changed(p)
	shown, header := page(s, r, all[:min(len(all), maxFiles)])
	return answer{http.StatusOK, header, s.renderChanges(r.repo, r.repo.commits[p.Head.SHA], shown)}
}

// compare answers BASE...HEAD; each may be "owner:branch" of the same network.
func (s *Server) compare(r *request) answer {
	left, right, three := strings.Cut(r.values["basehead"], "...")
	base, head := s.side(r.repo, left), s.side(r.repo, right)
	if !three || base == nil || head == nil {
		return notFound()
	}
	from := r.repo.commits.MergeBase(base, head)
	if from == nil {
		return fail(http.StatusNotFound, "No common ancestor between "+left+" and "+right+".", "")
	}
	ahead, behind := r.repo.commits.Without(head, base), r.repo.commits.Without(base, head)
	commits := []object{}
	for _, c := range slices.Backward(ahead) {
		commits = append(commits, s.renderCommit(r.repo, c))
	}
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	files := history.Changes(from, head)
	shown, header := pageOf(s, r, commits, 250)
	rendered := object{
		"status": status, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead), "commits": shown,
		"base_commit": s.renderCommit(r.repo, base), "merge_base_commit": s.renderCommit(r.repo, from),
	}
	if cmp.Or(r.query.Get("page"), "1") == "1" {
		rendered["files"] = s.renderChanges(r.repo, head, files[:min(len(files), maxCompared)])
	}
	return answer{http.StatusOK, header, rendered}
}

func (s *Server) side(r *repository, ref string) *Commit {
	owner, branch, other := strings.Cut(ref, ":")
	if !other {
		return r.resolve(ref)
	}
	for _, candidate := range s.repositories {
		related := candidate == r || strings.EqualFold(candidate.Fork, r.Name) || strings.EqualFold(r.Fork, candidate.Name)
		if related && strings.HasPrefix(strings.ToLower(candidate.Name), strings.ToLower(owner)+"/") {
			return candidate.resolve(branch)
		}
	}
	return nil
}

// resolve finds a commit by SHA, branch, tag or full ref.
func (r *repository) resolve(ref string) *Commit {
	if ref == "" || ref == "HEAD" {
		ref = r.DefaultBranch
	}
	if c := r.commits[ref]; c != nil {
		return c
	}
	for _, p := range r.pulls {
		if strings.TrimPrefix(ref, "refs/") == fmt.Sprintf("pull/%d/head", p.Number) {
			return r.commits[p.Head.SHA]
		}
	}
	short := strings.TrimPrefix(ref, "refs/")
	if sha, ok := r.branches[strings.TrimPrefix(short, "heads/")]; ok {
		return r.commits[sha]
	}
	return r.commits[r.tags[strings.TrimPrefix(short, "tags/")]]
}

// changed is what a pull request changes: from the merge base to its head.
func (r *repository) changed(p *pull) []history.Change {
	head, from := r.commits[p.Head.SHA], &Commit{}
	if base := r.commits.MergeBase(r.commits[p.Base.SHA], head); base != nil {
		from = base
	}
	ends := [2]string{from.SHA, head.SHA}
	if _, known := r.changes[ends]; !known {
		r.changes[ends] = history.Changes(from, head)
	}
	return r.changes[ends]
}
