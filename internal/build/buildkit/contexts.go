package buildkit

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/ociindex"
	"github.com/moby/buildkit/util/staticfs"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// inputContexts is the input that errors of named contexts name.
const inputContexts = "build-contexts"

// Names of the two directories that the Dockerfile frontend reads (BuildKit,
// frontend/dockerui).
const (
	mountContext    = "context"
	mountDockerfile = "dockerfile"
)

// mount offers the context, and the Dockerfile with its ignore file as they were
// read: links are followed by then, and nobody changes them meanwhile.
func (in *input) mount(opt *client.SolveOpt) error {
	tree, err := fsutil.NewFS(in.context)
	if err != nil {
		return fmt.Errorf("reading the build context: %w", err)
	}
	source := staticfs.NewFS()
	// Builders keep files of equal size and time: ours are never the ones before.
	now := time.Now().UnixNano()
	source.Add(in.name, &types.Stat{Mode: 0o600, ModTime: now}, in.dockerfile)
	if in.ignore != nil {
		source.Add(in.name+".dockerignore", &types.Stat{Mode: 0o600, ModTime: now}, in.ignore)
	}
	opt.LocalMounts = map[string]fsutil.FS{mountContext: tree, mountDockerfile: source}
	return nil
}

// addContexts offers named contexts, as docker buildx does: a directory, an OCI
// layout on this machine ("oci-layout://DIR[:TAG][@DIGEST]"), or what the builder
// fetches itself ("docker-image://", "https://", a git URL).
func addContexts(contexts map[string]string, opt *client.SolveOpt) error {
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		if err := addContext(name, contexts[name], opt); err != nil {
			return &config.UsageError{Where: inputContexts, Err: fmt.Errorf("%q: %w", name+"="+contexts[name], err)}
		}
	}
	return nil
}

func addContext(name, where string, opt *client.SolveOpt) error {
	if name == mountContext || name == mountDockerfile {
		return fmt.Errorf("the name %q is taken; choose another", name)
	}
	attr := "context:" + name
	layout, isLayout := strings.CutPrefix(where, "oci-layout://")
	scheme, _, remote := strings.Cut(where, "://")
	switch {
	case isLayout:
		return addLayout(name, layout, opt)
	case remote && slices.Contains([]string{"docker-image", "https", "http", "git", "ssh"}, scheme), strings.HasPrefix(where, "git@"):
		opt.FrontendAttrs[attr] = where
		return nil
	case remote:
		return fmt.Errorf("%q is not a kind of context; give a directory, docker-image://…, oci-layout://… or a URL", scheme+"://")
	}
	info, err := os.Stat(where)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", where)
	}
	tree, err := fsutil.NewFS(where)
	if err != nil {
		return err
	}
	opt.LocalMounts[name] = tree
	opt.FrontendAttrs[attr] = "local:" + name
	return nil
}

// addLayout offers an OCI layout through the session; BuildKit asks for it by digest.
func addLayout(name, where string, opt *client.SolveOpt) error {
	where, pin, pinned := strings.Cut(where, "@")
	dir, tag := where, ""
	if _, err := os.Stat(dir); err != nil {
		if at := strings.LastIndex(where, ":"); at >= 0 {
			dir, tag = where[:at], where[at+1:]
		}
	}
	store, err := contentlocal.NewStore(dir)
	if err != nil {
		return err
	}
	if !pinned {
		index := ociindex.NewStoreIndex(dir)
		d, err := index.Get(tag)
		if tag == "" {
			d, err = index.GetSingle()
		}
		if err != nil {
			return fmt.Errorf("reading the layout's index: %w", err)
		}
		if d == nil {
			return fmt.Errorf("the layout has no image %q; name one as oci-layout://DIR:TAG or oci-layout://DIR@sha256:…", tag)
		}
		pin = d.Digest.String()
	}
	id := "plimsoll-" + sharedKey(dir)[:12]
	if err := digest.Digest(pin).Validate(); err != nil {
		return fmt.Errorf("reading the digest %q: %w", pin, err)
	}
	if opt.OCIStores == nil {
		opt.OCIStores = map[string]content.Store{}
	}
	opt.OCIStores[id] = store
	opt.FrontendAttrs["context:"+name] = "oci-layout://" + id + "@" + pin
	return nil
}
