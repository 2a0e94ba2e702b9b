package actionimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Open reads the one image of an OCI layout.
func Open(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the layout %s: %w", dir, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the layout %s: %w", dir, err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("reading the layout %s: it holds %d images", dir, len(manifest.Manifests))
	}
	return index.Image(manifest.Manifests[0].Digest)
}

// Load gives an image to this machine's engine, through the docker command, under a
// name with a tag. The caller removes it.
func Load(ctx context.Context, image v1.Image, as string) error {
	tag, err := name.NewTag(as)
	if err != nil {
		return fmt.Errorf("loading an image: %w", err)
	}
	command := exec.CommandContext(ctx, "docker", "load")
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	in, err := command.StdinPipe()
	if err != nil {
		return fmt.Errorf("loading an image: %w", err)
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("loading an image: %w", err)
	}
	err = errors.Join(tarball.Write(tag, image, in), in.Close(), command.Wait())
	if err != nil {
		return fmt.Errorf("loading %s: %w: %s", as, err, said.Bytes())
	}
	return nil
}
