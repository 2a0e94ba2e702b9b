package cli

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// cachesApart refuses a layer cache in a repository that the image goes to: it
// would be written before the verdict, and nothing is (rule of the way 4).
func cachesApart(cfg *config.Config) error {
	caches, err := build.ParseCaches(build.InputCacheTo, cfg.CacheTo)
	if err != nil {
		return err
	}
	for _, c := range caches {
		if c.Type != build.CacheRegistry {
			continue
		}
		ref, err := name.ParseReference(c.Attrs["ref"])
		if err != nil {
			return &config.UsageError{Where: build.InputCacheTo, Err: fmt.Errorf("%q is not a reference: %w", c.Attrs["ref"], err)}
		}
		for _, text := range cfg.Tags {
			if tag, err := name.NewTag(text); err == nil && strings.EqualFold(tag.Repository.Name(), ref.Context().Name()) {
				return &config.UsageError{Where: build.InputCacheTo, Err: fmt.Errorf("%s is where the image goes, and nothing is written there before a pass; name another repository", ref.Context().Name())}
			}
		}
	}
	return nil
}
