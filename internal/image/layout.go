package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Annotations and limits of layouts.
const (
	// annotationName names an image in index.json (OCI image layout specification).
	annotationName = "org.opencontainers.image.ref.name"
	// annotationContainerd is the full name that containerd and Docker write.
	annotationContainerd = "io.containerd.image.name"
	// annotationReference marks BuildKit's attestation manifests (BuildKit,
	// docs/attestations/attestation-storage.md).
	annotationReference = "vnd.docker.reference.type"

	maxIndexDepth = 4
	maxCandidates = 1000
)

// Choice says which image of several is meant. The zero value takes the only one.
type Choice struct {
	// Digest of the manifest, or of an index whose images are then the candidates.
	Digest string
	// Platform is "os/arch" or "os/arch/variant".
	Platform string
}

// AmbiguousError is a layout or archive that holds several images, or none that
// fits, where one was asked for.
type AmbiguousError struct {
	Path       string
	Choice     Choice
	Candidates []string // "linux/amd64 sha256:… name", in the order of the index
}

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	switch {
	case len(e.Candidates) == 0:
		return e.Path + " holds no image"
	case e.Choice == Choice{}:
		fmt.Fprintf(&b, "%s holds %d images; choose a platform or a digest:", e.Path, len(e.Candidates))
	default:
		var asked []string
		if e.Choice.Platform != "" {
			asked = append(asked, fmt.Sprintf("platform %q", e.Choice.Platform))
		}
		if e.Choice.Digest != "" {
			asked = append(asked, fmt.Sprintf("digest %q", e.Choice.Digest))
		}
		fmt.Fprintf(&b, "%s does not hold exactly one image of %s; it holds:", e.Path, strings.Join(asked, " and "))
	}
	for _, c := range e.Candidates {
		b.WriteString("\n  " + c)
	}
	return b.String()
}

// candidate is one image an index leads to.
type candidate struct {
	descriptor v1.Descriptor
	name       string
	above      []v1.Hash // the indexes it was reached through
}

// FromLayout opens the image of an OCI layout that digest and platform choose;
// both may be empty where the layout holds only one. Attestation manifests are
// not images and are passed over. The errors are *AmbiguousError where the choice
// does not lead to exactly one image, and otherwise name the file and its cause.
func FromLayout(dir, digest, platform string) (Image, error) {
	choice := Choice{Digest: digest, Platform: platform}
	all, err := candidates(dir)
	if err != nil {
		return Image{}, fmt.Errorf("reading the OCI layout %s: %w", dir, err)
	}
	var fit []candidate
	for _, c := range all {
		ok, err := choice.fits(dir, c)
		if err != nil {
			return Image{}, fmt.Errorf("reading the OCI layout %s: %w", dir, err)
		}
		if ok {
			fit = append(fit, c)
		}
	}
	if len(fit) != 1 {
		return Image{}, &AmbiguousError{Path: dir, Choice: choice, Candidates: describe(dir, all)}
	}
	return fit[0].load(dir)
}

