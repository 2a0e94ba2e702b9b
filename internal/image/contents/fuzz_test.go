package contents

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

func FuzzProbe(f *testing.F) {
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add([]byte(elf.ELFMAG + "\x02\x01\x01" + strings.Repeat("\x00", 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := probe(bytes.NewReader(data), int64(len(data)))
		if len(p.Interpreter) > loaderBytes || p.Interpreter != "" && p.Kind != KindELF && p.Kind != KindScript {
			t.Errorf("%+v", p)
		}
	})
}

func FuzzCertain(f *testing.F) {
	f.Add("a && b || exit 1; if c; then d; fi; (e; f) | g")
	f.Add("x() { y; }; x; . z; PATH=a b; exec c")
	f.Fuzz(func(t *testing.T, script string) {
		for _, argv := range certain(script) {
			if len(argv) == 0 {
				t.Error("a command without a name")
			}
		}
	})
}

// FuzzLookup lays links over each other: none may lead out, and every search ends.
func FuzzLookup(f *testing.F) {
	f.Add("a:b", "b:../a", "c:/d/../c", "a/b/../c")
	f.Fuzz(func(t *testing.T, a, b, c, p string) {
		v := NewVisitor()
		_ = v.BeginLayer(layer.Layer{})
		for _, pair := range []string{a, b, c} {
			if name, link, ok := strings.Cut(pair, ":"); ok {
				for _, e := range linked(name, link) {
					_ = v.Visit(e, nil)
				}
			}
		}
		i := &Image{index: &v.index}
		if f, ok := i.Lookup(p); ok && (strings.HasPrefix(f.Path, "../") || strings.HasPrefix(f.Path, "/") || f.Path == "..") {
			t.Errorf("%q leads to %q", p, f.Path)
		}
		_, _ = i.User(p)
	})
}
