package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/plimsoll-ci/plimsoll/internal/image"
)

// trivyImage is a real image that comes with Trivy's module.
func trivyImage(t testing.TB, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aquasecurity/trivy").Output()
	if err != nil {
		t.Fatalf("finding Trivy's module: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "pkg/fanal/test/testdata", file)
}

func TestOpenRealImages(t *testing.T) {
	tests := []struct {
		file, id, platform, reference string
		layers                        int
	}{
		{"alpine-311.tar.gz", "sha256:a187dde48cd289ac374ad8539930628314bc581a481cdb41409c9289419ddb72", "linux/amd64", "alpine:3.11", 1},
		{"vuln-image.tar.gz", "", "linux/amd64", "", 0},
		{"test.oci", "", "linux/amd64", "", 0},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			img, err := image.Open(trivyImage(t, test.file), t.TempDir(), image.Choice{})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s %s %s %q %d layers", img.Digest, img.ID, img.Platform, img.Reference, len(img.Config.RootFS.DiffIDs))
			if img.Platform != test.platform {
				t.Errorf("platform %q, want %q", img.Platform, test.platform)
			}
			if test.id != "" && img.ID.String() != test.id {
				t.Errorf("id %s, want %s", img.ID, test.id)
			}
			if got, err := img.Image.Digest(); err != nil || got != img.Digest {
				t.Errorf("the manifest is %s (%v), recorded as %s", got, err, img.Digest)
			}
			layers, err := img.Layers()
			if err != nil {
				t.Fatal(err)
			}
			if test.layers > 0 && len(layers) != test.layers {
				t.Errorf("%d layers, want %d", len(layers), test.layers)
			}
		})
	}
}

// several writes a layout with two platforms and an attestation.
func several(t testing.TB) (dir string, amd, arm v1.Hash) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "layout")
	a, b, note := platformed(t, "linux/amd64"), platformed(t, "linux/arm64"), platformed(t, "linux/unknown")
	index := mutate.AppendManifests(
		empty.Index,
		mutate.IndexAddendum{Add: a, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: b}, // its platform is in its config only
		mutate.IndexAddendum{Add: note, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
		}},
	)
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendIndex(index, layout.WithAnnotations(map[string]string{"io.containerd.image.name": "shop/web:1"})); err != nil {
		t.Fatal(err)
	}
	amd, err = a.Digest()
	if err != nil {
		t.Fatal(err)
	}
	arm, err = b.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return dir, amd, arm
}

func TestFromLayoutChooses(t *testing.T) {
	dir, amd, arm := several(t)
	for _, test := range []struct {
		digest, platform string
		want             v1.Hash
	}{
		{"", "linux/amd64", amd},
		{"", "linux/arm64", arm},
		{"", "linux/arm64/v8", arm},
		{arm.String(), "", arm},
		{amd.String(), "linux/amd64", amd},
	} {
		img, err := image.FromLayout(dir, test.digest, test.platform)
		if err != nil {
			t.Fatalf("%+v: %v", test, err)
		}
		if img.Digest != test.want || img.Reference != "shop/web:1" || img.Layout != dir {
			t.Errorf("%+v: got %s %q", test, img.Digest, img.Reference)
		}
	}
	for _, choice := range []image.Choice{{Platform: "linux/s390x"}, {Digest: amd.String(), Platform: "linux/arm64"}} {
		_, err := image.FromLayout(dir, choice.Digest, choice.Platform)
		var ambiguous *image.AmbiguousError
		if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 || !strings.Contains(err.Error(), "linux/arm64 "+arm.String()+" shop/web:1") {
			t.Errorf("%+v: got %v", choice, err)
		}
	}
}

// here is the platform that is taken when none is asked for.
const here = "linux/" + runtime.GOARCH

