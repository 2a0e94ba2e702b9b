package buildkit

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	dockerfile "github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// frontend is the Dockerfile frontend linked here, run beside the client of
// whatever BuildKit builds. It never forwards to an image, and keeps what it
// learnt: the config of the base image, and its error, of which an old BuildKit
// hands back the text only.
type frontend struct {
	mu   sync.Mutex
	base []byte
	err  error
}

// build is a gateway.BuildFunc.
func (f *frontend) build(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	result, err := dockerfile.Build(ctx, unforwarded{c})
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.err = err
		return nil, err
	}
	for key, value := range result.Metadata {
		if strings.HasPrefix(key, exptypes.ExporterImageBaseConfigKey) {
			f.base = bytes.Clone(value)
		}
	}
	return result, nil
}

// baseConfig is the config of the base image, nil when there is none.
func (f *frontend) baseConfig() *v1.ConfigFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	var config v1.ConfigFile
	if f.base == nil || json.Unmarshal(f.base, &config) != nil {
		return nil
	}
	return &config
}

// failure is the frontend's own error, nil when it gave a result.
func (f *frontend) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// unforwarded tells the frontend that a "# syntax=" line has been followed already.
type unforwarded struct{ gateway.Client }

// BuildOpts adds the option that a forwarded frontend finds.
func (u unforwarded) BuildOpts() gateway.BuildOpts {
	opts := u.Client.BuildOpts()
	opts.Opts = maps.Clone(opts.Opts)
	if opts.Opts == nil {
		opts.Opts = map[string]string{}
	}
	opts.Opts["cmdline"] = "builtin"
	return opts
}
