package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
)

// harbour is what the ships need around them: a registry that holds the base and
// the vulnerability database, and files.
type harbour struct {
	*registrytest.Server
	*stores
	advisories string // reference of the vulnerability database
}

// open starts a registry and stocks it. Its log begins empty.
func (s *stores) open(ctx context.Context, o registrytest.Options) (*harbour, error) {
	h := &harbour{Server: registrytest.Start(o), stores: s}
	if err := h.stock(ctx); err != nil {
		h.Close()
		return nil, err
	}
	h.Reset(nil)
	return h, nil
}

func (h *harbour) stock(ctx context.Context) error {
	img, err := tarball.ImageFromPath(h.base, nil)
	if err != nil {
		return fmt.Errorf("reading the Alpine base: %w", err)
	}
	if err := h.push(ctx, "alpine:3.11", img); err != nil {
		return err
	}
	h.advisories = h.Host + "/trivy-db:2"
	_, err = dbbuild.Push(ctx, h.database, h.advisories)
	return err
}

func (h *harbour) push(ctx context.Context, repository string, img v1.Image) error {
	ref, err := name.ParseReference(h.Host + "/" + repository)
	if err != nil {
		return fmt.Errorf("naming %s: %w", repository, err)
	}
	if err := remote.Write(ref, img, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("pushing %s: %w", repository, err)
	}
	return nil
}

// written lists the writes that a repository has seen.
func (h *harbour) written(repository string) []registrytest.Entry {
	var out []registrytest.Entry
	for _, e := range h.Writes() {
		if strings.HasPrefix(e.Path, "/v2/"+repository+"/") {
			out = append(out, e)
		}
	}
	return out
}

// tagged is the digest that a tag names, "" when there is none.
func (h *harbour) tagged(repository, tag string) string { //nolint:unparam // a reader of the callers wants to see which repository
	ref, err := name.ParseReference(h.Host + "/" + repository + ":" + tag)
	if err != nil {
		return ""
	}
	d, err := remote.Head(ref)
	if err != nil {
		return ""
	}
	return d.Digest.String()
}
