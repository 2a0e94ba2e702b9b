// Package buildkit builds images with BuildKit. Embedded runs BuildKit's
// controller inside our process: no daemon, no socket, no image to pull.
//
// BuildKit and containerd log to a process-wide logger; opening a controller
// silences it. What concerns a build arrives as progress instead.
package buildkit

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// door is what results and errors call this builder.
const door = "embedded"

// Defaults of Embedded.
const (
	// defaultPatience is how long a build waits for another one that holds the cache.
	defaultPatience = 10 * time.Second
	// defaultCacheLimit bounds the cache in bytes, as the cache of GitHub Actions does.
	defaultCacheLimit = 10 << 30
)

// Embedded is a build.Builder that runs BuildKit's controller in this process. It
// works on Linux, where mounting is allowed. The zero value is ready for use.
type Embedded struct {
	// Credentials returns what a registry host ("ghcr.io", "127.0.0.1:5000",
	// "index.docker.io" for Docker Hub) wants to see; an empty secret is anonymous,
	// and an empty user with a secret is an identity token. Nil is anonymous everywhere.
	Credentials func(host string) (user, secret string, err error)
	// Runtime is the program that runs containers; empty takes runc or crun from PATH.
	Runtime string
	// CacheLimit is what the cache may hold after a build, in bytes; 0 means 10 GiB.
	CacheLimit int64
	// Patience is how long to wait for another build that uses the same cache
	// before taking a private one; 0 means 10 seconds.
	Patience time.Duration
}

// Capability is what embedded builds can use on this machine.
type Capability struct {
	Snapshotter string // "overlayfs" or "native"
	Runtime     string // path of runc or crun; empty means that RUN cannot be built
	Missing     string // why Runtime is empty
}

// String says it in a few words.
func (c Capability) String() string {
	if c.Runtime == "" {
		return c.Snapshotter + ", no RUN: " + c.Missing
	}
	return c.Snapshotter + ", " + c.Runtime
}

// FromKeychain turns a keychain into what Embedded.Credentials wants.
func FromKeychain(keychain authn.Keychain) func(host string) (user, secret string, err error) {
	return func(host string) (string, string, error) {
		registry, err := name.NewRegistry(host)
		if err != nil {
			return "", "", fmt.Errorf("looking for credentials of %q: %w", host, err)
		}
		auth, err := keychain.Resolve(registry)
		if err != nil {
			return "", "", fmt.Errorf("looking for credentials of %q: %w", host, err)
		}
		config, err := auth.Authorization()
		if err != nil {
			return "", "", fmt.Errorf("reading credentials of %q: %w", host, err)
		}
		if config.IdentityToken != "" {
			return "", config.IdentityToken, nil
		}
		return config.Username, config.Password, nil
	}
}

// elsewhere are the ways out that are open wherever this builder is not.
func elsewhere(first ...string) []string {
	return append(
		first,
		"build the image elsewhere (docker buildx build --output type=oci,dest=image.tar .) and give the archive, its layout or a reference as the input",
	)
}

// hostKey is the name that credentials of a registry are filed under.
func hostKey(host string) string {
	switch host {
	case "docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return name.DefaultRegistry
	}
	return strings.TrimSuffix(host, ":443")
}
