package image_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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
	one := func(arch string) v1.Image {
		img, err := random.Image(1000, 2)
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		cfg = cfg.DeepCopy()
		cfg.OS, cfg.Architecture = "linux", arch
		if img, err = mutate.ConfigFile(img, cfg); err != nil {
			t.Fatal(err)
		}
		return img
	}
	a, b, note := one("amd64"), one("arm64"), one("unknown")
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
	for _, choice := range []image.Choice{{}, {Platform: "linux/s390x"}, {Digest: amd.String(), Platform: "linux/arm64"}} {
		_, err := image.FromLayout(dir, choice.Digest, choice.Platform)
		var ambiguous *image.AmbiguousError
		if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 || !strings.Contains(err.Error(), "linux/arm64 "+arm.String()+" shop/web:1") {
			t.Errorf("%+v: got %v", choice, err)
		}
	}
	images, err := image.LayoutImages(dir)
	if err != nil || len(images) != 2 {
		t.Errorf("LayoutImages gave %d, %v", len(images), err)
	}
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
