package buildkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/identity"

	"github.com/plimsoll-ci/plimsoll/internal/image"
)

// exporterMoby leaves the image in the engine's store (moby, builder/builder-next).
const exporterMoby = "moby"

// removeTime is how long taking the image's name away may take, also after a
// signal; the whole of Plimsoll has 5 seconds then.
const removeTime = 3 * time.Second

// buildAndSave builds into the engine's image store, under a name of our own, and
// fetches the image from there. Layers come as the engine keeps them, uncompressed.
func (s *solve) buildAndSave(ctx context.Context, c *client.Client, opt client.SolveOpt) error {
	name := "plimsoll-build:" + identity.NewID()
	if s.NewName != nil {
		name = s.NewName()
	}
	opt.Exports = []client.ExportEntry{{Type: exporterMoby, Attrs: map[string]string{"name": name}}}
	if err := s.solve(ctx, c, opt); err != nil {
		return err
	}
	if s.spec.SourceDateEpoch != nil {
		s.notes = append(s.notes, "the times inside the layers are the build's: the engine cannot rewrite them")
	}
	err := s.save(ctx, name)
	removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	if removeErr := s.Store.Remove(removing, name); removeErr != nil {
		s.notes = append(s.notes, fmt.Sprintf("the image %s was left in the engine (%v)", name, removeErr))
	}
	return err
}

// save unpacks the archive of an image as an OCI layout into partial.
func (s *solve) save(ctx context.Context, name string) (err error) {
	saved, err := s.Store.Save(ctx, name)
	if err != nil {
		return fmt.Errorf("fetching the image from the engine: %w", err)
	}
	defer func() { err = errors.Join(err, saved.Close()) }()
	if err := os.MkdirAll(s.partial, 0o755); err != nil {
		return fmt.Errorf("fetching the image from the engine: %w", err)
	}
	archive := filepath.Join(s.partial, "saved.tar")
	f, err := os.OpenFile(archive, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fetching the image from the engine: %w", err)
	}
	defer os.Remove(archive)
	_, err = io.Copy(f, saved)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("fetching the image from the engine: %w", err)
	}
	if _, err := image.Open(archive, s.partial, image.Choice{}); err != nil {
		return fmt.Errorf("reading what the engine built: %w", err)
	}
	return nil
}
