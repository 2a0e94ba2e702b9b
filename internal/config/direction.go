package config

import (
	"slices"
)

// direction says when one value of a setting is at least as strict as another:
// who may only tighten may go that way (interface.md, "Who may loosen").
type direction func(from, to *Config) bool

// neutral settings say what is judged, how it is built and what is told. They let
// nothing pass, and come from the change as they stand there: its Dockerfile is
// where it says.
var neutral = []string{
	"command", "source", "destination", "config-file", "input", "image-ref", "timeout",
	"context", "file", "target", "platforms", "build-args", "secrets", "secret-files", "secret-envs", "build-contexts",
	"annotations", "labels", "tags", "cache-from", "cache-to", "driver", "endpoint", "endpoint-tls-dir", "no-cache", "pull", "push",
	"offline", "sign", "signing-key", "registry-auths",
	"github-token", "comment", "comment-key", "workflow-annotations", "report-dir", "reports", "format", "output", "quiet", "debug", "dry-run", "as-of",
}

// directionOf returns nil for a neutral setting. A setting that nobody thought of
// may not be changed at all.
func directionOf(s *Setting) direction {
	if slices.Contains(neutral, s.Name) {
		return nil
	}
	switch s.Name {
	case "fail-on-severity":
		return func(from, to *Config) bool { return to.FailOn <= from.FailOn }
	case "lint-fail-on-severity":
		return func(from, to *Config) bool { return to.LintFailOn <= from.LintFailOn }
	case "ignore-unfixed":
		return func(from, to *Config) bool { return from.IgnoreUnfixed || !to.IgnoreUnfixed }
	case "only-introduced":
		return func(from, to *Config) bool { return from.OnlyIntroduced || !to.OnlyIntroduced }
	case "warn-only":
		return func(from, to *Config) bool { return from.WarnOnly || !to.WarnOnly }
	case "db-max-age":
		// 0 takes a database of any age.
		return func(from, to *Config) bool {
			return from.DBMaxAge == 0 || to.DBMaxAge != 0 && to.DBMaxAge <= from.DBMaxAge
		}
	case "profile":
		// document, compose and strict each ask for something that the other does not.
		return func(from, to *Config) bool { return from.Profile == to.Profile || from.Profile == "recommended" }
	case "if-nothing-found":
		strictness := []string{"ignore", "warn", "error"}
		return func(from, to *Config) bool {
			return slices.Index(strictness, to.IfNothingFound) >= slices.Index(strictness, from.IfNothingFound)
		}
	case "skip-dirs":
		return func(from, to *Config) bool { return holds(from.SkipDirs, to.SkipDirs) }
	case "skip-files":
		return func(from, to *Config) bool { return holds(from.SkipFiles, to.SkipFiles) }
	case "mutable-tags":
		return func(from, to *Config) bool { return holds(from.MutableTags, to.MutableTags) }
	case "scanners":
		return func(from, to *Config) bool { return holds(to.Scanners, from.Scanners) }
	case "manifests":
		return func(from, to *Config) bool { return searches(from.Manifests, to.Manifests) }
	case "compose-files":
		return func(from, to *Config) bool { return searches(from.ComposeFiles, to.ComposeFiles) }
	case "verification-key":
		return func(from, to *Config) bool {
			return from.VerificationKey == "" || from.VerificationKey == to.VerificationKey
		}
	case "db-repository":
		// A database that somebody made for the occasion knows no vulnerability.
		return func(from, to *Config) bool { return slices.Equal(from.DBRepository, to.DBRepository) }
	case "db-path":
		return func(from, to *Config) bool { return from.DBPath == to.DBPath }
	case "cache-dir":
		// The database is kept in it.
		return func(from, to *Config) bool { return from.CacheDir == to.CacheDir }
	case "cache":
		// The database comes from it, and what an image is compared with.
		return func(from, to *Config) bool { return from.Cache == to.Cache || to.Cache == "none" }
	case "cache-repository":
		return func(from, to *Config) bool { return from.CacheRepository == to.CacheRepository }
	default:
		return func(_, _ *Config) bool { return false }
	}
}

// searches says whether the globs to find all that from does: none means that all
// are looked for.
func searches(from, to []string) bool {
	return len(to) == 0 || len(from) > 0 && holds(to, from)
}

// holds says whether every one of some is in all.
func holds(all, some []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}
