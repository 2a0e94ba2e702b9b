package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Annotations and limits of indexes.
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

// Choice says which image of several is meant. The zero value takes the only one,
// or of an image for several platforms the one for Linux on this machine's
// architecture.
type Choice struct {
	// Digest of the manifest, or of an index whose images are then the candidates.
	Digest string
	// Platform is "os/arch" or "os/arch/variant".
	Platform string
}

// AmbiguousError is a layout, archive or index that holds several images, or none
// that fits, where one was asked for.
type AmbiguousError struct {
	Path       string // the layout, archive or reference, as people know it
	Choice     Choice
	Candidates []string // "linux/amd64 sha256:… name", in the order of the index
}

func (e *AmbiguousError) Error() string {
	var b strings.Builder
	switch {
	case len(e.Candidates) == 0:
		return e.Path + " holds no image"
	case e.Choice == Choice{}:
		fmt.Fprintf(&b, "%s holds %d images; choose one with --platforms:", e.Path, len(e.Candidates))
	default:
		var asked []string
		if e.Choice.Platform != "" {
			asked = append(asked, fmt.Sprintf("platform %q", e.Choice.Platform))
		}
		if e.Choice.Digest != "" {
			asked = append(asked, fmt.Sprintf("digest %q", e.Choice.Digest))
		}
		fmt.Fprintf(&b, "%s does not hold exactly one image of %s; choose another with --platforms, it holds:", e.Path, strings.Join(asked, " and "))
	}
	for _, c := range e.Candidates {
		b.WriteString("\n  " + c)
	}
	return b.String()
}

// Shelf is where the images of an index lie.
type Shelf struct {
	// Index reads an index that the index names, checked against its digest.
	Index func(digest v1.Hash) ([]byte, error)
	// Image opens an image. The name is what the index calls it, empty when it
	// does not: to be believed as far as the index is.
	Image func(digest v1.Hash, name string) (Image, error)
}

// Choose opens the image that choice means among those that an index leads to;
// from is what people call it. Attestations and other artifacts about images are
// passed over. Image.Platform says which platform was taken.
//
// Without a platform in the choice an image for several platforms gives the one
// for Linux on the architecture this program runs on. The errors are
// *AmbiguousError where the choice does not lead to exactly one image, and else
// those of the shelf, or what is wrong with the index.
func Choose(index *v1.IndexManifest, from string, choice Choice, shelf Shelf) (Image, error) {
	var all []*candidate
	if err := shelf.collect(index, candidate{}, &all); err != nil {
		return Image{}, err
	}
	fit, err := choice.among(all, shelf)
	if err != nil {
		return Image{}, err
	}
	if len(fit) > 1 && choice.Platform == "" && oneImage(fit) {
		here := Choice{Digest: choice.Digest, Platform: "linux/" + runtime.GOARCH}
		if fit, err = here.among(fit, shelf); err != nil {
			return Image{}, err
		}
	}
	if len(fit) != 1 {
		return Image{}, &AmbiguousError{Path: from, Choice: choice, Candidates: describe(all, shelf)}
	}
	return fit[0].open(shelf)
}

// candidate is one image an index leads to.
type candidate struct {
	descriptor v1.Descriptor
	name       string
	above      []v1.Hash // the indexes it was reached through
	opened     *Image
}

// oneImage says whether the candidates are one image for several platforms: of
// one index, or of one name.
func oneImage(all []*candidate) bool {
	return !slices.ContainsFunc(all, func(c *candidate) bool {
		sameIndex := len(c.above) > 0 && len(all[0].above) > 0 && c.above[0] == all[0].above[0]
		return !sameIndex && c.name != all[0].name
	})
}

// collect lists the images of an index and of the indexes in it, each digest once.
func (shelf Shelf) collect(index *v1.IndexManifest, under candidate, all *[]*candidate) error {
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
			raw, err := shelf.Index(d.Digest)
			if err != nil {
				return fmt.Errorf("reading the index %s: %w", d.Digest, err)
			}
			nested := &v1.IndexManifest{}
			if err := json.Unmarshal(raw, nested); err != nil {
				return fmt.Errorf("parsing the index %s: %w", d.Digest, err)
			}
			c.above = append(slices.Clone(under.above), d.Digest)
			if err := shelf.collect(nested, c, all); err != nil {
				return err
			}
		case slices.ContainsFunc(*all, func(o *candidate) bool { return o.descriptor.Digest == d.Digest }):
			continue
		default:
			*all = append(*all, &c)
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

// among returns the candidates that are what was asked for.
func (choice Choice) among(all []*candidate, shelf Shelf) ([]*candidate, error) {
	var fit []*candidate
	for _, c := range all {
		if choice.Digest != "" {
			under := func(h v1.Hash) bool { return h.String() == choice.Digest }
			if !under(c.descriptor.Digest) && !slices.ContainsFunc(c.above, under) {
				continue
			}
		}
		if choice.Platform != "" {
			platform, err := c.platform(shelf)
			if err != nil {
				return nil, err
			}
			if !samePlatform(platform, choice.Platform) {
				continue
			}
		}
		fit = append(fit, c)
	}
	return fit, nil
}

// open reads the image, once.
func (c *candidate) open(shelf Shelf) (Image, error) {
	if c.opened == nil {
		img, err := shelf.Image(c.descriptor.Digest, c.name)
		if err != nil {
			return Image{}, err
		}
		if img.Digest != c.descriptor.Digest {
			return Image{}, fmt.Errorf("the image %s has the digest %s; it is damaged", c.descriptor.Digest, img.Digest)
		}
		c.opened = &img
	}
	return *c.opened, nil
}

// platform is what the index says, else what the config says.
func (c *candidate) platform(shelf Shelf) (string, error) {
	if p := c.descriptor.Platform; p != nil && p.OS != "" {
		return platformName(p.OS, p.Architecture, p.Variant), nil
	}
	img, err := c.open(shelf)
	return img.Platform, err
}

func describe(all []*candidate, shelf Shelf) []string {
	lines := make([]string, 0, len(all))
	for _, c := range all {
		platform, err := c.platform(shelf)
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
// without one is v7, and amd64 of v1 is amd64, as containerd's normalisation has it.
func samePlatform(a, b string) bool { return normalPlatform(a) == normalPlatform(b) }

func normalPlatform(p string) string {
	switch p = strings.ToLower(p); {
	case strings.HasSuffix(p, "/arm64"):
		return p + "/v8"
	case strings.HasSuffix(p, "/arm"):
		return p + "/v7"
	case strings.HasSuffix(p, "/amd64/v1"):
		return strings.TrimSuffix(p, "/v1")
	}
	return p
}
