package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const manifest = "apiVersion: v1\nkind: Pod\n"

// plant writes files below a new directory.
func plant(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read lists what a tree holds as "kind path" and what it could not read.
func read(t testing.TB, dir string, opts Options) (files, unread, notes []string) {
	t.Helper()
	tree, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	listings, err := tree.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []Kind{Dockerfile, Kubernetes} {
		for _, f := range listings[kind].Files {
			files = append(files, string(kind)+" "+f.Path)
		}
		for _, u := range listings[kind].Unread {
			unread = append(unread, u.Location.Path+": "+u.Cause)
		}
		notes = append(notes, listings[kind].Notes...)
	}
	return files, unread, notes
}

func TestDiscovery(t *testing.T) {
	dir := plant(t, map[string]string{
		"Dockerfile": "FROM scratch", "Dockerfile.dev": "FROM scratch", "api.Dockerfile": "FROM scratch", "api.dockerfile": "FROM scratch",
		"Containerfile": "FROM scratch", "Dockerfile.dockerignore": "*", "Dockerfile.vim": "syntax", "Dockerfile.tmpl": "FROM {{ .Base }}",
		"deploy/web.yaml": manifest, "deploy/web.yml": "# x\nkind: Pod\napiVersion: v1\n", "deploy/web.json": `{"apiVersion":"v1","kind":"Pod"}`,
		"deploy/values.yaml": "kind: x\n", "package.json": `{"name":"x"}`, "binary.yaml": "\x00\x01apiVersion: kind:",
		"node_modules/x/Dockerfile": "FROM x", "vendor/x.yaml": manifest, ".git/x.yaml": manifest, "out/x.yaml": manifest, "web.gen.yaml": manifest,
		"charts/app/Chart.yaml": "apiVersion: v2\nname: app\n", "charts/app/templates/web.yaml": manifest,
	})
	files, unread, notes := read(t, dir, Options{SkipDirs: []string{"out"}, SkipFiles: []string{"**/*.gen.yaml"}})
	want := []string{
		"dockerfile Containerfile", "dockerfile Dockerfile", "dockerfile Dockerfile.dev", "dockerfile api.Dockerfile", "dockerfile api.dockerfile",
		"kubernetes charts/app/templates/web.yaml", "kubernetes deploy/web.json", "kubernetes deploy/web.yaml", "kubernetes deploy/web.yml",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(unread) > 0 {
		t.Errorf("unread: %q", unread)
	}
	if diff := cmp.Diff([]string{"Dockerfile.tmpl is a template of a Dockerfile; it was not judged"}, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestNamedFilesAreNeverSilent(t *testing.T) {
	dir := plant(t, map[string]string{
		"build/prod.docker": "FROM scratch", "a.yaml": "no: manifest\n", "binary.yaml": "\x00", "latin.yaml": "# caf\xe9\n",
		"utf16.yaml": "\xff\xfea\x00", "big.yaml": strings.Repeat("a: b\n", 30), "deploy/a/x.yaml": "x: 1", "deploy/b/y.yaml": "y: 1",
	})
	if err := os.Symlink(filepath.Join("..", "..", "etc", "hostname"), filepath.Join(dir, "out.yaml")); err != nil {
		t.Skip("this system has no symbolic links")
	}
	if err := os.Symlink("loop.yaml", filepath.Join(dir, "loop.yaml")); err != nil {
		t.Fatal(err)
	}
	files, unread, _ := read(t, dir, Options{
		Paths: []string{
			"build/prod.docker", "a.yaml", "binary.yaml", "latin.yaml", "utf16.yaml", "big.yaml", "deploy/*/*.yaml",
			"missing.yaml", "none/*.yaml", "../x.yaml", "out.yaml", "loop.yaml",
		},
		MaxSize: 100,
	})
	if diff := cmp.Diff([]string{"dockerfile build/prod.docker", "kubernetes a.yaml", "kubernetes deploy/a/x.yaml", "kubernetes deploy/b/y.yaml"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	want := []string{
		"binary.yaml: is binary", "latin.yaml: is not UTF-8 (first invalid byte on line 1)", "utf16.yaml: is UTF-16",
		"big.yaml: holds 150 bytes, more than the limit of 100", "missing.yaml: does not exist", "none/*.yaml: matches no file",
		"../x.yaml: lies outside the tree", "out.yaml: is a link that leaves the tree", "loop.yaml: cannot be opened: too many levels of symbolic links",
	}
	if len(unread) != len(want) {
		t.Fatalf("unread: %q", unread)
	}
	for i := range want {
		if !strings.HasPrefix(unread[i], want[i]) || !strings.Contains(unread[i], "; ") || strings.Contains(unread[i], dir) {
			t.Errorf("unread %q, want %q, what to do, and no path of this machine", unread[i], want[i])
		}
	}
}

// What is too large to be read and is no manifest must not make a verdict unsure.
func TestLargeFiles(t *testing.T) {
	const limit = 200 << 10
	filler := strings.Repeat("- {a: b}\n", limit/9+1)
	across := filler[:64<<10-4] + "apiVersion: v1\n" // the word lies across two reads
	dir := plant(t, map[string]string{
		"data.json": filler, "kinds.yaml": filler + "kind: x\n", "deploy.yaml": filler + manifest, "across.yaml": across + filler + "kind: Pod\n",
		"utf16.yaml": "\xff\xfe" + filler, "binary.yaml": "\x00" + filler + manifest, "Dockerfile": filler,
	})
	_, unread, _ := read(t, dir, Options{MaxSize: limit})
	want := []string{"Dockerfile", "across.yaml", "deploy.yaml", "utf16.yaml"}
	var got []string
	for _, u := range unread {
		name, cause, _ := strings.Cut(u, ": ")
		if got = append(got, name); !strings.Contains(cause, "more than the limit") {
			t.Errorf("unread: %q", u)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unread (-want +got):\n%s", diff)
	}
	if _, unread, _ = read(t, dir, Options{Paths: []string{"data.json"}, MaxSize: limit}); len(unread) != 1 {
		t.Errorf("a file that was named: unread %q", unread)
	}
}

func TestCharts(t *testing.T) {
	dir := plant(t, map[string]string{
		"ch/Chart.yaml": "apiVersion: v2\nname: ch\n", "ch/templates/a.yaml": `{{ include "lib.deployment" . }}`, "ch/charts/sub/Chart.yaml": "name: sub\n",
		"ch/charts/sub/templates/web/b.yaml": "{{ .x }}", "prod/kustomization.yaml": "resources: []\n",
	})
	for asked, want := range map[string]struct {
		charts, files []string
		named         bool
	}{
		".":                 {files: []string{"ch/charts/sub ch/charts/sub/templates/web/b.yaml", "ch ch/templates/a.yaml"}},
		"ch":                {charts: []string{"ch"}, files: []string{"ch/charts/sub ch/charts/sub/templates/web/b.yaml", "ch ch/templates/a.yaml"}},
		"ch/templates":      {charts: []string{"ch"}, files: []string{"ch ch/templates/a.yaml"}},
		"ch/charts":         {files: []string{"ch/charts/sub ch/charts/sub/templates/web/b.yaml"}},
		"ch/templates/*":    {files: []string{"ch ch/templates/a.yaml"}},
		"prod":              {named: true},
		"prod/*tion.yaml":   {named: true},
		"ch/templates/../.": {charts: []string{"ch"}, files: []string{"ch/charts/sub ch/charts/sub/templates/web/b.yaml", "ch ch/templates/a.yaml"}},
	} {
		tree, err := Open(dir, Options{Paths: []string{asked}})
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		listings, err := tree.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		l := listings[Kubernetes]
		var files []string
		for _, f := range l.Files {
			files = append(files, f.Chart+" "+f.Path)
		}
		if diff := cmp.Diff(want.charts, l.Charts) + cmp.Diff(want.files, files); diff != "" {
			t.Errorf("%s (-want +got):\n%s", asked, diff)
		}
		if got := len(l.Kustomizations) > 0 && l.Kustomizations[0].Named; got != want.named {
			t.Errorf("%s: the kustomization is named: %v", asked, got)
		}
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may read everything; run as another user: su nobody -s /bin/sh -c 'go test ./internal/source'")
	}
	dir := plant(t, map[string]string{"Dockerfile": "FROM scratch"})
	if err := os.Chmod(filepath.Join(dir, "Dockerfile"), 0); err != nil {
		t.Fatal(err)
	}
	if _, unread, _ := read(t, dir, Options{}); len(unread) != 1 || !strings.Contains(unread[0], "may not be read") {
		t.Errorf("unread: %q", unread)
	}
}

func TestLinks(t *testing.T) {
	dir := plant(t, map[string]string{"docker/Dockerfile": "FROM scratch", "docker/prod": "FROM scratch", "deploy/web.yaml": manifest})
	for link, target := range map[string]string{
		"Dockerfile": "docker/Dockerfile", "Dockerfile.prod": "docker/prod", "again": "deploy", "up": "..", "web.yaml": "/etc/web.yaml",
		"Dockerfile.gone": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("this system has no symbolic links")
		}
	}
	files, unread, notes := read(t, dir, Options{})
	want := []string{"dockerfile Dockerfile.prod", "dockerfile docker/Dockerfile", "kubernetes deploy/web.yaml"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(unread) != 1 || !strings.HasPrefix(unread[0], "Dockerfile.gone: does not exist") {
		t.Errorf("unread: %q", unread)
	}
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "web.yaml is a link that leaves the tree") {
		t.Errorf("notes: %q", notes)
	}
}

func TestSelection(t *testing.T) {
	dir := plant(t, map[string]string{"Dockerfile": "FROM scratch", "x/prod.docker": "FROM scratch", "deploy/a.yaml": manifest, "test/b.yaml": manifest})
	files, unread, _ := read(t, dir, Options{Dockerfiles: []string{"x/prod.docker"}, Manifests: []string{"deploy/**/*.yaml"}})
	want := []string{"dockerfile Dockerfile", "dockerfile x/prod.docker", "kubernetes deploy/a.yaml"}
	if diff := cmp.Diff(want, files); diff != "" || len(unread) > 0 {
		t.Errorf("files (-want +got):\n%s\nunread %q", diff, unread)
	}
	files, _, _ = read(t, dir, Options{Paths: []string{filepath.Join(dir, "test")}})
	if diff := cmp.Diff([]string{"kubernetes test/b.yaml"}, files); diff != "" {
		t.Errorf("files of an absolute path (-want +got):\n%s", diff)
	}
}

func TestTreeErrors(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "missing"), Options{}); err == nil {
		t.Error("a missing root is opened")
	}
	if _, err := Open(t.TempDir(), Options{SkipFiles: []string{"["}}); err == nil {
		t.Error("a malformed pattern is taken")
	}
	tree, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tree.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("reading with an ended context gives %v", err)
	}
}

func TestPositions(t *testing.T) {
	for _, text := range []string{"", "a", "ab\nc", "é\r\nü日本\n\nx", "\uFEFFa: ü\n", strings.Repeat("日x", 2000) + "\n" + strings.Repeat("é", 3000)} {
		f, err := NewFile("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		text = strings.TrimPrefix(text, "\uFEFF")
		line, column := 1, 1
		for offset, r := range text {
			if l, c := f.Position(offset); l != line || c != column {
				t.Fatalf("%.20q: offset %d is at %d:%d, want %d:%d", text, offset, l, c, line, column)
			}
			if got := f.Offset(line, column); got != offset && r != '\n' && r != '\r' {
				t.Fatalf("%.20q: %d:%d is at offset %d, want %d", text, line, column, got, offset)
			}
			if column++; r == '\n' {
				line, column = line+1, 1
			}
		}
	}
	f, _ := NewFile("f", []byte("a: é日\r\nb"))
	if got := f.Slice(f.Span(3, 8)); got != "é日" {
		t.Errorf("slice %q", got)
	}
	if _, ok := f.Line(3); ok {
		t.Error("there is a third line")
	}
}

func TestParseImage(t *testing.T) {
	for text, want := range map[string]Image{
		"node":                         {Name: "node"},
		"registry:5000/app":            {Name: "registry:5000/app"}, // peers read "5000/app" as a tag
		"registry:5000/a/b:1@sha256:0": {Name: "registry:5000/a/b", Tag: "1", Digest: "sha256:0"},
		"app@sha256:0":                 {Name: "app", Digest: "sha256:0"},
	} {
		if got, ok := ParseImage(text); !ok || got != want || got.String() != text {
			t.Errorf("%q is %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "${IMAGE}", "app:${TAG}", "ko://example.com/x", "app:", "APP", "a b", "<image>"} {
		if got, ok := ParseImage(text); ok {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]Strength{
		"DB_PASSWORD": LikelySecret, "githubToken": LikelySecret, "AWS_SECRET_ACCESS_KEY": LikelySecret, "API_KEY": LikelySecret,
		"BASIC_AUTH": MaybeSecret, "SECRET_SAUCE": MaybeSecret, "KEY": MaybeSecret,
		"SSH_AUTH_SOCK": NoSecret, "DB_PASSWORD_FILE": NoSecret, "MONKEY": NoSecret, "GPG_KEY": NoSecret, "PUBLIC_KEY": NoSecret,
		"TOKEN_TTL": NoSecret, "KEYCLOAK_VERSION": NoSecret, "": NoSecret, "AUTHOR": NoSecret, "PASSWORD_MIN_LENGTH": NoSecret,
	} {
		if got := SecretName(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	if got := MaskTokens("x ghp_0123456789abcdefghijklmnopqrstuvwxyz postgres://app:hünter2@db/x"); got != "x "+strings.Repeat("*", 40)+" postgres://app:*******@db/x" {
		t.Errorf("masked: %s", got)
	}
}
