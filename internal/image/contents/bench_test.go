package contents

import (
	"archive/tar"
	"fmt"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// linked is the entry of a symbolic link, as a walk shows it.
func linked(name, link string) []layer.Entry {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return nil
	}
	target := path.Clean("/" + path.Join(path.Dir(name), link))
	if strings.HasPrefix(link, "/") {
		target = path.Clean(link)
	}
	if target = strings.TrimPrefix(target, "/"); target == "" {
		target = "."
	}
	return []layer.Entry{{Path: name, Link: target, Header: &tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: link, Mode: 0o777}}}
}

// BenchmarkVisitor keeps 200,000 files of 4,000 directories, of which none has to
// be opened, and says what stays in memory.
func BenchmarkVisitor(b *testing.B) {
	entries := make([]layer.Entry, 200_000)
	for n := range entries {
		name := fmt.Sprintf("usr/lib/node_modules/package-%d/lib/file-%d.js", n%4000, n)
		entries[n] = layer.Entry{Path: name, Header: &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 1000}}
	}
	b.ReportAllocs()
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		v := NewVisitor()
		_ = v.BeginLayer(layer.Layer{})
		for _, e := range entries {
			_ = v.Visit(e, nil)
		}
		_ = v.EndLayer(layer.Layer{})
		v.settle()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB-kept")
		runtime.KeepAlive(v)
	}
}
