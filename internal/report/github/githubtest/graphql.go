package githubtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest/graphql"
)

// serveGraphQL answers 200 to whatever it could read, errors or not.
func (s *Server) serveGraphQL(w http.ResponseWriter, token *Token, body []byte) {
	const docs = "https://docs.github.com/graphql"
	if token.Secret == "" {
		s.send(w, nil, fail(http.StatusForbidden, "This endpoint requires you to be authenticated.", docs))
		return
	}
	var sent struct {
		Query     string         `json:"query"`
		Operation string         `json:"operationName"`
		Variables map[string]any `json:"variables"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		s.send(w, nil, fail(http.StatusBadRequest, "Problems parsing JSON", docs))
		return
	}
	query, err := graphql.Parse(sent.Query, sent.Operation, sent.Variables)
	if err != nil {
		s.violate("%v", err)
		s.send(w, nil, ok(object{"errors": []any{object{"message": err.Error()}}}))
		return
	}
	root := s.query(token)
	if query.Mutation() {
		root = s.mutation(token)
	}
	data, failures := query.Answer(root)
	answered := object{"data": data}
	if len(failures) > 0 {
		answered["errors"] = failures
	}
	s.send(w, nil, ok(answered))
}

func (s *Server) query(token *Token) graphql.Object {
	return graphql.Object{
		"__typename": "Query",
		// A bot's login has its "[bot]" here, and has not as an author.
		"viewer": graphql.Object{"__typename": "User", "id": "U_" + token.Login, "login": token.Login, "url": "https://github.com/" + token.Login},
		"rateLimit": graphql.Object{
			"__typename": "RateLimit", "cost": 1, "limit": s.options.RateLimit, "used": s.spent[token.Secret],
			"remaining": s.options.RateLimit - s.spent[token.Secret], "resetAt": stamp(s.now().Truncate(hour).Add(hour)),
		},
		"repository": graphql.Resolver(func(arguments map[string]any) (any, *graphql.Error) {
			r := s.repositories[strings.ToLower(text(arguments["owner"])+"/"+text(arguments["name"]))]
			if r == nil || !token.sees(r) {
				return nil, missing("Could not resolve to a Repository with the name '" + text(arguments["owner"]) + "/" + text(arguments["name"]) + "'.")
			}
			return s.queryRepository(token, r), nil
		}),
		"node": graphql.Resolver(func(arguments map[string]any) (any, *graphql.Error) {
			r, p, c := s.find(text(arguments["id"]))
			if c == nil || !token.sees(r) {
				return nil, missing("Could not resolve to a node with the global id of '" + text(arguments["id"]) + "'")
			}
			return s.queryComment(token, r, p, c), nil
		}),
	}
}

func text(v any) string {
	t, _ := v.(string)
	return t
}

// integer of a literal, or of a variable as JSON has it.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), true
	}
	return 0, false
}

func missing(message string) *graphql.Error {
	return &graphql.Error{Type: "NOT_FOUND", Message: message}
}

func (s *Server) queryRepository(token *Token, r *repository) graphql.Object {
	_, name, _ := strings.Cut(r.Name, "/")
	return graphql.Object{
		"__typename": "Repository", "id": "R_" + strconv.FormatInt(r.id, 10), "name": name, "nameWithOwner": r.Name, "isPrivate": r.Private,
		"pullRequest": graphql.Resolver(func(arguments map[string]any) (any, *graphql.Error) {
			number, _ := integer(arguments["number"])
			p := r.pulls[int(number)]
			switch {
			case !token.may(r, []need{{permission: PullRequests, access: Read}}):
				return nil, &graphql.Error{Type: "FORBIDDEN", Message: "Resource not accessible by integration"}
			case p == nil:
				return nil, missing("Could not resolve to a PullRequest with the number of " + strconv.FormatInt(number, 10) + ".")
			}
			return graphql.Object{
				"__typename": "PullRequest", "id": "PR_" + strconv.FormatInt(p.id, 10), "number": p.Number, "locked": p.Locked, "headRefOid": p.Head.SHA,
				"comments": graphql.Resolver(func(arguments map[string]any) (any, *graphql.Error) {
					return s.queryComments(token, r, p, arguments)
				}),
			}, nil
		}),
	}
}

// queryComments cuts a page: one of first and last is needed, at most 100.
func (s *Server) queryComments(token *Token, r *repository, p *pull, arguments map[string]any) (graphql.Object, *graphql.Error) {
	first, forward := integer(arguments["first"])
	last, backward := integer(arguments["last"])
	switch {
	case forward == backward:
		return nil, &graphql.Error{Type: "MISSING_PAGINATION_BOUNDARIES", Message: "You must provide a `first` or `last` value to properly paginate the `comments` connection."}
	case max(first, last) > maxPerPage:
		return nil, &graphql.Error{Type: "EXCESSIVE_PAGINATION", Message: "Requesting too many records on the `comments` connection exceeds the `first` limit of 100 records."}
	}
	from, to := 0, len(p.comments)
	if n, err := strconv.Atoi(strings.TrimPrefix(text(arguments["after"]), "cursor:")); err == nil {
		from = min(n, to)
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(text(arguments["before"]), "cursor:")); err == nil {
		to = max(min(n-1, to), from)
	}
	if forward {
		to = min(to, from+int(first))
	} else {
		from = max(from, to-int(last))
	}
	nodes, edges := []graphql.Object{}, []graphql.Object{}
	cursor := func(i int) string { return "cursor:" + strconv.Itoa(i+1) }
	for i, c := range p.comments[from:to] {
		nodes = append(nodes, s.queryComment(token, r, p, c))
		edges = append(edges, graphql.Object{"__typename": "IssueCommentEdge", "cursor": cursor(from + i), "node": nodes[i]})
	}
	info := graphql.Object{"__typename": "PageInfo", "hasNextPage": to < len(p.comments), "hasPreviousPage": from > 0}
	if to > from {
		info["startCursor"], info["endCursor"] = cursor(from), cursor(to-1)
	}
	return graphql.Object{"__typename": "IssueCommentConnection", "nodes": nodes, "edges": edges, "pageInfo": info, "totalCount": len(p.comments)}, nil
}

func (s *Server) queryComment(token *Token, r *repository, p *pull, c *Comment) graphql.Object {
	rendered := s.renderComment(r, p, c)
	kind := "User"
	if c.Author.Bot {
		kind = "Bot"
	}
	user := s.renderUser(c.Author)
	writes := token.may(r, []need{{permission: PullRequests, access: Write}})
	o := graphql.Object{
		"__typename": "IssueComment", "id": node(c.ID), "databaseId": c.ID, "fullDatabaseId": strconv.FormatInt(c.ID, 10), "body": c.Body, "url": rendered["html_url"],
		"author": graphql.Object{
			"__typename": kind, "id": "U_" + c.Author.Login, "login": strings.TrimSuffix(c.Author.Login, "[bot]"), "databaseId": user["id"], "url": user["html_url"],
		},
		"isMinimized": c.Minimized, "minimizedReason": nil, "viewerDidAuthor": c.Author.Login == token.Login,
		"viewerCanDelete": writes, "viewerCanUpdate": writes, "viewerCanMinimize": writes,
	}
	if c.Minimized {
		o["minimizedReason"] = c.reason
	}
	return o
}

func (s *Server) find(id string) (*repository, *pull, *Comment) {
	for _, r := range s.repositories {
		for _, p := range r.pulls {
			if at := slices.IndexFunc(p.comments, func(c *Comment) bool { return node(c.ID) == id }); at >= 0 {
				return r, p, p.comments[at]
			}
		}
	}
	return nil, nil, nil
}

func (s *Server) mutation(token *Token) graphql.Object {
	minimize := func(field string, hide bool) graphql.Resolver {
		return func(arguments map[string]any) (any, *graphql.Error) {
			input, _ := arguments["input"].(map[string]any)
			r, p, c := s.find(text(input["subjectId"]))
			switch {
			case c == nil || !token.sees(r):
				return nil, missing("Could not resolve to a node with the global id of '" + text(input["subjectId"]) + "'")
			case !token.may(r, []need{{permission: PullRequests, access: Write}}):
				return nil, &graphql.Error{Type: "FORBIDDEN", Message: "Resource not accessible by integration"}
			}
			c.Minimized, c.reason = hide, strings.ToLower(text(input["classifier"]))
			return graphql.Object{"clientMutationId": input["clientMutationId"], field: s.queryComment(token, r, p, c)}, nil
		}
	}
	return graphql.Object{
		"__typename":        "Mutation",
		"minimizeComment":   minimize("minimizedComment", true),
		"unminimizeComment": minimize("unminimizedComment", false),
	}
}
