package build

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// named is a builder that gives its name, or fails.
type named struct {
	name string
	err  error
}

func (n named) Build(context.Context, Spec, progress.Sink) (Result, error) {
	return Result{Door: n.name}, n.err
}

type notices struct {
	mu    sync.Mutex
	texts []string
}

func (n *notices) Emit(e progress.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e.Kind == progress.Notice {
		n.texts = append(n.texts, e.Text)
	}
}

func door(name string, ready error) Door {
	return Door{Name: name, Builder: named{name: name}, Ready: func(context.Context, Spec) error { return ready }}
}

func TestAuto(t *testing.T) {
	t.Parallel()
	no := func(door, cause string, ways ...string) error {
		return &UnavailableError{Door: door, Cause: cause, WaysOut: ways}
	}
	broken := errors.New("no space left on device")
	stopped := errors.New("the builder stopped half-way")
	for name, test := range map[string]struct {
		doors  []Door
		driver string
		spec   Spec
		want   string // door
		notice string
		err    string
	}{
		"the first": {
			doors: []Door{door(DoorRemote, nil), door(DoorEmbedded, nil)},
			want:  DoorRemote, notice: "building through the remote door",
		},
		"the first that is ready": {
			doors: []Door{door(DoorRemote, no(DoorRemote, "no endpoint was named")), door(DoorDocker, no(DoorDocker, "its BuildKit cannot export OCI")), {Name: DoorSibling, Builder: named{name: DoorSibling}}, door(DoorEmbedded, nil)},
			want:  DoorSibling, notice: "building through the sibling door; remote: no endpoint was named; docker: its BuildKit cannot export OCI",
		},
		"the one that was named": {
			doors: []Door{door(DoorRemote, nil), door(DoorEmbedded, nil)}, driver: DoorEmbedded, want: DoorEmbedded,
		},
		"the one that was named is not ready": {
			doors: []Door{door(DoorRemote, nil), door(DoorDocker, no(DoorDocker, "there is no socket"))}, driver: DoorDocker,
			err: "the docker builder cannot run here: there is no socket",
		},
		"one that is not there": {
			doors: []Door{door(DoorEmbedded, nil)}, driver: DoorSibling, err: `driver: there is no door "sibling" here; use auto`,
		},
		"none": {
			doors:  []Door{door(DoorDocker, no(DoorDocker, "there is no socket", "start Docker", WayElsewhere)), door(DoorEmbedded, no(DoorEmbedded, "mounting is not permitted", "be root", WayElsewhere))},
			driver: auto,
			err:    "no builder can run here: docker: there is no socket; embedded: mounting is not permitted",
		},
		"none, for one cause": {
			doors: []Door{door(DoorDocker, no(DoorDocker, "there is no socket")), door(DoorEngine, no(DoorEngine, "there is no socket")), door(DoorEngine, no(DoorEngine, "there is no socket")), door(DoorEmbedded, no(DoorEmbedded, "mounting is not permitted"))},
			err:   "no builder can run here: docker, engine: there is no socket; embedded: mounting is not permitted",
		},
		"a machine that fails": {
			doors: []Door{door(DoorRemote, broken), door(DoorEmbedded, nil)}, err: "looking at the remote door: no space left on device",
		},
		"a builder that stops is not replaced": {
			doors: []Door{{Name: DoorRemote, Builder: named{DoorRemote, stopped}}, door(DoorEmbedded, nil)}, err: "the builder stopped half-way",
			notice: "building through the remote door",
		},
		"more than the engine can": {
			doors: []Door{door(DoorEngine, nil), door(DoorEmbedded, no(DoorEmbedded, "mounting is not permitted"))}, spec: Spec{CacheTo: []string{"type=inline"}},
			err: "cache-to: the engine door writes no cache; leave it out, or build through another door (driver: remote, sibling or embedded)",
		},
		"more than the engine can, and another": {
			doors: []Door{door(DoorEngine, nil), door(DoorEmbedded, nil)}, spec: Spec{CacheTo: []string{"type=inline"}}, want: DoorEmbedded,
			notice: "building through the embedded door; engine: cache-to: the engine door writes no cache; leave it out, or build through another door (driver: remote, sibling or embedded)",
		},
		"a cache that cannot be understood": {
			doors: []Door{door(DoorEmbedded, nil)}, spec: Spec{CacheFrom: []string{"type=nfs"}},
			err: `cache-from: "type=nfs": the type "nfs" is not supported; use one of gha, inline, local, registry`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink := &notices{}
			result, err := (&Auto{Doors: test.doors, Driver: test.driver}).Build(t.Context(), test.spec, sink)
			told := ""
			if err != nil {
				told = err.Error()
			}
			if told != test.err || result.Door != test.want && err == nil {
				t.Errorf("door %q, error %q; want %q, %q", result.Door, told, test.want, test.err)
			}
			if got := strings.Join(sink.texts, "\n"); got != test.notice {
				t.Errorf("told %q, want %q", got, test.notice)
			}
			if name == "none" {
				unavailable, ok := errors.AsType[*UnavailableError](err)
				if !ok || !cmp.Equal(unavailable.WaysOut, []string{"start Docker", WayElsewhere, "be root"}) {
					t.Errorf("got %+v", unavailable)
				}
			}
		})
	}
}

