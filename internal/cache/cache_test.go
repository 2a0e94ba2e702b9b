package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// memory is a store without scopes.
type memory struct {
	mu      sync.Mutex
	entries map[Key][]byte
	last    map[string]Key
	err     error
}

func newMemory() *memory { return &memory{entries: map[Key][]byte{}, last: map[string]Key{}} }

func (*memory) String() string { return "the memory" }

func (m *memory) Get(_ context.Context, name string, turns bool, w io.Writer, limit int64) (Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key, ok := m.last[name]
	if m.err != nil || !ok || turns != (key.Turn != "") {
		return Key{}, errors.Join(ErrAbsent, m.err)
	}
	_, err := Bounded(w, limit).Write(m.entries[key])
	return key, err
}

func (m *memory) Put(_ context.Context, key Key, content Content) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.entries[key]; ok || m.err != nil {
		return m.err
	}
	data := make([]byte, content.Size())
	if _, err := content.ReadAt(data, 0); err != nil {
		return err
	}
	m.entries[key], m.last[key.Name] = data, key
	return nil
}

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	other  = "fedcba9876543210fedcba9876543210fedcba98"
)

func digest(c string) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: strings.Repeat(c, 64)} }

func inventory() Inventory {
	return Inventory{
		Commit: commit, Reference: "ghcr.io/acme/app:1", Digest: digest("a"), ID: digest("b"), Platform: "linux/amd64",
		DiffIDs: []v1.Hash{digest("c")},
		Origins: []build.LayerOrigin{{DiffID: digest("c").String(), Location: finding.Location{Path: "Dockerfile", Line: 3}, Command: "RUN x", Base: true}},
		Analysis: scan.Analysis{
			Inventory: scan.Inventory{OS: "alpine 3.11.5", Packages: 14, Detail: json.RawMessage(`{"a":1}`)},
			Secrets:   []finding.Finding{{Rule: scan.SecretInLayer, Severity: finding.Critical, Layer: digest("c").String(), Message: "a key"}},
		},
	}
}

