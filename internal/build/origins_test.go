package build

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// made is a config whose history has the entries of base (comment "") and then
// BuildKit's; an entry that begins with "-" has no layer.
func made(base, ours []string) *v1.ConfigFile {
	config := &v1.ConfigFile{OS: "linux", Architecture: "amd64"}
	for i, entry := range append(append([]string{}, base...), ours...) {
		h := v1.History{CreatedBy: strings.TrimPrefix(entry, "-"), EmptyLayer: strings.HasPrefix(entry, "-")}
		if i >= len(base) {
			h.Comment = commentInstruction
		}
		config.History = append(config.History, h)
		if !h.EmptyLayer {
			config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%064d", len(config.RootFS.DiffIDs))})
		}
	}
	return config
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	base := []string{"ADD file in /", "-CMD [\"sh\"]"}
	chain := `ARG SUFFIX
FROM alpine${SUFFIX} AS base
ENV A=1
RUN one
ONBUILD RUN trigger \
  more
FROM base AS middle
COPY --from=other /x /y
FROM scratch AS other
COPY <<EOF /x
text
EOF
FROM middle
RUN <<EOF
two
EOF
USER 1
`
	history := []string{"-ENV A=1", "RUN /bin/sh -c one # buildkit", "RUN /bin/sh -c trigger more", "COPY /x /y", "RUN /bin/sh -c two", "-USER 1"}
	for name, test := range map[string]struct {
		source Source
		config *v1.ConfigFile
		base   int
		want   []string // "line-end base note"
	}{
		"a chain of stages": {
			Source{Dockerfile: []byte(chain)},
			made(base, history), 1,
			[]string{"2-2 base", "4-4", "5-6 triggered by FROM on line 7", "8-8", "14-16"},
		},
		"a stage by name": {Source{Dockerfile: []byte(chain), Target: "OTHER"}, made(nil, []string{"COPY /x"}), 0, []string{"10-12"}},
		"a stage by number": {
			Source{Dockerfile: []byte(chain), Target: "0"}, made(base, history[:2]), 1, []string{"2-2 base", "4-4"},
		},
		"a base with triggers": {
			Source{Dockerfile: []byte("FROM a\nRUN x\n"), Base: made(base, nil)},
			made(base, []string{"COPY . .", "RUN x"}), 1,
			[]string{"1-1 base", "1-1 an ONBUILD trigger of the base image", "2-2"},
		},
		"a base without history": {
			Source{Dockerfile: []byte("FROM a\nRUN x\n"), Base: &v1.ConfigFile{RootFS: made(base, nil).RootFS}},
			func() *v1.ConfigFile {
				c := made(nil, []string{"RUN x", "added by the exporter"})
				c.History[1].Comment = "buildkit.exporter.image.v0"
				return c
			}(), 1,
			[]string{"1-1 base", "2-2"},
		},
		"FROM with arguments": {
			Source{Dockerfile: []byte("ARG KIND=one\nARG FULL=${KIND}-${TARGETARCH}\nFROM scratch AS two-amd64\nCOPY a /\nFROM ${FULL}\nCOPY b /\n"), Args: map[string]string{"KIND": "two"}},
			made(nil, []string{"COPY a", "COPY b"}), 0,
			[]string{"4-4", "6-6"},
		},
		"a stage that shadows an image": {
			Source{Dockerfile: []byte("FROM alpine AS alpine\nRUN a\nFROM alpine AS alpine\nRUN b\nFROM alpine\nRUN c\n")},
			made(base, []string{"RUN a", "RUN b", "RUN c"}), 1,
			[]string{"1-1 base", "2-2", "4-4", "6-6"},
		},
		"checks excused above an instruction": {
			Source{Dockerfile: []byte("FROM a\n# check=skip=JSONArgsRecommended\nRUN x\n")},
			made(base, []string{"RUN x"}), 1,
			[]string{"1-1 base", "3-3"},
		},
		"another history, known base": {
			Source{Dockerfile: []byte("FROM a\nRUN x\nRUN y\n"), Base: made(base, nil)},
			made(base, []string{"squashed"}), 1,
			[]string{"1-1 base", "1-1 approximate: the image's history does not follow this Dockerfile"},
		},
		"another builder": {
			Source{Dockerfile: []byte("FROM a\nRUN x\n")},
			made([]string{"ADD", "RUN x"}, nil), 0,
			[]string{"1-1 approximate: the image's history does not follow this Dockerfile", "1-1 approximate: the image's history does not follow this Dockerfile"},
		},
		"another order": {
			Source{Dockerfile: []byte("FROM a\nCOPY x /\nRUN y\n")},
			made(base, []string{"RUN y", "COPY x /"}), 0,
			[]string{"1-1 approximate", "1-1 approximate", "1-1 approximate"},
		},
		"no layers": {Source{Dockerfile: []byte("FROM scratch\nUSER 1\n")}, made(nil, []string{"-USER 1"}), 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.source.Name = "app/Dockerfile"
			got, baseLayers, err := Origins(test.source, test.config)
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for i, o := range got {
				if o.DiffID != test.config.RootFS.DiffIDs[i].String() || o.Location.Path != "app/Dockerfile" {
					t.Errorf("layer %d is %+v", i, o)
				}
				text := fmt.Sprintf("%d-%d", o.Location.Line, o.Location.EndLine)
				if o.Base {
					text += " base"
				}
				if note := o.Location.Note; note != "" {
					if i < len(test.want) && strings.HasSuffix(test.want[i], " approximate") {
						note, _, _ = strings.Cut(note, ":")
					}
					text += " " + note
				}
				told = append(told, text)
			}
			if diff := cmp.Diff(test.want, told); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
			if baseLayers != test.base {
				t.Errorf("%d layers of the base, want %d", baseLayers, test.base)
			}
		})
	}
}