func TestParseCaches(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]Cache{
		"type=registry,ref=ghcr.io/a/b:cache,mode=max": {CacheRegistry, map[string]string{"ref": "ghcr.io/a/b:cache", "mode": "max"}},
		"ghcr.io/a/b:cache":                            {CacheRegistry, map[string]string{"ref": "ghcr.io/a/b:cache"}},
		`type=local,"dest=/a,b"`:                       {CacheLocal, map[string]string{"dest": "/a,b"}},
		"type=gha":                                     {CacheActions, map[string]string{}},
		"TYPE=gha,Scope=x":                             {CacheActions, map[string]string{"scope": "x"}},
		"type=inline":                                  {CacheInline, map[string]string{}},
	} {
		got, err := ParseCaches(InputCacheTo, []string{"", entry, "  "})
		if err != nil || len(got) != 1 || !cmp.Equal(got[0], want) {
			t.Errorf("%s: got %+v, %v", entry, got, err)
		}
	}
	for entry, says := range map[string]string{
		"ref=x":                     "has no type",
		"type=s3,bucket=x":          `"s3" is not supported`,
		"type=registry":             `add "ref=…"`,
		"type=local,src=x":          `add "dest=…"`,
		"type=gha,mode=all":         `"all" is neither`,
		"type=registry,ref=x,fast":  `"fast" is not key=value`,
		`type=registry,"ref=x,mode`: "comma-separated",
	} {
		_, err := ParseCaches(InputCacheTo, []string{entry})
		if usage, ok := errors.AsType[*config.UsageError](err); !ok || usage.Where != InputCacheTo || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", entry, err, says)
		}
	}
	if _, err := ParseCaches(InputCacheTo, []string{"type=gha,mode=x,token=s3cret,url=y"}); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	if _, err := ParseCaches(InputCacheFrom, []string{"type=inline"}); err == nil {
		t.Error("an inline cache was to be read")
	}
	if err := Check(Spec{Platform: "linux/amd64,linux/arm64"}, DoorEngine); err == nil || !strings.HasPrefix(err.Error(), "platforms: ") {
		t.Errorf("got %v", err)
	}
}

// FuzzParseCaches looks for panics, and for entries that come through without what
// BuildKit cannot do without.
func FuzzParseCaches(f *testing.F) {
	f.Add("type=registry,ref=ghcr.io/a/b:cache,mode=max")
	f.Add(`type=local,"dest=/a,b"`)
	f.Add(`""`)
	f.Fuzz(func(t *testing.T, entry string) {
		for _, input := range []string{InputCacheFrom, InputCacheTo} {
			caches, err := ParseCaches(input, []string{entry})
			for _, c := range caches {
				if err != nil || c.Type == CacheRegistry && c.Attrs["ref"] == "" {
					t.Errorf("%q: %+v, %v", entry, c, err)
				}
			}
		}
	})
}

// asked is a builder that keeps what it was asked for.
type asked struct{ spec *Spec }

func (a asked) Build(_ context.Context, spec Spec, _ progress.Sink) (Result, error) {
	*a.spec = spec
	return Result{}, nil
}

func TestCachesOfOursAreLeftOutWhereADoorWritesNone(t *testing.T) {
	t.Parallel()
	for door, want := range map[string][]string{
		DoorEngine:   nil,
		DoorEmbedded: {"type=gha,scope=app,ignore-error=true"},
	} {
		var got Spec
		auto := &Auto{Doors: []Door{{Name: door, Builder: asked{&got}}}}
		result, err := auto.Build(t.Context(), Spec{CacheToIfAble: []string{"type=gha,scope=app,ignore-error=true"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.CacheTo); diff != "" || len(got.CacheToIfAble) > 0 {
			t.Errorf("%s: %s", door, diff)
		}
		if said := strings.Join(result.Notes, "\n"); (want == nil) != strings.Contains(said, "engine door writes no cache") {
			t.Errorf("%s: notes %q", door, said)
		}
	}
}
