package build

import (
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// Kinds of caches between builds (docker buildx, "Cache storage backends").
const (
	CacheRegistry = "registry" // ref=…
	CacheLocal    = "local"    // a directory: src=… to read, dest=… to write
	CacheActions  = "gha"      // GitHub's cache: scope=…
	CacheInline   = "inline"   // in the image itself; to write only
)

// Cache is one cache that layers are read from or written to.
type Cache struct {
	Type  string
	Attrs map[string]string // without the type; keys are lower case
}

// ParseCaches reads the entries of cache-from or cache-to as docker buildx does:
// comma-separated fields "key=value", quoted as CSV, or a bare reference, which
// is a registry's. The errors are *config.UsageError and name the entry.
func ParseCaches(input string, entries []string) ([]Cache, error) {
	var caches []Cache
	for _, entry := range entries {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		c, err := parseCache(input, entry)
		if err != nil {
			return nil, &config.UsageError{Where: input, Err: fmt.Errorf("%q: %w", tokens.ReplaceAllString(entry, "$1=***"), err)}
		}
		caches = append(caches, c)
	}
	return caches, nil
}

// tokens are what an entry may hold that is never shown.
var tokens = regexp.MustCompile(`(?i)(token)\s*=[^,"]*`)

func parseCache(input, entry string) (Cache, error) {
	fields, err := csv.NewReader(strings.NewReader(entry)).Read()
	if err != nil {
		return Cache{}, fmt.Errorf("it is not a comma-separated list (%w)", err)
	}
	if len(fields) == 1 && !strings.Contains(fields[0], "=") {
		c := Cache{Type: CacheRegistry, Attrs: map[string]string{"ref": strings.TrimSpace(fields[0])}}
		return c, c.check(input)
	}
	attrs := map[string]string{}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		if !ok {
			return Cache{}, fmt.Errorf("%q is not key=value", field)
		}
		attrs[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	kind := attrs["type"]
	delete(attrs, "type")
	c := Cache{Type: kind, Attrs: attrs}
	return c, c.check(input)
}

// required is the attribute that each type cannot do without, to read and to write.
var required = map[string][2]string{
	CacheRegistry: {"ref", "ref"},
	CacheLocal:    {"src", "dest"},
	CacheActions:  {},
	CacheInline:   {},
}

func (c Cache) check(input string) error {
	writes := input == InputCacheTo
	needs, known := required[c.Type]
	switch {
	case c.Type == "":
		return errors.New(`it has no type; begin with "type=registry,"`)
	case !known:
		return fmt.Errorf("the type %q is not supported; use one of %s", c.Type, strings.Join(slices.Sorted(maps.Keys(required)), ", "))
	case c.Type == CacheInline && !writes:
		return errors.New(`"inline" is for cache-to; to read one, name the image: type=registry,ref=…`)
	case writes && needs[1] != "" && c.Attrs[needs[1]] == "":
		return fmt.Errorf("it has no %s; add %q", needs[1], needs[1]+"=…")
	case !writes && needs[0] != "" && c.Attrs[needs[0]] == "":
		return fmt.Errorf("it has no %s; add %q", needs[0], needs[0]+"=…")
	}
	if mode, ok := c.Attrs["mode"]; ok && mode != "min" && mode != "max" {
		return fmt.Errorf(`the mode %q is neither "min" nor "max"`, mode)
	}
	return nil
}