func TestChoosesThisMachinesPlatform(t *testing.T) {
	other := "linux/s390x"
	if here == other {
		other = "linux/amd64"
	}
	pair := func(platforms ...string) string {
		dir := filepath.Join(t.TempDir(), "layout")
		p, err := layout.Write(dir, empty.Index)
		check(t, err)
		index := v1.ImageIndex(empty.Index)
		for _, platform := range platforms {
			add := platformed(t, platform)
			index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: add, Descriptor: v1.Descriptor{Platform: platformOf(t, platform)}})
		}
		check(t, p.AppendIndex(index))
		return dir
	}
	img, err := image.FromLayout(pair(other, here), "", "")
	if err != nil || img.Platform != here {
		t.Errorf("took %q, %v; want %s", img.Platform, err, here)
	}
	for name, dir := range map[string]string{"none of ours": pair("linux/riscv64", other), "two of ours": pair(here, here)} {
		var ambiguous *image.AmbiguousError
		if _, err := image.FromLayout(dir, "", ""); !errors.As(err, &ambiguous) || !strings.Contains(err.Error(), "holds 2 images; choose one with --platforms:\n  linux/") {
			t.Errorf("%s: got %v", name, err)
		}
	}

	// Images of different names are not one image for several platforms.
	dir := filepath.Join(t.TempDir(), "layout")
	p, err := layout.Write(dir, empty.Index)
	check(t, err)
	for name, platform := range map[string]string{"shop/web:1": here, "shop/db:1": other} {
		check(t, p.AppendImage(platformed(t, platform), layout.WithAnnotations(map[string]string{"io.containerd.image.name": name})))
	}
	var ambiguous *image.AmbiguousError
	if _, err := image.FromLayout(dir, "", ""); !errors.As(err, &ambiguous) {
		t.Errorf("two names: got %v", err)
	}
}

func platformOf(t testing.TB, name string) *v1.Platform {
	t.Helper()
	p, err := v1.ParsePlatform(name)
	check(t, err)
	return p
}

// platformed is a random image for a platform.
func platformed(t testing.TB, platform string) v1.Image {
	t.Helper()
	img, err := random.Image(1000, 2)
	check(t, err)
	cfg, err := img.ConfigFile()
	check(t, err)
	cfg = cfg.DeepCopy()
	p := platformOf(t, platform)
	cfg.OS, cfg.Architecture, cfg.Variant = p.OS, p.Architecture, p.Variant
	img, err = mutate.ConfigFile(img, cfg)
	check(t, err)
	return img
}

