package githubtest

import (
	"fmt"
	"strings"
	"time"
)

// Renderers say what the fake knows; the description supplies the rest.

func (s *Server) renderUser(who Identity) object {
	id := who.ID
	if id == 0 {
		if s.users[who.Login] == 0 {
			s.users[who.Login] = s.next()
		}
		id = s.users[who.Login]
	}
	kind, page := "User", "https://github.com/"+who.Login
	if who.Bot {
		kind, page = "Bot", "https://github.com/apps/"+strings.TrimSuffix(who.Login, "[bot]")
	}
	return object{"login": who.Login, "id": id, "type": kind, "site_admin": false, "html_url": page, "url": s.URL + "/users/" + who.Login}
}

func (s *Server) renderRepository(r *repository) object {
	owner, name, _ := strings.Cut(r.Name, "/")
	visibility := "public"
	if r.Private {
		visibility = "private"
	}
	return object{
		"id": r.id, "name": name, "full_name": r.Name, "owner": s.renderUser(Identity{Login: owner}),
		"private": r.Private, "visibility": visibility, "fork": r.Fork != "", "default_branch": r.DefaultBranch,
		"html_url": "https://github.com/" + r.Name, "url": s.URL + "/repos/" + r.Name,
	}
}

func (s *Server) renderPull(r *repository, p *pull) object {
	state := "open"
	if p.Closed {
		state = "closed"
	}
	at := stamp(p.created)
	return object{
		"id": p.id, "number": p.Number, "state": state, "locked": p.Locked, "draft": p.Draft,
		"title": p.Title, "body": p.Body, "user": s.renderUser(p.Author),
		"head": s.renderEnd(p.Head, p.HeadGone), "base": s.renderEnd(p.Base, false),
		"html_url":   fmt.Sprintf("https://github.com/%s/pull/%d", r.Name, p.Number),
		"url":        fmt.Sprintf("%s/repos/%s/pulls/%d", s.URL, r.Name, p.Number),
		"created_at": at, "updated_at": at,
	}
}

func (s *Server) renderEnd(e End, gone bool) object {
	owner, _, _ := strings.Cut(e.Repository, "/")
	rendered := object{"label": owner + ":" + e.Branch, "ref": e.Branch, "sha": e.SHA, "user": s.renderUser(Identity{Login: owner}), "repo": nil}
	if gone {
		rendered["label"] = "unknown repository"
	} else {
		rendered["repo"] = s.renderRepository(s.repositories[strings.ToLower(e.Repository)])
	}
	return rendered
}

func (s *Server) renderComment(r *repository, p *pull, c *Comment) object {
	rendered := object{
		"id": c.ID, "node_id": node(c.ID), "body": c.Body, "user": s.renderUser(c.Author),
		"created_at": stamp(c.Created), "updated_at": stamp(c.Updated),
		"html_url":  fmt.Sprintf("https://github.com/%s/pull/%d#issuecomment-%d", r.Name, p.Number, c.ID),
		"url":       fmt.Sprintf("%s/repos/%s/issues/comments/%d", s.URL, r.Name, c.ID),
		"issue_url": fmt.Sprintf("%s/repos/%s/issues/%d", s.URL, r.Name, p.Number),
	}
	if !c.Author.Bot {
		rendered["author_association"] = "NONE"
	}
	return rendered
}

// node is the global id that GraphQL knows a comment by.
func node(id int64) string { return fmt.Sprintf("IC_%d", id) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
