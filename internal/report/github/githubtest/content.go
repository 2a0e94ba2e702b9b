package githubtest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/history"
)

// maxContent is the size above which a file's content is not in the JSON, maxRaw
// above which it is not served at all.
const (
	maxContent = 1 << 20
	maxRaw     = 100 << 20
)

func (s *Server) getContents(r *request) answer {
	ref := r.query.Get("ref")
	c := r.repo.resolve(ref)
	if c == nil && ref != "" {
		return fail(http.StatusNotFound, "No commit found for the ref "+ref, "https://docs.github.com/v3/repos/contents/")
	}
	if c == nil {
		return fail(http.StatusNotFound, "This repository is empty.", "")
	}
	name := strings.Trim(r.values["path"], "/")
	if target, link := c.Links[name]; link {
		// A link to a file of the repository is answered as that file.
		aim := path.Join(path.Dir(name), target)
		if content, ok := c.Files[aim]; ok {
			return s.file(r, c, aim, content)
		}
		entry := s.entry(r, c, "symlink", name, history.Blob(target), len(target))
		entry["target"] = target
		return ok(entry)
	}
	if content, ok := c.Files[name]; ok {
		return s.file(r, c, name, content)
	}
	return s.directory(r, c, name)
}

func (s *Server) file(r *request, c *Commit, name, content string) answer {
	switch {
	case len(content) > maxRaw:
		return invalidTooLarge()
	case strings.Contains(r.accept, "vnd.github.raw"), strings.Contains(r.accept, "vnd.github.v3.raw"):
		return answer{http.StatusOK, http.Header{"Content-Type": {"application/vnd.github.raw+json; charset=utf-8"}}, []byte(content)}
	}
	entry := s.entry(r, c, "file", name, history.Blob(content), len(content))
	entry["encoding"], entry["content"] = "base64", wrap(base64.StdEncoding.EncodeToString([]byte(content)))
	if len(content) > maxContent {
		entry["encoding"], entry["content"] = "none", ""
	}
	return ok(entry)
}

func invalidTooLarge() answer {
	a := fail(http.StatusForbidden, "This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API, but you can always clone the repository via Git in order to obtain it.", "")
	a.body.(object)["errors"] = []any{object{"resource": "Blob", "field": "data", "code": "too_large"}} //nolint:forcetypeassert // fail made it
	return a
}

// wrap breaks base64 as GitHub does: lines of 60, each ended.
func wrap(text string) string {
	var b strings.Builder
	for line := range slices.Chunk([]byte(text), 60) {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

func (s *Server) directory(r *request, c *Commit, name string) answer {
	entries := map[string]object{}
	add := func(kind, file, sha string, size int) {
		inside := file
		if name != "" {
			var below bool
			if inside, below = strings.CutPrefix(file, name+"/"); !below {
				return
			}
		}
		if first, _, deeper := strings.Cut(inside, "/"); deeper {
			dir := path.Join(name, first)
			entries[dir] = s.entry(r, c, "dir", dir, history.Blob(dir), 0)
			return
		}
		entries[file] = s.entry(r, c, kind, file, sha, size)
	}
	for file, content := range c.Files {
		add("file", file, history.Blob(content), len(content))
	}
	for link, target := range c.Links {
		add("symlink", link, history.Blob(target), len(target))
	}
	if len(entries) == 0 && name != "" {
		return notFound()
	}
	list := []object{}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		list = append(list, entries[key])
	}
	return ok(list[:min(len(list), 1000)])
}

func (s *Server) entry(r *request, c *Commit, kind, name, sha string, size int) object {
	return object{
		"type": kind, "name": path.Base(name), "path": name, "sha": sha, "size": size,
		"url": fmt.Sprintf("%s/repos/%s/contents/%s?ref=%s", s.URL, r.repo.Name, name, c.SHA),
	}
}
