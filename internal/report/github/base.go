package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	api "github.com/google/go-github/v60/github"
)

// maxFile bounds a file that File reads; GitHub's API itself stops at 1 MB.
const maxFile = 1 << 20

// Tarball opens one commit of a repository ("owner/name") as a gzip-compressed tar
// archive, whose entries lie below one directory. GitHub sends us to another host for
// it, which does not see the token. The archive is as hostile as the commit is, and
// as long; a truncated one ends with io.ErrUnexpectedEOF. ctx holds until the end of
// the reading.
func (c *Client) Tarball(ctx context.Context, repository, commit string) (io.ReadCloser, error) {
	doing := "fetching commit " + short(commit) + " of " + repository
	owner, name, err := split(repository)
	if err == nil {
		err = checkCommit(commit)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching a commit: %w", err)
	}
	ctx = context.WithValue(ctx, streamKey, true)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.rest.BaseURL.JoinPath("repos", owner, name, "tarball", commit).String(), nil)
	if err != nil {
		return nil, c.explain(ctx, doing, err)
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	request.Header.Set("Accept-Encoding", "identity") // the archive is compressed, the transfer is not
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, c.explain(ctx, doing, err)
	}
	if err := api.CheckResponse(answer); err != nil {
		answer.Body.Close()
		return nil, c.explain(ctx, doing, err)
	}
	return answer.Body, nil
}

// Parents names the parents of a commit, the first first. Of the merge commit that a
// pull request's run checks out, the first is the exact commit that the change is
// merged into; the event's base may be older.
func (c *Client) Parents(ctx context.Context, repository, commit string) ([]string, error) {
	owner, name, err := split(repository)
	if err == nil {
		err = checkCommit(commit)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a commit: %w", err)
	}
	doing := "reading commit " + short(commit) + " of " + repository
	found, _, err := c.rest.Git.GetCommit(ctx, owner, name, commit)
	if err != nil {
		return nil, c.explain(ctx, doing, err)
	}
	var parents []string
	for _, p := range found.Parents {
		if p == nil || checkCommit(p.GetSHA()) != nil {
			return nil, &Error{Doing: doing, Detail: "GitHub names a parent that is no commit"}
		}
		parents = append(parents, p.GetSHA())
	}
	return parents, nil
}

// Common names the commit that base is now and the newest one that it has in common
// with head, which is where a change left it. Base is a branch or a commit, head a
// commit; of a fork's too.
func (c *Client) Common(ctx context.Context, repository, base, head string) (tip, common string, err error) {
	owner, name, err := split(repository)
	if err == nil {
		err = checkCommit(head)
	}
	if err != nil {
		return "", "", fmt.Errorf("comparing commits: %w", err)
	}
	doing := fmt.Sprintf("comparing %s with %q of %s", short(head), base, repository)
	found, _, err := c.rest.Repositories.CompareCommits(ctx, owner, name, base, head, &api.ListOptions{PerPage: 1})
	if err != nil {
		return "", "", c.explain(ctx, doing, err)
	}
	tip, common = found.GetBaseCommit().GetSHA(), found.GetMergeBaseCommit().GetSHA()
	if checkCommit(tip) != nil || checkCommit(common) != nil {
		return "", "", &Error{Doing: doing, Detail: "GitHub names a commit that is none"}
	}
	return tip, common, nil
}

// File reads a file of a repository at a ref (a branch, tag or commit; empty is the
// default branch). errors.Is(err, fs.ErrNotExist) says that there is none, or that
// the token may not see the repository: GitHub does not tell these apart.
func (c *Client) File(ctx context.Context, repository, path, ref string) ([]byte, error) {
	owner, name, err := split(repository)
	if err != nil {
		return nil, fmt.Errorf("reading a file from GitHub: %w", err)
	}
	doing := fmt.Sprintf("reading %q of %s", path, repository)
	switch {
	case !fs.ValidPath(path) || path == ".":
		return nil, &Error{Doing: doing, Detail: "this is not a path from the root of a repository"}
	case slices.ContainsFunc(strings.Split(ref, "/"), func(part string) bool { return part == ".." }) || len(ref) > 250:
		return nil, &Error{Doing: doing, Detail: "this is not a branch, tag or commit"}
	}
	file, listing, _, err := c.rest.Repositories.GetContents(ctx, owner, name, path, &api.RepositoryContentGetOptions{Ref: ref})
	switch {
	case errors.Is(err, api.ErrPathForbidden):
		return nil, &Error{Doing: doing, Detail: "this is not a path from the root of a repository"}
	case err != nil:
		return nil, c.explain(ctx, doing, err)
	case listing != nil || file == nil || file.GetType() != "file":
		return nil, &Error{Doing: doing, Detail: "this is not a file; name one"}
	case file.GetSize() > maxFile:
		return nil, &Error{Doing: doing, Detail: "the file is larger than 1 MiB"}
	}
	content, err := file.GetContent()
	if err != nil {
		return nil, &Error{Doing: doing, Detail: "what GitHub sends cannot be decoded"}
	}
	return []byte(content), nil
}

func short(commit string) string { return commit[:min(len(commit), 12)] }
