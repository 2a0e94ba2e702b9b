// Package image names images and finds them on disk: OCI layouts, references,
// digests and platforms. It reads manifests and configs, never layers
// (package layer does), and never a network (package registry does).
package image

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is one image for one platform, whose manifest and config have been read
// and whose digests have been recomputed from their bytes.
type Image struct {
	v1.Image
	// Digest is that of the manifest exactly as it lies, and as it will be pushed.
	Digest v1.Hash
	// ID is the digest of the config.
	ID v1.Hash
	// Platform is "os/arch" or "os/arch/variant" as the config says.
	Platform string
	// Layout is the directory of the OCI layout that holds it, empty when it does not lie in one.
	Layout string
	// Reference names it for people; never a temporary path.
	Reference string
	// Synthesised says that the manifest was written by us, as that of a docker
	// archive is: the image's identity is its ID unless it is pushed.
	Synthesised bool
	// Config is the parsed config.
	Config *v1.ConfigFile
}
