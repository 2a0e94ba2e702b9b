package layer_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// recorder writes down what it is shown and reads what it is told to.
type recorder struct {
	open func(layer.Entry) bool
	seen []string
}

func (r *recorder) BeginLayer(l layer.Layer) error {
	r.seen = append(r.seen, fmt.Sprintf("layer %d", l.Index))
	return nil
}

func (r *recorder) EndLayer(layer.Layer) error {
	r.seen = append(r.seen, "end")
	return nil
}

func (r *recorder) Visit(e layer.Entry, open layer.Opener) error {
	line := e.Path
	if e.Whiteout != "" {
		line += " whiteout=" + e.Whiteout
	}
	if e.Link != "" {
		line += " -> " + e.Link
	}
	if e.Escapes {
		line += " escapes"
	}
	if e.Regular() && r.open != nil && r.open(e) {
		for range 2 { // from its start at each call
			c, err := open()
			if err != nil {
				return err
			}
			b, err := io.ReadAll(c)
			if err != nil {
				return err
			}
			if err := c.Close(); err != nil {
				return err
			}
			if line += fmt.Sprintf(" %q", b); len(b) > 20 {
				line = fmt.Sprintf("%s %d bytes", e.Path, len(b))
			}
		}
	}
	r.seen = append(r.seen, line)
	return nil
}

