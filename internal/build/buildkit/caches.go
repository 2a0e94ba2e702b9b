package buildkit

import (
	"fmt"
	"maps"
	"strconv"

	"github.com/moby/buildkit/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// ActionsCache is how GitHub's cache is reached from inside a job. The token opens
// the job's caches and is shown nowhere.
type ActionsCache struct {
	URL        string // of the first service
	ResultsURL string // of the second service
	Token      string
	V2         bool // the second service is on
}

// ActionsFrom reads what the runner gives: ACTIONS_CACHE_URL, ACTIONS_RESULTS_URL,
// ACTIONS_RUNTIME_TOKEN and ACTIONS_CACHE_SERVICE_V2.
func ActionsFrom(getenv func(string) string) ActionsCache {
	v2, _ := strconv.ParseBool(getenv("ACTIONS_CACHE_SERVICE_V2"))
	return ActionsCache{
		URL: getenv("ACTIONS_CACHE_URL"), ResultsURL: getenv("ACTIONS_RESULTS_URL"),
		Token: getenv("ACTIONS_RUNTIME_TOKEN"), V2: v2,
	}
}

// missing says what the cache cannot be reached without, "" when nothing.
func (a ActionsCache) missing() string {
	switch {
	case a.Token == "":
		return "ACTIONS_RUNTIME_TOKEN"
	case a.URL == "" && a.ResultsURL == "":
		return "ACTIONS_RESULTS_URL"
	}
	return ""
}

// fill adds what an entry leaves open.
func (a ActionsCache) fill(attrs map[string]string) {
	set := func(key, value string) {
		if _, given := attrs[key]; !given && value != "" {
			attrs[key] = value
		}
	}
	set("token", a.Token)
	set("url", a.URL)
	// GitHub Enterprise Server has a results URL for artifacts before it has the second service.
	if a.V2 || a.URL == "" {
		set("url_v2", a.ResultsURL)
	}
}

// addCaches asks for the caches of a build. A cache of GitHub's that cannot be
// reached is left out, with a note: a build without it is slower, and the same.
func addCaches(spec build.Spec, actions ActionsCache, opt *client.SolveOpt) (notes []string, err error) {
	entries := func(input string, given []string) []client.CacheOptionsEntry {
		caches, parseErr := build.ParseCaches(input, given)
		if parseErr != nil {
			err = parseErr
		}
		var out []client.CacheOptionsEntry
		for _, c := range caches {
			attrs := maps.Clone(c.Attrs)
			if c.Type == build.CacheActions {
				if missing := actions.missing(); attrs["token"] == "" && missing != "" {
					notes = append(notes, fmt.Sprintf("%s: type=gha was left out: the runner gave no %s", input, missing))
					continue
				}
				actions.fill(attrs)
			}
			out = append(out, client.CacheOptionsEntry{Type: c.Type, Attrs: attrs})
		}
		return out
	}
	opt.CacheImports = entries(build.InputCacheFrom, spec.CacheFrom)
	opt.CacheExports = entries(build.InputCacheTo, spec.CacheTo)
	return notes, err
}