// LayoutImages opens every image of a layout, in the order of its index.
func LayoutImages(dir string) ([]Image, error) {
	all, err := candidates(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the OCI layout %s: %w", dir, err)
	}
	images := make([]Image, 0, len(all))
	for _, c := range all {
		img, err := c.load(dir)
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	if len(images) == 0 {
		return nil, &AmbiguousError{Path: dir}
	}
	return images, nil
}

func (c candidate) load(dir string) (Image, error) {
	img, err := load(dir, c.descriptor.Digest)
	if err != nil {
		return Image{}, fmt.Errorf("reading the OCI layout %s: %w", dir, err)
	}
	img.Reference = c.name
	if img.Reference == "" {
		img.Reference = dir + "@" + img.Digest.String()
	}
	return img, nil
}

// candidates lists the images of a layout: those of index.json and of the
// indexes it leads to, each digest once.
func candidates(dir string) ([]candidate, error) {
	raw, err := readFile(filepath.Join(dir, "index.json"), maxManifest)
	if err != nil {
		return nil, err
	}
	index := &v1.IndexManifest{}
	if err := json.Unmarshal(raw, index); err != nil {
		return nil, fmt.Errorf("parsing %s: %w", filepath.Join(dir, "index.json"), err)
	}
	var all []candidate
	err = collect(dir, index, candidate{}, &all)
	return all, err
}

func collect(dir string, index *v1.IndexManifest, under candidate, all *[]candidate) error {
	if len(under.above) > maxIndexDepth {
		return fmt.Errorf("the index %s is nested more than %d deep", under.descriptor.Digest, maxIndexDepth)
	}
	for _, d := range index.Manifests {
		c := candidate{descriptor: d, name: under.name, above: under.above}
		if name := d.Annotations[annotationContainerd]; name != "" {
			c.name = name
		} else if name := d.Annotations[annotationName]; name != "" {
			c.name = name
		}
		switch {
		case d.Annotations[annotationReference] != "", !imageType(d.ArtifactType):
			continue // an attestation or another artifact about an image
		case d.MediaType.IsIndex():
			raw, err := readBlob(dir, d.Digest, maxManifest)
			if err != nil {
				return fmt.Errorf("reading the index %s: %w", d.Digest, err)
			}
			nested := &v1.IndexManifest{}
			if err := json.Unmarshal(raw, nested); err != nil {
				return fmt.Errorf("parsing the index %s: %w", d.Digest, err)
			}
			c.above = append(slices.Clone(under.above), d.Digest)
			if err := collect(dir, nested, c, all); err != nil {
				return err
			}
		case slices.ContainsFunc(*all, func(o candidate) bool { return o.descriptor.Digest == d.Digest }):
			continue
		default:
			*all = append(*all, c)
		}
		if len(*all) > maxCandidates {
			return errors.New("the index lists more than 1000 images")
		}
	}
	return nil
}

// imageType says whether an artifact type may be that of an image: writers fill
// it with the media type of the config, or leave it out.
func imageType(artifact string) bool {
	switch artifact {
	case "", string(types.OCIConfigJSON), string(types.DockerConfigJSON):
		return true
	}
	return false
}

// fits says whether c is what was asked for.
func (choice Choice) fits(dir string, c candidate) (bool, error) {
	if choice.Digest != "" {
		under := func(h v1.Hash) bool { return h.String() == choice.Digest }
		if !under(c.descriptor.Digest) && !slices.ContainsFunc(c.above, under) {
			return false, nil
		}
	}
	if choice.Platform == "" {
		return true, nil
	}
	platform, err := c.platform(dir)
	return samePlatform(platform, choice.Platform), err
}

// platform is what the index says, else what the config says.
func (c candidate) platform(dir string) (string, error) {
	if p := c.descriptor.Platform; p != nil && p.OS != "" {
		return platformName(p.OS, p.Architecture, p.Variant), nil
	}
	img, err := load(dir, c.descriptor.Digest)
	if err != nil {
		return "", err
	}
	return img.Platform, nil
}

func describe(dir string, all []candidate) []string {
	lines := make([]string, 0, len(all))
	for _, c := range all {
		platform, err := c.platform(dir)
		if err != nil {
			platform = "unreadable"
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", platform, c.descriptor.Digest, c.name)))
	}
	return lines
}

// platformName writes a platform as docker/build-push-action does.
func platformName(system, architecture, variant string) string {
	name := system + "/" + architecture
	if variant != "" {
		name += "/" + variant
	}
	return name
}

// samePlatform compares two platforms; arm64 without a variant is v8 and arm
// without one is v7, as containerd's normalisation has it.
func samePlatform(a, b string) bool { return normalPlatform(a) == normalPlatform(b) }

func normalPlatform(p string) string {
	switch p = strings.ToLower(p); {
	case strings.HasSuffix(p, "/arm64"):
		return p + "/v8"
	case strings.HasSuffix(p, "/arm"):
		return p + "/v7"
	}
	return p
}
