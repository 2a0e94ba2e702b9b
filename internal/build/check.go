package build

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// Inputs that errors name.
const (
	InputCacheFrom   = "cache-from"
	InputCacheTo     = "cache-to"
	inputPlatforms   = "platforms"
	inputAnnotations = "annotations"
)

// Check says whether a door can do what a build asks for, before anything starts;
// an empty door checks what holds for all. The errors are *config.UsageError and
// name the input.
func Check(spec Spec, door string) error {
	if strings.Contains(spec.Platform, ",") {
		return &config.UsageError{Where: inputPlatforms, Err: fmt.Errorf("%q names several; build one platform at a time", spec.Platform)}
	}
	if _, err := ParseCaches(InputCacheFrom, spec.CacheFrom); err != nil {
		return err
	}
	to, err := ParseCaches(InputCacheTo, spec.CacheTo)
	if err != nil || door != DoorEngine {
		return err
	}
	// What "docker save" writes has no manifest, and the engine's BuildKit is wired to no cache exporter.
	if len(to) > 0 {
		return &config.UsageError{Where: InputCacheTo, Err: errors.New("the engine door writes no cache; leave it out, or build through another door (driver: remote, sibling or embedded)")}
	}
	if len(spec.Annotations) > 0 {
		return &config.UsageError{Where: inputAnnotations, Err: errors.New("the engine door keeps no annotations; leave them out, or build through another door (driver: remote, sibling or embedded)")}
	}
	return nil
}
