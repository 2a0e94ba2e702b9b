// Package github tells a pull request what a run concluded, in one comment that is
// kept up to date, and fetches what a run needs from the base commit. Its token
// goes to the API's host only; it asks slowly, seldom and within a budget; and
// whatever GitHub answers, no verdict changes.
package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	api "github.com/google/go-github/v60/github"

	"github.com/plimsoll-ci/plimsoll/internal/event"
)

// Options say where GitHub is and who asks.
type Options struct {
	// API and GraphQL are GITHUB_API_URL and GITHUB_GRAPHQL_URL; empty is
	// https://api.github.com, and the GraphQL that goes with API.
	API, GraphQL string
	// Token may be empty: public repositories can then be read, nothing written.
	Token string
	// Version of plimsoll, for the User-Agent that GitHub asks of every client.
	Version string
	// Author is the login that Token's comments carry. Empty is the workflow's own
	// token; who a token of another kind belongs to is asked when it matters.
	Author string
	// Transport sends the requests; nil is HTTP with the proxy of the environment.
	Transport http.RoundTripper
}

// actions is who comments with a workflow's own token, on github.com and elsewhere.
const actions = "github-actions[bot]"

// Client speaks with one GitHub with one token. All that one run asks goes through
// one Client, which keeps the pace and the budget.
type Client struct {
	rest    *api.Client
	http    *http.Client
	wire    *wire
	graphQL string
	author  string
}

// New checks the addresses; nothing is dialled.
func New(o Options) (*Client, error) {
	if o.API == "" {
		o.API = "https://api.github.com"
	}
	base, err := address("GITHUB_API_URL", o.API)
	if err != nil {
		return nil, err
	}
	if o.GraphQL == "" {
		o.GraphQL = strings.TrimSuffix(base.String(), "/v3") + "/graphql" // "/api/v3" is GitHub Enterprise Server's
	}
	graphQL, err := address("GITHUB_GRAPHQL_URL", o.GraphQL)
	if err != nil {
		return nil, err
	}
	if o.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // documented to be one
		transport.ResponseHeaderTimeout = answerWithin
		o.Transport = transport
	}
	w := newWire(o.Transport, []*url.URL{base, graphQL}, strings.TrimSpace(o.Token), "plimsoll/"+o.Version)
	client := &http.Client{Transport: w, CheckRedirect: w.redirect}
	rest := api.NewClient(client)
	rest.BaseURL, rest.UserAgent = base.JoinPath("/"), w.agent
	return &Client{rest: rest, http: client, wire: w, graphQL: graphQL.String(), author: o.Author}, nil
}

// Requests is how many requests the API has had from this client; 25 is the most.
func (c *Client) Requests() int {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	return c.wire.requests
}

func address(name, value string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(value, "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s is not an address such as https://api.github.com; only the runner may set it", name) // the value may hold a password
	}
	return u, nil
}

// viewer asks who the token belongs to. A workflow's own token may ask this of
// GraphQL only: GET /user is not for it.
func (c *Client) viewer(ctx context.Context) (string, error) {
	const doing = "asking whose the token is"
	ctx = context.WithValue(ctx, queryKey, true)
	request, err := c.rest.NewRequest(http.MethodPost, c.graphQL, map[string]string{"query": "query { viewer { login } }"})
	if err != nil {
		return "", c.explain(ctx, doing, err)
	}
	var answer struct {
		Data struct {
			Viewer struct {
				Login string `json:"login"`
			} `json:"viewer"`
		} `json:"data"`
	}
	if _, err := c.rest.Do(ctx, request, &answer); err != nil {
		return "", c.explain(ctx, doing, err)
	}
	if answer.Data.Viewer.Login == "" {
		return "", &Error{Doing: doing, Detail: "GitHub does not tell"}
	}
	return answer.Data.Viewer.Login, nil
}

// split takes "owner/name" apart.
func split(repository string) (owner, name string, err error) {
	if !event.IsRepository(repository) {
		return "", "", fmt.Errorf("%q is not a repository; write owner/name", repository)
	}
	owner, name, _ = strings.Cut(repository, "/")
	return owner, name, nil
}

func checkCommit(sha string) error {
	if !event.IsCommit(sha) {
		return errors.New("a commit has 40 or 64 hexadecimal digits, not all of them zero")
	}
	return nil
}
