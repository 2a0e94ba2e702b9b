package build

import "github.com/google/go-containerregistry/pkg/authn"

// Options say which doors there are and what they may know.
type Options struct {
	// Driver names the only door to take; "auto" takes the first that is ready.
	Driver string
	// Endpoint is a BuildKit that somebody else runs; empty takes BUILDKIT_HOST.
	Endpoint string
	// TLSDir holds ca.pem, cert.pem and key.pem for it.
	TLSDir string
	// Change says that what is built has not been merged: what its steps leave in a
	// builder's cache on this host is kept apart from what merged builds read.
	Change bool
	// Keychain answers for base images.
	Keychain authn.Keychain
	// Getenv is the environment: where Docker's engine is, where GitHub's cache is.
	Getenv func(string) string
}

// ServeCommand is the hidden command of the program that serves our builder on its
// standard input and output, for the sibling door.
const ServeCommand = "serve-build"