func TestFromLayoutRefuses(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string, digest v1.Hash)
		want   string
	}{
		{"no index", func(t *testing.T, dir string, _ v1.Hash) {
			check(t, os.Remove(filepath.Join(dir, "index.json")))
		}, "index.json: no such file"},
		{"index is text", func(t *testing.T, dir string, _ v1.Hash) {
			check(t, os.WriteFile(filepath.Join(dir, "index.json"), []byte("hello"), 0o644))
		}, "index.json: invalid"},
		{"manifest altered", func(t *testing.T, dir string, d v1.Hash) {
			b, err := os.ReadFile(image.BlobPath(dir, d))
			check(t, err)
			check(t, os.WriteFile(image.BlobPath(dir, d), append(b, ' '), 0o644))
		}, "the layout is damaged"},
		{"manifest gone", func(t *testing.T, dir string, d v1.Hash) {
			check(t, os.Remove(image.BlobPath(dir, d)))
		}, "no such file"},
		{"digest with a path in it", func(t *testing.T, dir string, d v1.Hash) {
			b, err := os.ReadFile(filepath.Join(dir, "index.json"))
			check(t, err)
			b = bytes.ReplaceAll(b, []byte(d.Hex), []byte("../../../../etc/passwd"))
			check(t, os.WriteFile(filepath.Join(dir, "index.json"), b, 0o644))
		}, "reading the OCI layout"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, _, _ := several(t)
			var index v1.IndexManifest
			b, err := os.ReadFile(filepath.Join(dir, "index.json"))
			check(t, err)
			check(t, json.Unmarshal(b, &index))
			test.damage(t, dir, index.Manifests[0].Digest)
			_, err = image.FromLayout(dir, "", "linux/amd64")
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOpenDockerArchive(t *testing.T) {
	img, err := random.Image(1000, 3)
	check(t, err)
	file := filepath.Join(t.TempDir(), "image.tar")
	ref, err := name.NewTag("shop/web:2")
	check(t, err)
	check(t, tarball.WriteToFile(file, ref, img))
	got, err := image.Open(file, t.TempDir(), image.Choice{})
	check(t, err)
	want, err := img.ConfigName()
	check(t, err)
	if got.ID != want || !strings.HasSuffix(got.Reference, "shop/web:2") {
		t.Errorf("got %s %q, want %s", got.ID, got.Reference, want)
	}
	if !got.Synthesised {
		t.Error("the manifest of a docker archive is ours, and is not said to be")
	}
	if got, err := image.Open(trivyImage(t, "test.oci"), t.TempDir(), image.Choice{}); err != nil || got.Synthesised {
		t.Errorf("an OCI archive has its own manifest: %t, %v", got.Synthesised, err)
	}

	for name, content := range map[string]string{"empty": "", "text": strings.Repeat("hello ", 200), "gzip": "\x1f\x8b\x08\x00hello"} {
		bad := filepath.Join(t.TempDir(), name)
		check(t, os.WriteFile(bad, []byte(content), 0o644))
		if _, err := image.Open(bad, t.TempDir(), image.Choice{}); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := image.Open(filepath.Join(t.TempDir(), "nowhere"), t.TempDir(), image.Choice{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestArchivesHideWhereTheyAreUnpacked damages an archive in many ways: what is
// said names the archive, never the temporary directory.
func TestArchivesHideWhereTheyAreUnpacked(t *testing.T) {
	source, _, arm := several(t)
	index, err := os.ReadFile(filepath.Join(source, "index.json"))
	check(t, err)
	var top v1.IndexManifest
	check(t, json.Unmarshal(index, &top))
	named := func(h v1.Hash) string { return "blobs/sha256/" + h.Hex }
	indexed := named(top.Manifests[0].Digest)
	for name, test := range map[string]struct {
		drop   string            // a file of the layout that is left out
		change map[string]string // files that say something else
		want   string
	}{
		"index missing":      {drop: indexed, want: indexed + ": no such file"},
		"manifest missing":   {drop: named(arm), want: named(arm) + ": no such file"},
		"layout is text":     {change: map[string]string{"index.json": "hello"}, want: "parsing index.json: invalid"},
		"no image":           {change: map[string]string{"index.json": "{}"}, want: " holds no image"},
		"config not there":   {change: map[string]string{"manifest.json": `[{"Config":"c.json"}]`}, drop: "index.json", want: `the config "c.json" is not in the archive`},
		"neither of the two": {drop: "index.json", want: "it has neither"},
	} {
		t.Run(name, func(t *testing.T) {
			file, scratch := filepath.Join(t.TempDir(), "image.tar"), filepath.Join(t.TempDir(), "scratch")
			archive(t, file, source, test.drop, test.change)
			// A path that is not clean is no less hidden.
			_, err := image.Open(file, scratch+"/./", image.Choice{Platform: "linux/arm64"})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), scratch) {
				t.Errorf("got %v, want %q of %s", err, test.want, file)
			}
		})
	}

	// Neither an image without a name nor its layers tell.
	dir := filepath.Join(t.TempDir(), "layout")
	p, err := layout.Write(dir, empty.Index)
	check(t, err)
	check(t, p.AppendImage(platformed(t, here)))
	file, scratch := filepath.Join(t.TempDir(), "image.tar"), filepath.Join(t.TempDir(), "scratch")
	archive(t, file, dir, "", nil)
	img, err := image.Open(file, scratch+"/./", image.Choice{})
	check(t, err)
	if img.Reference != file {
		t.Errorf("the image goes by %q, want %q", img.Reference, file)
	}
	layers, err := img.Layers()
	check(t, err)
	check(t, os.RemoveAll(scratch))
	if _, err := layers[0].Compressed(); !errors.Is(err, os.ErrNotExist) || strings.Contains(err.Error(), scratch) {
		t.Errorf("got %v", err)
	}
	blocked := filepath.Join(t.TempDir(), "blocked")
	check(t, os.WriteFile(blocked, nil, 0o600))
	if _, err := image.Open(file, blocked, image.Choice{}); err == nil || strings.Contains(err.Error(), blocked) {
		t.Errorf("got %v", err)
	}
}

// archive packs a layout, without one of its files and with others changed.
func archive(t testing.TB, file, dir, drop string, change map[string]string) {
	t.Helper()
	f, err := os.Create(file)
	check(t, err)
	defer f.Close()
	w := tar.NewWriter(f)
	files := map[string][]byte{}
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		check(t, err)
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	}))
	for name, text := range change {
		files[name] = []byte(text)
	}
	delete(files, drop)
	for name, content := range files {
		check(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}))
		_, err := w.Write(content)
		check(t, err)
	}
	check(t, w.Close())
}

func TestFromChecksTheConfig(t *testing.T) {
	img, err := random.Image(100, 1)
	check(t, err)
	if _, err := image.From(img, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := image.From(forged{img}, "x"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

// forged has the config of another image.
type forged struct{ v1.Image }

func (f forged) RawConfigFile() ([]byte, error) { return []byte(`{"os":"linux"}`), nil }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
