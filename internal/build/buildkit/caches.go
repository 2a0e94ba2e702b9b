package buildkit

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/moby/buildkit/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
)

// ActionsFrom reads how GitHub's cache is reached from inside a job.
func ActionsFrom(getenv func(string) string) cache.ActionsService { return cache.ActionsFrom(getenv) }

// reach adds to an entry what it leaves open of the way to a cache of GitHub's. The
// job's token opens the job's caches and goes to the service that the runner names
// alone: an entry that names another brings its own.
func reach(attrs map[string]string, actions cache.ActionsService) error {
	if attrs["token"] != "" {
		fill(attrs, actions)
		return nil
	}
	for _, key := range []string{"url", "url_v2"} {
		if url := attrs[key]; url != "" && strings.TrimRight(url, "/") != strings.TrimRight(actions.URL, "/") {
			return fmt.Errorf("%s is not this job's cache, which alone is given the job's token; leave %s out, or give a token of that service", url, key)
		}
	}
	if err := actions.Check(time.Now()); err != nil {
		return err
	}
	fill(attrs, actions)
	return nil
}

// fill adds what an entry leaves open. A BuildKit before 0.20 knows only the first
// service and wants an address of it; with that of the second it finds nothing,
// which fails no import, and no export that is told to ignore errors.
func fill(attrs map[string]string, from cache.ActionsService) {
	set := func(key, value string) {
		if _, given := attrs[key]; !given && value != "" {
			attrs[key] = value
		}
	}
	set("token", from.Token)
	set("url", from.URL)
	if from.V2 {
		set("url_v2", from.URL)
	}
}

// addCaches asks for the caches of a build. A cache of GitHub's that cannot be
// reached is left out, with a note: a build without it is slower, and the same.
func addCaches(spec build.Spec, actions cache.ActionsService, opt *client.SolveOpt) (notes []string, err error) {
	entries := func(input string, given []string) []client.CacheOptionsEntry {
		caches, parseErr := build.ParseCaches(input, given)
		if parseErr != nil {
			err = parseErr
		}
		var out []client.CacheOptionsEntry
		for _, c := range caches {
			attrs := maps.Clone(c.Attrs)
			if c.Type == build.CacheActions {
				if err := reach(attrs, actions); err != nil {
					notes = append(notes, fmt.Sprintf("%s: type=gha was left out: %v", input, err))
					continue
				}
			}
			out = append(out, client.CacheOptionsEntry{Type: c.Type, Attrs: attrs})
		}
		return out
	}
	opt.CacheImports = entries(build.InputCacheFrom, spec.CacheFrom)
	opt.CacheExports = entries(build.InputCacheTo, spec.CacheTo)
	return notes, err
}