func TestInventory(t *testing.T) {
	t.Parallel()
	recipe := Recipe{Dockerfile: "Dockerfile", Args: map[string]string{"VERSION": "hush"}, Options: scan.Options{Packages: true}, Analyzer: "1.0.0"}
	store := newMemory()
	open := func(e event.Kind) *Cache {
		return New(store, For(Registry, event.Event{Kind: e, Run: &verdict.Run{Event: "push"}}), t.TempDir())
	}
	ctx := t.Context()
	open(event.PullRequest).KeepInventory(ctx, recipe, inventory())
	open(event.PullRequestTarget).KeepInventory(ctx, recipe, inventory())
	open(event.Release).KeepInventory(ctx, recipe, inventory())
	(*Cache)(nil).KeepInventory(ctx, recipe, inventory())
	if len(store.entries) != 0 {
		t.Fatal("who may not has kept something")
	}
	open(event.Default).KeepInventory(ctx, recipe, inventory())
	for key, content := range store.entries {
		if bytes.Contains(content, []byte("hush")) || strings.Contains(key.String(), "hush") {
			t.Error("the value of a build argument is kept")
		}
	}
	pull := open(event.PullRequest)
	got, err := pull.Inventory(ctx, commit, recipe)
	if err != nil || got == nil {
		t.Fatal(got, err, pull.Trouble())
	}
	if diff := cmp.Diff(inventory(), *got); diff != "" {
		t.Error(diff)
	}
	if img := got.Image(); img.Reference != "ghcr.io/acme/app:1" || img.Config.RootFS.DiffIDs[0] != digest("c") {
		t.Errorf("image %+v", img)
	}
	for name, change := range map[string]func(*Recipe){
		"argument": func(r *Recipe) { r.Args = map[string]string{"VERSION": "2"} },
		"target":   func(r *Recipe) { r.Target = "x" },
		"file":     func(r *Recipe) { r.Dockerfile = "other/Dockerfile" },
		"platform": func(r *Recipe) { r.Platform = "linux/arm64" },
		"skipped":  func(r *Recipe) { r.Options.SkipDirs = []string{"a"} },
		"analyzer": func(r *Recipe) { r.Analyzer = "1.0.1" },
	} {
		changed := recipe
		change(&changed)
		if got, err := pull.Inventory(ctx, commit, changed); got != nil || err != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	for _, none := range []string{other, "", "HEAD", "../../x", strings.Repeat("g", 40)} {
		if got, err := pull.Inventory(ctx, none, recipe); got != nil || err != nil {
			t.Errorf("%q: got %v, %v", none, got, err)
		}
	}
	if trouble := pull.Trouble(); len(trouble) != 0 {
		t.Errorf("trouble %q", trouble)
	}

	// An entry of one commit under the name of another.
	store.mu.Lock()
	from, to := Key{Name: recipe.name(commit)}, Key{Name: recipe.name(other)}
	store.entries[to], store.last[to.Name] = store.entries[from], to
	store.mu.Unlock()
	if got, err := pull.Inventory(ctx, other, recipe); got != nil || err != nil || len(pull.Trouble()) != 1 {
		t.Errorf("an entry that was moved: %v, %v, %q", got, err, pull.Trouble())
	}
}

func TestPublished(t *testing.T) {
	t.Parallel()
	store := newMemory()
	c := New(store, For(Actions, event.Event{Kind: event.Default}), t.TempDir())
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	first := Published{Image: "ghcr.io/acme/app", Digest: digest("a"), Commit: commit, At: at}
	second := Published{Image: "ghcr.io/acme/app", Digest: digest("b"), Commit: other, At: at.Add(time.Hour)}
	for _, p := range []Published{first, second} {
		c.KeepPublished(t.Context(), p)
		got, err := c.Published(t.Context(), p.Image)
		if err != nil || got == nil || *got != p {
			t.Errorf("got %v, %v; %q", got, err, c.Trouble())
		}
	}
	if got, err := c.Published(t.Context(), "ghcr.io/acme/other"); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTroubleIsSaidOnce(t *testing.T) {
	t.Parallel()
	store := newMemory()
	store.err = errors.New("503 \x1b[31m::error::no")
	c := New(store, For(Actions, event.Event{Kind: event.Default}), t.TempDir())
	store.entries, store.last = map[Key][]byte{}, map[string]Key{}
	for range 3 {
		c.KeepPublished(t.Context(), Published{Image: "a", At: time.Now()})
	}
	trouble := c.Trouble()
	if len(trouble) != 1 || !strings.HasPrefix(trouble[0], "writing to the memory: ") || strings.Contains(trouble[0], "\x1b") {
		t.Errorf("trouble %q", trouble)
	}
	if left, err := os.ReadDir(c.dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("asked to stop")
	cancel(why)
	if _, err := c.Published(ctx, "a"); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}

func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	push := &verdict.Run{Event: "push"}
	fork := &verdict.Run{Event: "pull_request", Untrusted: true}
	for name, test := range map[string]struct {
		kind string
		e    event.Event
		want Access
	}{
		"a laptop":                {Actions, event.Event{}, Access{}},
		"none":                    {None, event.Event{Kind: event.Default}, Access{}},
		"default branch":          {Actions, event.Event{Kind: event.Default, Run: push}, Access{Read: true, Write: true, Database: true, Inventories: true, Published: true, Layers: true, AllLayers: true}},
		"default branch, shared":  {Registry, event.Event{Kind: event.Default, Run: push}, Access{Read: true, Write: true, Database: true, Inventories: true, Published: true, Layers: true, AllLayers: true}},
		"branch":                  {Actions, event.Event{Kind: event.Branch, Run: push}, Access{Read: true, Write: true, Database: true, Inventories: true, Layers: true}},
		"branch, shared":          {Registry, event.Event{Kind: event.Branch, Run: push}, Access{Read: true, Database: true}},
		"branch, Dependabot":      {Actions, event.Event{Kind: event.Branch, Dependabot: true, Run: push}, Access{Read: true, Database: true}},
		"a comment":               {Actions, event.Event{Kind: event.Branch, Run: &verdict.Run{Event: "issue_comment"}}, Access{Read: true, Database: true}},
		"pull request":            {Actions, event.Event{Kind: event.PullRequest}, Access{Read: true, Write: true, Database: true, Layers: true}},
		"pull request, shared":    {Registry, event.Event{Kind: event.PullRequest}, Access{Read: true, Database: true}},
		"fork":                    {Actions, event.Event{Kind: event.PullRequest, Fork: true}, Access{Read: true, Database: true}},
		"untrusted":               {Actions, event.Event{Kind: event.PullRequest, Run: fork}, Access{Read: true, Database: true}},
		"pull_request_target":     {Actions, event.Event{Kind: event.PullRequestTarget}, Access{Read: true, Database: true}},
		"merge queue":             {Registry, event.Event{Kind: event.MergeGroup}, Access{Read: true, Database: true}},
		"release takes no":        {Actions, event.Event{Kind: event.Release}, Access{Read: true}},
		"schedule keeps it fresh": {Actions, event.Event{Kind: event.Schedule}, Access{Read: true, Write: true, Database: true}},
	} {
		if diff := cmp.Diff(test.want, For(test.kind, test.e)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	all := Access{Read: true, Write: true, Layers: true, AllLayers: true}
	from, to := Layers(Registry, "ghcr.io/acme/cache", "Dockerfile", all)
	if !strings.HasPrefix(from, "type=registry,ref=ghcr.io/acme/cache:layers-v1-") || to != from+",mode=max,ignore-error=true" {
		t.Errorf("%q, %q", from, to)
	}
	all.AllLayers = false
	from, to = Layers(Actions, "", "a,b\"/Dockerfile", all)
	if !strings.HasPrefix(from, "type=gha,scope=plimsoll-") || to != from+",mode=min,ignore-error=true" || strings.Contains(from, "a,b") {
		t.Errorf("%q, %q", from, to)
	}
	if _, err := build.ParseCaches(build.InputCacheTo, []string{to}); err != nil {
		t.Error(err)
	}
	if from, to = Layers(Actions, "", "Dockerfile", Access{Read: true}); from == "" || to != "" {
		t.Errorf("%q, %q", from, to)
	}
}

func TestActionsFrom(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		want ActionsService
	}{
		// What the runner gives a container action: no ACTIONS_CACHE_SERVICE_V2.
		"github.com": {map[string]string{"GITHUB_SERVER_URL": "https://github.com", "ACTIONS_RESULTS_URL": "https://r/", "ACTIONS_CACHE_URL": "https://old/", "ACTIONS_RUNTIME_TOKEN": "t"}, ActionsService{URL: "https://r/", Token: "t", V2: true}},
		"ghe.com":    {map[string]string{"GITHUB_SERVER_URL": "https://acme.GHE.com", "ACTIONS_RESULTS_URL": "https://r/"}, ActionsService{URL: "https://r/", V2: true}},
		"server":     {map[string]string{"GITHUB_SERVER_URL": "https://github.acme.com", "ACTIONS_RESULTS_URL": "https://r/", "ACTIONS_CACHE_URL": "https://old/", "ACTIONS_CACHE_SERVICE_V2": "True"}, ActionsService{URL: "https://old/"}},
		"elsewhere":  {map[string]string{"GITHUB_SERVER_URL": "https://forge.acme.com", "ACTIONS_RESULTS_URL": "https://r/", "ACTIONS_CACHE_SERVICE_V2": "true"}, ActionsService{URL: "https://r/", V2: true}},
		"evil":       {map[string]string{"GITHUB_SERVER_URL": "https://evilghe.com", "ACTIONS_CACHE_URL": "https://old/"}, ActionsService{URL: "https://old/"}},
		"read only":  {map[string]string{"ACTIONS_CACHE_MODE": "read"}, ActionsService{NoWrite: true}},
		"no cache":   {map[string]string{"ACTIONS_CACHE_MODE": "none"}, ActionsService{NoRead: true, NoWrite: true}},
		"write only": {map[string]string{"ACTIONS_CACHE_MODE": "write-only"}, ActionsService{NoRead: true}},
	} {
		if diff := cmp.Diff(test.want, ActionsFrom(func(n string) string { return test.env[n] })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for token, says := range map[string]string{
		"":         "gave no ACTIONS_RUNTIME_TOKEN",
		"a.b":      "no token of GitHub's",
		"a.!!!.c":  "says nothing of caches",
		"a.e30.c":  "says nothing of caches",
		"a.bnVs.c": "says nothing of caches",
	} {
		if err := (ActionsService{URL: "https://r/", Token: token}).Check(time.Now()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", token, err, says)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for key, valid := range map[Key]bool{
		{Name: "a-b_C9"}: true, {Name: "a", Turn: "b-1"}: true, {}: false, {Turn: "b"}: false,
		{Name: "a.b"}: false, {Name: "a", Turn: "b.c"}: false, {Name: "a/b"}: false, {Name: "-a"}: false, {Name: "a,b"}: false,
		{Name: strings.Repeat("a", MaxKey)}: true, {Name: strings.Repeat("a", MaxKey+1)}: false,
		{Name: Recipe{}.name(strings.Repeat("a", 64))}: true,
	} {
		if key.valid() != valid {
			t.Errorf("%q: valid %v", key, !valid)
		}
	}
}

// packed packs text under a key.
func packed(t testing.TB, key Key, text string) []byte {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = pack(f, key, int64(len(text)), func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func unpacking(ctx context.Context, data []byte, key Key, limit int64) (string, error) {
	u, err := unpack(ctx, bytes.NewReader(data), key, limit, func() {})
	if err != nil {
		return "", err
	}
	defer u.Close()
	text, err := io.ReadAll(u)
	return string(text), err
}

func TestPack(t *testing.T) {
	t.Parallel()
	key := Key{Name: "name", Turn: "turn"}
	for _, text := range []string{"", "a", strings.Repeat("0123456789", 200_000)} {
		data := packed(t, key, text)
		if int64(len(data)) > packedLimit(int64(len(text))) {
			t.Errorf("%d bytes take %d", len(text), len(data))
		}
		if got, err := unpacking(t.Context(), data, key, int64(len(text))); got != text || err != nil {
			t.Errorf("%d bytes: got %d, %v", len(text), len(got), err)
		}
		if _, err := unpacking(t.Context(), data, Key{Name: "nam", Turn: "eturn"}, 1<<30); err == nil {
			t.Error("another key")
		}
		if _, err := unpacking(t.Context(), data, key, int64(len(text))-1); err == nil && text != "" {
			t.Error("beyond the limit")
		}
	}
	// A bomb: it says that it is short.
	data := packed(t, key, strings.Repeat("\x00", 64<<20))
	short := packed(t, key, "short")
	bomb := append(bytes.Clone(short[:headSize]), data[headSize:]...)
	if got, err := unpacking(t.Context(), bomb, key, 1<<30); err == nil || len(got) > 0 {
		t.Errorf("a bomb gave %d bytes, %v", len(got), err)
	}
}

func FuzzUnpack(f *testing.F) {
	key := Key{Name: "name"}
	f.Add(packed(f, key, "hello"))
	f.Add(packed(f, key, strings.Repeat("hello", 1000)))
	f.Add([]byte(mark))
	good := packed(f, key, "hello")
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := unpacking(t.Context(), data, key, 1<<16)
		if len(text) > 1<<16 {
			t.Fatalf("%d bytes", len(text))
		}
		if err == nil && text == "hello" && !bytes.Equal(data[:headSize], good[:headSize]) {
			t.Error("another head for the same content")
		}
	})
}
