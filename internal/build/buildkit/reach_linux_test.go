package buildkit

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
)

// The token of the job opens its caches: no entry sends it anywhere else.
func TestTheJobsTokenStaysHome(t *testing.T) {
	t.Parallel()
	service := cache.ActionsService{URL: "https://results.example/x/", Token: jobToken, V2: true}
	for entry, want := range map[string]string{ // the token that goes along; "-" is no entry
		"type=gha":                                       jobToken,
		"type=gha,url=https://results.example/x":         jobToken,
		"type=gha,url_v2=https://results.example/x/":     jobToken,
		"type=gha,url=https://evil.example/":             "-",
		"type=gha,url_v2=https://evil.example/":          "-",
		"type=gha,URL=https://evil.example/,token=":      "-",
		"type=gha,url=https://evil.example/,token=mine":  "mine",
		"type=gha,url=https://results.example.evil/x/":   "-",
		"type=gha,url=https://results.example/x/../evil": "-",
	} {
		var opt client.SolveOpt
		notes, err := addCaches(build.Spec{CacheFrom: []string{entry}}, service, &opt)
		if err != nil {
			t.Fatal(err)
		}
		got := "-"
		if len(opt.CacheImports) > 0 {
			got = opt.CacheImports[0].Attrs["token"]
		}
		if got != want || (want == "-") != (len(notes) == 1) {
			t.Errorf("%s: the token %q, want %q; notes %q", entry, got, want, notes)
		}
		if strings.Contains(strings.Join(notes, ""), jobToken) {
			t.Errorf("%s: notes tell the token", entry)
		}
	}
}
