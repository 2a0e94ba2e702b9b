package revision_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/source/revision"
)

var commitID = strings.Repeat("ab", 20)

// global is the header by which an archive says whose it is.
func global(id string) tar.Header {
	return tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header", PAXRecords: map[string]string{"comment": id}}
}

// archived makes an archive; the content of a file is its Linkname.
func archived(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname = h.Linkname, ""
			h.Size, h.Mode = int64(len(content)), h.Mode|0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: content}
}

func symlink(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}

func folder(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

// honest is an archive as GitHub makes it.
func honest(t testing.TB) []byte {
	run := file("app-ab/run.sh", "#!/bin/sh\n")
	run.Mode = 0o755
	return archived(t, global(commitID), folder("app-ab/"), file("app-ab/.gitattributes", "* text=auto\ndocs export-ignore\n"), file("app-ab/Dockerfile", "FROM a\n"),
		folder("app-ab/deploy/"), symlink("app-ab/deploy/link", "../Dockerfile"), file("app-ab/deploy/web.yaml", "kind: Pod\n"), symlink("app-ab/out", "../../x"),
		run, folder("app-ab/sub/"))
}

func TestFromTar(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "base")
	got, err := revision.FromTar(t.Context(), bytes.NewReader(honest(t)), commitID, dir, revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		".gitattributes": "* text=auto\ndocs export-ignore\n", "Dockerfile": "FROM a\n", "deploy/web.yaml": "kind: Pod\n", "deploy/link": "-> ../Dockerfile", "run.sh": "#!/bin/sh\n",
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	wantLeft := []string{".gitattributes: keeps files out of archives, or changes them there", "out: the link leads out of the tree", "sub: is a submodule"}
	if diff := cmp.Diff(wantLeft, got.Left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(filepath.Join(dir, "run.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("run.sh: %v, %v; want it executable", info, err)
	}
}

// An archive and git itself agree.
func TestFromTarAsGitMakesIt(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write("Dockerfile", "FROM a\n")
	r.write(strings.Repeat("long/", 40)+"web.yaml", "kind: Pod\n")
	r.write("naïve file.yaml", "kind: Pod\n")
	base := r.commit("base")
	made := filepath.Join(t.TempDir(), "base.tar.gz")
	r.git("archive", "--format=tar.gz", "--prefix=acme-app-"+base[:7]+"/", "-o", made, base)
	archive, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	one, other := filepath.Join(t.TempDir(), "tar"), filepath.Join(t.TempDir(), "git")
	fromTar, err := revision.FromTar(t.Context(), bytes.NewReader(archive), base, one, revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fromGit, err := revision.FromGit(t.Context(), r.dir, base, other, revision.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, one), tree(t, other)) + cmp.Diff(fromTar, fromGit); diff != "" {
		t.Errorf("they differ:\n%s", diff)
	}
}

func TestHostileTar(t *testing.T) {
	t.Parallel()
	whole := honest(t)
	var plain bytes.Buffer
	unzipped, err := gzip.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(&plain, unzipped); err != nil {
		t.Fatal(err)
	}
	with := func(headers ...tar.Header) []byte {
		return archived(t, append([]tar.Header{global(commitID), file("a/x", "x")}, headers...)...)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-6] ^= 1 // the checksum
	tests := map[string][]byte{
		"nothing": nil, "not gzip": plain.Bytes(), "empty": archived(t), "only a header": archived(t, global(commitID)), "a page": []byte("<html>"),
		"another commit":   archived(t, global(strings.Repeat("cd", 20)), file("a/x", "x")),
		"no commit":        archived(t, file("a/x", "x")),
		"commit said last": archived(t, file("a/x", "x"), global(commitID)),
		"two commits":      with(global(strings.Repeat("cd", 20)), file("a/y", "y")),
		"wrong checksum":   flipped,
		"dot dot":          with(file("a/../../y", "y")), "dot dot at the top": with(file("../y", "y")), "absolute": with(file("/etc/y", "y")),
		"two tops": with(file("b/y", "y")), "no top": with(file("y", "y")), "dot": with(file("a/./y", "y")), "double slash": with(file("a//y", "y")),
		"git directory": with(file("a/.git/config", "y")), "Git directory": with(file("a/s/.GIT/hooks/x", "y")),
		"twice":             with(file("a/x", "y")),
		"through a link":    with(symlink("a/l", "."), file("a/l/y", "y")),
		"link over a file":  with(symlink("a/x", "y")),
		"file as directory": with(file("a/x/y", "y")),
		"hard link":         with(tar.Header{Typeflag: tar.TypeLink, Name: "a/y", Linkname: "a/x"}),
		"device":            with(tar.Header{Typeflag: tar.TypeChar, Name: "a/y"}),
		"pipe":              with(tar.Header{Typeflag: tar.TypeFifo, Name: "a/y"}),
		"endless path":      with(file("a/"+strings.Repeat("d/", 3000)+"y", "y")),
		"too much":          with(file("a/y", strings.Repeat("y", 1200))),
		"too many": with(func() (many []tar.Header) {
			for i := range 30 {
				many = append(many, folder(fmt.Sprintf("a/d%d/", i)))
			}
			return many
		}()...),
		"bomb": with(file("a/y", strings.Repeat("y", 1<<20))),
	}
	for _, n := range []int{1, 20, len(whole) / 2, len(whole) - 9, len(whole) - 1} {
		tests[fmt.Sprintf("cut off after %d", n)] = whole[:n]
	}
	for name, archive := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside := t.TempDir()
			dir := filepath.Join(outside, "base")
			opts := revision.Options{MaxEntries: 25, MaxBytes: 1000, MaxFile: 2000}
			if name == "bomb" {
				opts.MaxFile = 10
			}
			if _, err := revision.FromTar(t.Context(), bytes.NewReader(archive), commitID, dir, opts); err == nil {
				t.Error("no error")
			}
			if left := tree(t, outside); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
	for _, bad := range []string{"", "main", strings.Repeat("z", 40)} {
		if _, err := revision.FromTar(t.Context(), bytes.NewReader(whole), bad, t.TempDir(), revision.Options{}); err == nil {
			t.Errorf("%q was taken for a commit", bad)
		}
	}
}

// Whatever the archive, nothing is written outside, no link leads out, and an
// error leaves nothing. Archives are long and minimising them takes all the time:
// go test -fuzz FuzzFromTar -fuzzminimizetime 10x ./internal/source/revision
func FuzzFromTar(f *testing.F) {
	f.Add(plainOf(f, honest(f)))
	f.Add(plainOf(f, archived(f, global(commitID), symlink("a/l", "b/.."), symlink("a/b", "l/../.."), file("a/l/x", "x"))))
	f.Add(plainOf(f, archived(f, global(commitID), file("a/../x", "x"))))
	f.Fuzz(func(t *testing.T, plain []byte) {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		if _, err := w.Write(plain); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		outside := t.TempDir()
		dir := filepath.Join(outside, "in", "base")
		_, err := revision.FromTar(t.Context(), &zipped, commitID, dir, revision.Options{MaxEntries: 100, MaxFile: 1 << 16, MaxBytes: 1 << 18})
		seen := tree(t, outside)
		if err != nil && len(seen) > 0 {
			t.Fatalf("%v, and %d files are left", err, len(seen))
		}
		for name, content := range seen {
			if !strings.HasPrefix(name, "in/base/") {
				t.Fatalf("%q was written", name)
			}
			if !strings.HasPrefix(content, "-> ") {
				continue
			}
			// A link that can be followed stays inside.
			if end, err := filepath.EvalSymlinks(filepath.Join(outside, filepath.FromSlash(name))); err == nil && !strings.HasPrefix(end, dir) {
				t.Fatalf("%q leads to %q", name, end)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), "too many links") && !strings.Contains(err.Error(), "not a directory") {
				t.Logf("%q: %v", name, err)
			}
		}
	})
}

func plainOf(t testing.TB, archive []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
