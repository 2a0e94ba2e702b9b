package all_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/lint/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// A Compose project and a HEALTHCHECK that are wrong, and a secret.
var onlyDocker = map[string]string{
	"compose.yaml": `version: "3"
services:
  web:
    image: nginx
    privileged: true
    # plimsoll:ignore USR-3.m -- for a while
    network_mode: host
    environment:
      API_TOKEN: 0f4ed1c25e8a41bbaf03
`,
	"Dockerfile": "FROM alpine:3.22\nUSER 10001\nHEALTHCHECK CMD curl -f http://localhost:3000/ || exit 1\nCMD [\"/web\"]\n",
}

// kept are the rules on Compose files that every profile asks for.
var kept = map[string]bool{"SEC-2.m": true, "SEC-2.n": true}

func TestTheKubernetesProfileAsksForNothingOfCompose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range onlyDocker {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	count := func(profile string) (ofDocker, secrets, unused int) {
		tree, err := source.Open(dir, source.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		report, err := lint.Run(t.Context(), all.Linters(), all.Across(), tree, lint.Options{Profile: profile})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Findings {
			switch {
			case f.Rule.ID == "SUP-03":
				unused++
			case kept[f.Rule.ID]:
				secrets++
			case f.Location.Path == "compose.yaml" || f.Location.Line == 3:
				ofDocker++
			}
		}
		return ofDocker, secrets, unused
	}
	if n, secrets, _ := count(lint.ProfileRecommended); n < 5 || secrets != 1 {
		t.Errorf("recommended: %d findings and %d secrets; the test tests nothing", n, secrets)
	}
	if n, secrets, unused := count(lint.ProfileKubernetes); n > 0 || secrets != 1 || unused > 0 {
		t.Errorf("kubernetes: %d findings, %d secrets, %d suppressions that are called unused; want 0, 1 and 0", n, secrets, unused)
	}
}

// The table names rules that there are, and every rule on Compose files but the kept.
func TestWhatTheKubernetesProfileLeavesOut(t *testing.T) {
	t.Parallel()
	known := map[string]finding.Rule{}
	for _, rule := range all.Rules() {
		known[rule.ID] = rule
		if !lint.Asks(lint.ProfileRecommended, rule.ID) || !lint.Asks(lint.ProfileStrict, rule.ID) {
			t.Errorf("%s is asked for by no profile", rule.ID)
		}
	}
	for _, rule := range compose.Linter().Rules {
		if lint.Asks(lint.ProfileKubernetes, rule.ID) != kept[rule.ID] {
			t.Errorf("%s: asked for %v under the profile kubernetes", rule.ID, !kept[rule.ID])
		}
	}
	for _, id := range lint.Off(lint.ProfileKubernetes) {
		if _, ok := known[id]; !ok {
			t.Errorf("the profile kubernetes leaves out %s, which is no rule", id)
		}
	}
}
