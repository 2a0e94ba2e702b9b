// Package registry speaks to OCI registries: it resolves references, reads
// manifests, blobs and referrers within bounds, and writes what lies in an OCI
// layout or in another repository byte by byte as it lies. Nothing it writes moves
// a tag but Tag and Retag.
//
// Every digest it returns was computed from bytes that it read, never taken from
// a header.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Options of a Client.
type Options struct {
	// Auths are credentials by registry host. They win over Keychain.
	Auths []Auth
	// Keychain finds all other credentials: authn.DefaultKeychain reads Docker's
	// config. Nil is anonymous.
	Keychain authn.Keychain
	// Transport carries the requests; nil is a copy of http.DefaultTransport.
	Transport http.RoundTripper
	// UserAgent is sent with every request: "plimsoll/1.2.3".
	UserAgent string
	// InsecureHosts ("registry.internal:5000") may be spoken to over plain HTTP.
	// Loopback hosts always may, all others never.
	InsecureHosts []string
	// Waits are the pauses before the second, third, … try of a request that met a
	// temporary error. Nil is one second, then three; empty is no second try.
	Waits []time.Duration
}

// Client is safe for concurrent use.
type Client struct {
	keychain  authn.Keychain
	transport http.RoundTripper
	insecure  map[string]bool
	waits     []time.Duration

	mu       sync.Mutex
	sessions map[sessionKey]*session
	// referring serialises writes of referrers: where a registry has no referrers
	// API their list is read, changed and written back without a condition.
	referring sync.Mutex
}

// New makes a client. It fails when an Auth names no valid registry.
func New(o Options) (*Client, error) {
	keychain, err := newKeychain(o.Auths, o.Keychain)
	if err != nil {
		return nil, err
	}
	c := &Client{
		keychain: keychain,
		insecure: make(map[string]bool, len(o.InsecureHosts)),
		waits:    o.Waits,
		sessions: make(map[sessionKey]*session),
	}
	for _, host := range o.InsecureHosts {
		c.insecure[host] = true
	}
	if c.waits == nil {
		c.waits = []time.Duration{time.Second, 3 * time.Second}
	}
	inner := o.Transport
	if inner == nil {
		inner = http.DefaultTransport
		if t, ok := inner.(*http.Transport); ok {
			inner = t.Clone()
		}
	}
	c.transport = transport.NewUserAgent(&plainGuard{inner: inner, insecure: c.insecure}, o.UserAgent)
	return c, nil
}

// Keychain answers with the credentials of this client, for those who speak to
// registries by themselves.
func (c *Client) Keychain() authn.Keychain { return c.keychain }

// Transport carries the requests of those who speak to registries by themselves,
// under the rules of this client: no plain HTTP but where Options allows it,
// whatever the library above falls back to. It brings no credentials.
func (c *Client) Transport() http.RoundTripper { return c.transport }

// Reference parses "host/repository[:tag][@sha256:…]" as Docker does: without a
// host it is Docker Hub, without a tag or digest the tag is "latest".
func (c *Client) Reference(text string) (name.Reference, error) {
	ref, err := name.ParseReference(text)
	if err != nil {
		return nil, fmt.Errorf("image reference %q is not valid: %w; write it as host/repository:tag or host/repository@sha256:…", text, err)
	}
	return ref, nil
}

// repository returns r with what this client knows of its host, whoever parsed it.
func (c *Client) repository(r name.Repository) (name.Repository, error) {
	if !c.insecure[r.RegistryStr()] {
		return r, nil
	}
	return name.NewRepository(r.Name(), name.Insecure)
}

// session is one authenticated conversation with one repository. The handshake
// and the token are shared by all that goes through it.
type session struct {
	repo   name.Repository
	client *http.Client
	puller *remote.Puller
	pusher *remote.Pusher
}

type sessionKey struct {
	repository string
	scope      string
	also       string
}

func (a act) key() sessionKey { return sessionKey{a.repo.Name(), a.scope, a.also} }

func (c *Client) session(ctx context.Context, a act) (*session, error) {
	repo, err := c.repository(a.repo)
	if err != nil {
		return nil, err
	}
	key := a.key()
	c.mu.Lock()
	s := c.sessions[key]
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	auth, err := authn.Resolve(ctx, c.keychain, repo)
	if err != nil {
		return nil, fmt.Errorf("looking up credentials for %s: %w", repo.RegistryStr(), err)
	}
	scopes := []string{repo.Scope(a.scope)}
	if a.also != "" {
		scopes = append(scopes, a.also)
	}
	tr, err := transport.NewWithContext(ctx, repo.Registry, auth, c.transport, scopes)
	if err != nil {
		return nil, err
	}
	// Given a *transport.Wrapper the library neither asks for a token again nor
	// retries by itself: its pauses do not end with the context, ours do.
	once := []remote.Option{
		remote.WithTransport(tr),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		remote.WithRetryPredicate(func(error) bool { return false }),
	}
	s = &session{repo: repo, client: &http.Client{Transport: tr}}
	if s.puller, err = remote.NewPuller(once...); err != nil {
		return nil, err
	}
	if s.pusher, err = remote.NewPusher(once...); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.sessions[key] = s
	c.mu.Unlock()
	return s, nil
}

// forget makes the next try begin with a new handshake.
func (c *Client) forget(a act) {
	c.mu.Lock()
	delete(c.sessions, a.key())
	c.mu.Unlock()
}

// act is what is being done, to what: the words an error begins with.
type act struct {
	doing  string // "pushing"
	target string // "ghcr.io/acme/app:1.2"
	repo   name.Repository
	scope  string // transport.PullScope or transport.PushScope
	also   string // another scope that is asked for with it
	tag    bool   // moves a tag
}

// try does the work, again after each pause while the error is temporary, and
// returns an *Error.
func (c *Client) try(ctx context.Context, a act, work func(*session) error) error {
	for attempt := 0; ; attempt++ {
		err := context.Cause(ctx)
		if err == nil {
			var s *session
			if s, err = c.session(ctx, a); err == nil {
				err = work(s)
			}
		}
		if err == nil {
			return nil
		}
		// An answer was understood; only what broke the conversation ends the session.
		var answer *transport.Error
		if !errors.As(err, &answer) || answer.StatusCode == http.StatusUnauthorized {
			c.forget(a)
		}
		if ctx.Err() != nil || attempt >= len(c.waits) || !temporary(err) {
			return classify(ctx, a, err)
		}
		select {
		case <-ctx.Done():
			return classify(ctx, a, context.Cause(ctx))
		case <-time.After(c.waits[attempt]):
		}
	}
}

var errPlain = errors.New("plain HTTP is used only with localhost and hosts named as insecure")

// plainGuard keeps credentials and images off plain HTTP. The library would fall
// back to it for every private address.
type plainGuard struct {
	inner    http.RoundTripper
	insecure map[string]bool
}

func (g *plainGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" && !g.insecure[r.URL.Host] && !loopback(r.URL.Hostname()) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errPlain
	}
	return g.inner.RoundTrip(r)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