func TestOriginsRefuses(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]Source{
		"nothing":      {},
		"no FROM":      {Dockerfile: []byte("ARG x\n")},
		"no such":      {Dockerfile: []byte("FROM a\n"), Target: "b"},
		"out of range": {Dockerfile: []byte("FROM a\n"), Target: "1"},
		"unparsable":   {Dockerfile: []byte("FROM a\nRUNN\n")},
		"bad argument": {Dockerfile: []byte("FROM ${a:\n")},
	} {
		if _, _, err := Origins(src, &v1.ConfigFile{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSyntax(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		reference string
		line      int
		standard  bool
	}{
		"FROM a":                                 {},
		"FROM a\n# syntax=docker/dockerfile:1":   {},
		"# syntax=docker/dockerfile:1\nFROM a":   {"docker/dockerfile:1", 1, true},
		"#!/bin/x\n# syntax = docker/dockerfile": {"docker/dockerfile", 2, true},
		"# check=skip=all\n# syntax=docker.io/docker/dockerfile-upstream:master-labs\n": {"docker.io/docker/dockerfile-upstream:master-labs", 2, true},
		"# syntax=docker/dockerfile:1.7@sha256:abc":                                     {"docker/dockerfile:1.7@sha256:abc", 1, true},
		"# syntax=ghcr.io/docker/dockerfile:1":                                          {"ghcr.io/docker/dockerfile:1", 1, false},
		"# syntax=docker/dockerfilex":                                                   {"docker/dockerfilex", 1, false},
		"# syntax=r2d4/mocker":                                                          {"r2d4/mocker", 1, false},
	} {
		reference, line := Syntax([]byte(text))
		if reference != want.reference || line != want.line || reference != "" && StandardSyntax(reference) != want.standard {
			t.Errorf("%q: got %q on line %d (standard %v)", text, reference, line, StandardSyntax(reference))
		}
	}
}

// FuzzOrigins looks for panics, and for layers without a place.
func FuzzOrigins(f *testing.F) {
	f.Add("FROM a AS b\nONBUILD RUN c\nFROM b\nRUN d\n", "", "RUN c\nRUN d", "ADD x")
	f.Add("ARG x=$x\nFROM ${x:-a}\nCOPY <<E /\nE\n", "0", "COPY", "")
	f.Fuzz(func(t *testing.T, dockerfile, target, ours, below string) {
		config := made(strings.Split(below, "\n"), strings.Split(ours, "\n"))
		for _, base := range []*v1.ConfigFile{nil, made(strings.Split(below, "\n"), nil), made([]string{"x", "y"}, nil)} {
			origins, n, err := Origins(Source{Dockerfile: []byte(dockerfile), Target: target, Name: "Dockerfile", Base: base}, config)
			if err != nil {
				continue
			}
			if len(origins) != len(config.RootFS.DiffIDs) || n < 0 || n > len(origins) {
				t.Fatalf("%d origins, %d of the base, for %d layers", len(origins), n, len(config.RootFS.DiffIDs))
			}
			for i, o := range origins {
				if o.Location.Line < 1 || o.Location.EndLine < o.Location.Line || o.Base != (i < n) {
					t.Fatalf("layer %d is %+v", i, o)
				}
			}
		}
	})
}

func BenchmarkOrigins(b *testing.B) {
	var dockerfile strings.Builder
	dockerfile.WriteString("FROM a\n")
	var history []string
	for i := range 40 {
		fmt.Fprintf(&dockerfile, "RUN step %d\n", i)
		history = append(history, fmt.Sprintf("RUN /bin/sh -c step %d # buildkit", i))
	}
	config := made([]string{"ADD x"}, history)
	b.ReportAllocs()
	for b.Loop() {
		if _, n, err := Origins(Source{Dockerfile: []byte(dockerfile.String()), Name: "Dockerfile"}, config); err != nil || n != 1 {
			b.Fatal(n, err)
		}
	}
}
