package githubtest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// maxFiles is how many files of a pull request are listed, maxCompared of a comparison.
const (
	maxFiles    = 3000
	maxCompared = 300
)

func (s *Server) renderCommit(r *repository, c *Commit) object {
	return object{
		"sha": c.SHA, "url": s.URL + "/repos/" + r.Name + "/commits/" + c.SHA, "html_url": "https://github.com/" + r.Name + "/commit/" + c.SHA,
		"commit":  object{"message": c.Message, "tree": object{"sha": treeID(c)}},
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

// treeID stands for the id of a commit's tree: the same for the same files, but not git's.
func treeID(c *Commit) string { return hash(&Commit{Files: c.Files, Links: c.Links}) }

func (s *Server) renderChanges(r *repository, c *Commit, all []change) []object {
	rendered := []object{}
	for _, f := range all {
		o := object{
			"sha": f.sha, "filename": f.path, "status": f.status,
			"additions": f.additions, "deletions": f.deletions, "changes": f.additions + f.deletions,
			"contents_url": s.URL + "/repos/" + r.Name + "/contents/" + f.path + "?ref=" + c.SHA,
		}
		if f.patch != "" {
			o["patch"] = f.patch
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
	files := changes(before, c)
	rendered["files"] = s.renderChanges(r.repo, c, files[:min(len(files), maxCompared)])
	return ok(rendered)
}

func (s *Server) getGitCommit(r *request) answer {
	c := r.repo.commits[r.values["commit_sha"]]
	if c == nil {
		return notFound()
	}
	return ok(object{
		"sha": c.SHA, "message": c.Message, "tree": object{"sha": treeID(c)}, "parents": s.renderParents(r.repo, c),
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
		if own && slices.Contains(r.repo.ancestors(r.repo.commits[p.Head.SHA]), c) &&
			!slices.Contains(r.repo.ancestors(r.repo.commits[p.Base.SHA]), c) {
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
	from := r.repo.mergeBase(base, head)
	if from == nil {
		return fail(http.StatusNotFound, "No common ancestor between "+left+" and "+right+".", "")
	}
	ahead, behind := r.repo.without(head, base), r.repo.without(base, head)
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
	files := changes(from, head)
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

// without lists what is behind a commit and not behind another, nearest first.
func (r *repository) without(c, other *Commit) []*Commit {
	known := r.ancestors(other)
	return slices.DeleteFunc(r.ancestors(c), func(c *Commit) bool { return slices.Contains(known, c) })
}