func TestWalkShowsEveryEntry(t *testing.T) {
	plain := archive(
		t,
		entry{name: "./", typ: tar.TypeDir},
		entry{name: "./etc/", typ: tar.TypeDir},
		entry{name: "./etc/passwd", body: "root"},
		entry{name: "/abs", body: "a"},
		entry{name: "../../up", body: "u"},
		entry{name: "etc/rc", link: "../../../outside", typ: tar.TypeSymlink},
		entry{name: "etc/mtab", link: "/proc/mounts", typ: tar.TypeSymlink},
		entry{name: "etc/hosts", link: "hostname", typ: tar.TypeSymlink},
		entry{name: "hard", link: "./etc/passwd", typ: tar.TypeLink},
		entry{name: "var/.wh.gone"},
		entry{name: "var/lib/.wh..wh..opq"},
		entry{name: ".wh..wh.plnk/1.2"},
		entry{name: ".wh..wh.aufs"},
		entry{name: "big", body: strings.Repeat("x", 5<<20)},
	)
	want := []string{
		"layer 0", ".", "etc", `etc/passwd "root" "root"`, `abs "a" "a"`, `up escapes "u" "u"`,
		"etc/rc -> outside escapes", "etc/mtab -> proc/mounts", "etc/hosts -> etc/hostname", "hard -> etc/passwd",
		"var/gone whiteout=file", "var/lib whiteout=opaque", `.wh..wh.plnk/1.2 "" ""`, "big 5242880 bytes", "end",
	}
	for _, kind := range []string{"tar", "gzip", "zstd"} {
		t.Run(kind, func(t *testing.T) {
			img := layout(t, packed{blob: pack(t, kind, plain), plain: plain})
			r := &recorder{open: func(layer.Entry) bool { return true }}
			if err := layer.Walk(t.Context(), img, layer.DefaultLimits(), r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, r.seen); diff != "" {
				t.Error(diff)
			}
			// The same image without its layout is read from its stream.
			img.Layout = ""
			again := &recorder{open: r.open}
			if err := layer.Walk(t.Context(), img, layer.DefaultLimits(), again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.seen, again.seen); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWalkRefuses(t *testing.T) {
	plain := archive(t, entry{name: "a", body: strings.Repeat("a", 2000)}, entry{name: "b", body: "b"})
	gz := pack(t, "gzip", plain)
	other := digest([]byte("other"))
	deep := archive(t, entry{name: strings.Repeat("d/", 40) + "f"})
	zeros := archive(t, entry{name: "z", body: strings.Repeat("\x00", 4<<20)})
	tests := []struct {
		name   string
		layer  packed
		limits func(*layer.Limits)
		want   string
	}{
		{"another blob", packed{blob: gz, plain: plain, digest: &other}, nil, "should be " + other.String()},
		{"another tar", packed{blob: gz, plain: plain, diffID: &other}, nil, "unpacked, is sha256"},
		{"another plain blob", packed{blob: plain, plain: plain, digest: &other}, nil, "should be " + other.String()},
		{"another plain tar", packed{blob: plain, plain: plain, diffID: &other}, nil, "unpacked, is sha256"},
		{"truncated gzip", packed{blob: gz[:len(gz)-9], plain: plain}, nil, "unexpected EOF"},
		{"truncated tar", packed{blob: plain[:700], plain: plain[:700]}, nil, "unexpected EOF"},
		{"truncated zstd", packed{blob: pack(t, "zstd", plain)[:40], plain: plain}, nil, "unexpected EOF"},
		{"broken gzip", packed{blob: append(slices.Clone(gz[:30]), gz[34:]...), plain: plain}, nil, "reading layer 0"},
		{"text", packed{blob: []byte(strings.Repeat("no tar", 200)), plain: []byte(strings.Repeat("no tar", 200))}, nil, "invalid tar header"},
		{"xz", packed{blob: []byte("\xfd7zXZ\x00abc"), plain: plain}, nil, "packed with xz"},
		{"empty whiteout", packed{blob: archive(t, entry{name: "d/.wh.."}), plain: archive(t, entry{name: "d/.wh.."})}, nil, "names nothing"},
		{"bytes", packed{blob: gz, plain: plain}, func(l *layer.Limits) { l.Bytes = 1000 }, "more than 1000 bytes after inflating"},
		{"entries", packed{blob: gz, plain: plain}, func(l *layer.Limits) { l.Entries = 1 }, "more than 1 entries"},
		{"depth", packed{blob: deep, plain: deep}, func(l *layer.Limits) { l.Depth = 20 }, "more than 20 names in a path"},
		{"path", packed{blob: deep, plain: deep}, func(l *layer.Limits) { l.PathBytes = 30 }, "more than 30 bytes in a path"},
		{"ratio", packed{blob: pack(t, "zstd", zeros), plain: zeros}, func(l *layer.Limits) { l.RatioFree = 1 << 20 }, "bytes from one byte"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			limits := layer.DefaultLimits()
			if test.limits != nil {
				test.limits(&limits)
			}
			err := layer.Walk(t.Context(), layout(t, test.layer), limits, &recorder{})
			var typed *layer.Error
			if !errors.As(err, &typed) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want a layer.Error with %q", err, test.want)
			}
			if unread := typed.Unread("img"); unread.Kind != "layer" || unread.Location.Artifact != "img" {
				t.Errorf("unread record %+v", unread)
			}
		})
	}
}

func TestWalkFileLimitConcernsTheFileOnly(t *testing.T) {
	plain := archive(t, entry{name: "a", body: strings.Repeat("a", 2000)}, entry{name: "b", body: "b"})
	limits := layer.DefaultLimits()
	limits.FileBytes = 100
	var got []error
	v := visit(func(e layer.Entry, open layer.Opener) error {
		_, err := open()
		got = append(got, err)
		return nil
	})
	if err := layer.Walk(t.Context(), layout(t, packed{blob: pack(t, "gzip", plain), plain: plain}), limits, v); err != nil {
		t.Fatal(err)
	}
	var limit *layer.LimitError
	if len(got) != 2 || !errors.As(got[0], &limit) || got[1] != nil {
		t.Errorf("got %v", got)
	}
}

func TestWalkStops(t *testing.T) {
	plain := archive(t, entry{name: "a"}, entry{name: "b"})
	img := layout(t, packed{blob: plain, plain: plain})
	stop := errors.New("enough")
	if err := layer.Walk(t.Context(), img, layer.DefaultLimits(), visit(func(layer.Entry, layer.Opener) error { return stop })); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := layer.Walk(ctx, img, layer.DefaultLimits(), &recorder{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// visit is a visitor of entries only.
type visit func(layer.Entry, layer.Opener) error

func (visit) BeginLayer(layer.Layer) error                { return nil }
func (visit) EndLayer(layer.Layer) error                  { return nil }
func (v visit) Visit(e layer.Entry, o layer.Opener) error { return v(e, o) }

func TestIndexLaysLayersOverEachOther(t *testing.T) {
	lower := archive(
		t,
		entry{name: "etc/", typ: tar.TypeDir, mode: 0o755},
		entry{name: "etc/old", body: "1"},
		entry{name: "etc/keep", body: "22", mode: 0o4755},
		entry{name: "opt/app/a", body: "a"},
		entry{name: "opt/app/sub/b", body: "b"},
		entry{name: "srv/x/y", body: "y"},
		entry{name: "bin", link: "usr/bin", typ: tar.TypeSymlink},
		entry{name: "liar", body: "l", mode: 0o40755},
	)
	upper := archive(
		t,
		entry{name: "etc/.wh.old"},
		entry{name: "opt/app/new", body: "n"},
		entry{name: "opt/app/.wh..wh..opq"},
		entry{name: "srv/x", body: "now a file"},
		entry{name: "etc/.wh.never"},
	)
	img := layout(t, packed{blob: lower, plain: lower}, packed{blob: pack(t, "gzip", upper), plain: upper})
	var index layer.Index
	if err := layer.Walk(t.Context(), img, layer.DefaultLimits(), &index); err != nil {
		t.Fatal(err)
	}
	var got []string
	for f := range index.All() {
		got = append(got, fmt.Sprintf("%s %s %d @%d %s", f.Path, f.Mode, f.Size, f.Layer.Index, f.Link))
	}
	want := []string{
		"bin Lrw-r--r-- 0 @0 usr/bin", "etc drwxr-xr-x 0 @0 ", "etc/keep urwxr-xr-x 2 @0 ",
		"liar -rwxr-xr-x 1 @0 ", "opt/app/new -rw-r--r-- 1 @1 ", "srv/x -rw-r--r-- 10 @1 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if index.Len() != len(want) {
		t.Errorf("Len %d, want %d", index.Len(), len(want))
	}
	if f, ok := index.Lookup("/etc/keep"); !ok || f.Layer.Index != 0 {
		t.Errorf("Lookup gave %+v, %v", f, ok)
	}
	if _, ok := index.Lookup("etc/old"); ok {
		t.Error("a deleted file is still there")
	}
}

func FuzzWalk(f *testing.F) {
	plain := archive(f, entry{name: "a/b", body: "x"}, entry{name: ".wh.c"}, entry{name: "l", link: "../..", typ: tar.TypeSymlink})
	for _, kind := range []string{"tar", "gzip", "zstd"} {
		f.Add(pack(f, kind, plain))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := layer.Limits{Bytes: 8 << 20, FileBytes: 1 << 20, Entries: 1000, PathBytes: 4096, Depth: 100, Ratio: 1100, RatioFree: 1 << 20}
		d := digest(data)
		if err := os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755); err != nil {
			t.Fatal(err)
		}
		name := image.BlobPath(dir, d)
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(name)
		var opened int64
		var index layer.Index
		_ = layer.WalkBlob(t.Context(), name, layer.Layer{Digest: d, DiffID: d, Size: int64(len(data))}, limits, &index,
			visit(func(e layer.Entry, open layer.Opener) error {
				if strings.HasPrefix(e.Path, "/") || strings.HasPrefix(e.Path, "../") || e.Path == ".." || e.Path == "" {
					t.Fatalf("path %q", e.Path)
				}
				c, err := open()
				if err != nil {
					return nil //nolint:nilerr // what cannot be opened is not read
				}
				n, _ := io.Copy(io.Discard, c)
				if opened += n; n > limits.FileBytes {
					t.Fatalf("read %d bytes", n)
				}
				return nil
			}))
		for range index.All() {
		}
	})
}
