package peers_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
	"github.com/plimsoll-ci/plimsoll/internal/lint/peers"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

var update = flag.Bool("update", false, "rewrite docs/migration")

const docs = "../../../docs/migration"

// TestEveryRule: each rule of a peer is ours by the word of our rules, or declined with
// a sentence, or not applicable with a word.
func TestEveryRule(t *testing.T) {
	for _, p := range peers.All() {
		if _, err := p.Join(all.Rules()); err != nil {
			t.Error(strings.ReplaceAll(err.Error(), "; ", "\n"))
		}
		seen := map[string]bool{}
		for _, r := range p.Rules {
			if seen[r.ID] || r.ID == "" || r.Title == "" {
				t.Errorf("%s: %q stands twice, or has no title", p.Name, r.ID)
			}
			seen[r.ID] = true
			if r.Status == peers.Declined && !strings.HasSuffix(r.Why, ".") || r.Status == peers.NotApplicable && r.Why == "" {
				t.Errorf("%s: %s is %s without a reason", p.Name, r.ID, r.Status)
			}
			if strings.Contains(r.Title+r.Why, "|") {
				t.Errorf("%s: %s would break its table", p.Name, r.ID)
			}
		}
	}
}

// TestEveryAlso: each id that our rules list is a rule of a peer.
func TestEveryAlso(t *testing.T) {
	for _, wrong := range peers.Unknown(all.Rules()) {
		t.Errorf("%s, which is in no catalogue", wrong)
	}
}

// TestReasons: each rule of ours that a reason names is there.
func TestReasons(t *testing.T) {
	for _, p := range peers.All() {
		for _, r := range p.Rules {
			for word := range strings.FieldsFuncSeq(r.Why, func(c rune) bool { return strings.ContainsRune(" (),:;", c) }) {
				word = strings.TrimSuffix(strings.TrimSuffix(word, "."), "'s")
				area, _, found := strings.Cut(word, "-")
				if !found || !slices.Contains([]string{"IMG", "USR", "PRB", "RES", "SEC", "NET", "OBS", "COR", "X", "SUP", "VUL", "WF", "BLD"}, area) {
					continue
				}
				if _, ok := all.Rule(word); !ok {
					t.Errorf("%s: the reason of %s names %q, which is no rule", p.Name, r.ID, word)
				}
			}
		}
	}
}

// TestAPIs: the schemas decide every API that pluto's page calls ours.
func TestAPIs(t *testing.T) {
	youngest := schema.Any().Youngest()
	for _, p := range peers.All() {
		for _, r := range p.Rules {
			if p.Name != "pluto" || r.Status != peers.Ours {
				continue
			}
			for kind := range strings.SplitSeq(r.Title, ", ") {
				for _, target := range []schema.Target{schema.Any(), schema.Between(youngest, youngest)} {
					if s := schema.StatusOf(r.ID, kind, target); !s.Known {
						t.Errorf("%s %s is unknown", r.ID, kind)
					}
				}
				if s := schema.StatusOf(r.ID, kind, schema.Between(youngest, youngest)); s.Removed == "" && !s.Deprecated {
					t.Errorf("%s %s is neither gone from Kubernetes %s nor deprecated", r.ID, kind, youngest)
				}
			}
		}
	}
}

func TestJoinTellsWhatIsWrong(t *testing.T) {
	p := peers.Peer{Name: "p", Rules: []peers.Rule{
		{ID: "a", Status: peers.Ours},
		{ID: "b", Status: peers.Declined},
		{ID: "c", Status: peers.Ours, As: "p/c"},
	}}
	rules := []finding.Rule{{ID: "USR-1.a", Also: []string{"b", "p/c"}}, {ID: "USR-1.b", Also: []string{"typo", "zizmor/x"}}}
	_, err := p.Join(rules)
	want := `joining p with our rules: a is called ours, and no rule lists "a" in Also; b is called declined, and USR-1.a lists it in Also`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if diff := cmp.Diff([]string{"USR-1.a lists b", "USR-1.a lists p/c", "USR-1.b lists typo"}, peers.Unknown(rules)); diff != "" {
		t.Error(diff)
	}
}

func TestPages(t *testing.T) {
	pages, err := peers.Pages(all.Rules())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(docs, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	there, err := filepath.Glob(docs + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if _, ok := pages[filepath.Base(path)]; !ok {
			t.Errorf("%s belongs to no tool", path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := filepath.Join(docs, name)
		if *update {
			if err := os.WriteFile(path, []byte(pages[name]), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != pages[name] {
			t.Errorf("docs/migration/%s is not what the rules say; to write it: go test ./internal/lint/peers -update", name)
		}
	}
}
