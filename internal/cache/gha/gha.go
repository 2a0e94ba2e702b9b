// Package gha keeps a cache in GitHub's: the service behind actions/cache, spoken
// to with the token that the runner gives an action.
package gha

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	actionscache "github.com/tonistiigi/go-actions-cache"

	"github.com/plimsoll-ci/plimsoll/internal/cache"
)

// prefix sets our entries apart in the list of a repository's caches.
const prefix = "plimsoll-"

// patience is how long a service that says "too many requests" is waited for.
const patience = 20 * time.Second

// New opens the cache of a job. It asks nobody; service.Check says beforehand
// whether it can be reached at all.
func New(service cache.ActionsService, transport http.RoundTripper, userAgent string) (cache.Store, error) {
	opened, err := actionscache.New(service.Token, service.URL, service.V2, actionscache.Opt{
		Client: &http.Client{Transport: transport}, Timeout: patience,
		BackoffPool: &actionscache.BackoffPool{}, // the library's own is shared by the whole process
		UserAgent:   userAgent,
	})
	if err != nil {
		return nil, fmt.Errorf("opening GitHub's cache: %w", hide(err, service.Token))
	}
	return &store{opened: opened, token: service.Token}, nil
}

type store struct {
	opened *actionscache.Cache
	token  string
}

// String implements cache.Store.
func (*store) String() string { return "GitHub's cache" }

// Get implements cache.Store. The service takes every key for the beginning of one,
// looks through the scope of this branch first, then that of its base, then that of
// the default branch, and gives the newest.
func (s *store) Get(ctx context.Context, name string, turns bool, w io.Writer, limit int64) (cache.Key, error) {
	asked := cache.Key{Name: name}.String()
	if turns {
		asked += "."
	}
	entry, err := s.opened.Load(ctx, prefix+asked)
	if err != nil {
		return cache.Key{}, hide(err, s.token)
	}
	if entry == nil {
		return cache.Key{}, cache.ErrAbsent
	}
	found, ours := strings.CutPrefix(entry.Key, prefix)
	key := cache.Key{Name: found}
	if turns {
		key.Name, key.Turn, _ = strings.Cut(found, ".")
	}
	if !ours || key.Name != name {
		return cache.Key{}, cache.ErrAbsent
	}
	if err := entry.WriteTo(ctx, cache.Bounded(w, limit)); err != nil {
		return cache.Key{}, hide(err, s.token)
	}
	return key, nil
}

// Put implements cache.Store.
func (s *store) Put(ctx context.Context, key cache.Key, content cache.Content) (err error) {
	defer func() {
		// The library takes the answer of the blob store for complete.
		if broken := recover(); broken != nil {
			err = fmt.Errorf("the service gave an answer that nobody can read: %v", broken)
		}
	}()
	err = s.opened.Save(ctx, prefix+key.String(), blob{content})
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return hide(err, s.token)
}

type blob struct{ cache.Content }

// Close implements actionscache.Blob. The content is its owner's.
func (blob) Close() error { return nil }

// query is what makes an address of the blob store open to whoever has it.
var query = regexp.MustCompile(`\?[^\s"']+`)

// hide keeps from people what opens the cache to others.
func hide(err error, token string) error {
	if err == nil {
		return nil
	}
	text := query.ReplaceAllString(err.Error(), "?…")
	return &hidden{text: strings.ReplaceAll(text, token, "***"), err: err}
}

type hidden struct {
	text string
	err  error
}

func (h *hidden) Error() string { return h.text }

func (h *hidden) Unwrap() error { return h.err }
