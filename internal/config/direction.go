package config

import (
	"reflect"
	"slices"
)

// class says what a settings file may do with a setting where it is part of the
// change that is judged (interface.md, "Who may loosen").
type class int

const (
	// unsorted settings nobody thought of; they stay as they are at the base commit.
	unsorted class = iota
	// said by the run alone: no file may hold them.
	said
	// directed settings let findings pass: a change only tightens them.
	directed
	// guarded settings spend what the job is trusted with (its network, credentials,
	// files, environment and caches), choose what is judged instead of a build, or say
	// who hears of it: a change does not set them at all.
	guarded
	// own settings say what is built and how. They come from the change, as its
	// Dockerfile does, and let nothing pass: the base commit is built with its own, and
	// the difference is shown.
	own
	// pieced settings let findings pass, and are settled entry by entry.
	pieced
)

// guards lists the guarded settings.
var guards = []string{
	"input", "image-ref", "source", "destination",
	"secret-files", "secret-envs", "cache-from", "cache-to", "driver", "endpoint", "endpoint-tls-dir",
	"tags", "push", "sign", "signing-key",
	"comment", "comment-key", "workflow-annotations", "report-dir", "reports",
}

// owns lists the own settings. Of build-args only those with a value are among
// them: a name alone takes a variable of the job (bare).
var owns = []string{
	"context", "file", "target", "platforms", "build-args", "build-contexts", "labels", "annotations", "no-cache", "pull", "timeout",
}

// pieces lists the pieced settings.
var pieces = []string{"rules", "custom-rules"}

// classes lists every class that a setting is in; one, unless somebody erred.
func classes(s *Setting) []class {
	var in []class
	if s.FlagOnly || s.InputOnly || s.Secret {
		in = append(in, said)
	}
	if directions()[s.Name] != nil {
		in = append(in, directed)
	}
	if slices.Contains(guards, s.Name) {
		in = append(in, guarded)
	}
	if slices.Contains(owns, s.Name) {
		in = append(in, own)
	}
	if slices.Contains(pieces, s.Name) {
		in = append(in, pieced)
	}
	return in
}

func classOf(s *Setting) class {
	if in := classes(s); len(in) > 0 {
		return in[0]
	}
	return unsorted
}

// direction says when one value of a setting is at least as strict as another:
// who may only tighten may go that way (interface.md, "Who may loosen").
type direction func(from, to *Config) bool

// directionOf returns the direction of a directed setting. One that nobody sorted
// may not be changed at all.
func directionOf(s *Setting) direction {
	if d := directions()[s.Name]; d != nil {
		return d
	}
	return func(_, _ *Config) bool { return false }
}

func directions() map[string]direction {
	strictness := []string{"ignore", "warn", "error"}
	return map[string]direction{
		"fail-on-severity":      func(from, to *Config) bool { return to.FailOn <= from.FailOn },
		"lint-fail-on-severity": func(from, to *Config) bool { return to.LintFailOn <= from.LintFailOn },
		"ignore-unfixed":        func(from, to *Config) bool { return from.IgnoreUnfixed || !to.IgnoreUnfixed },
		"only-introduced":       func(from, to *Config) bool { return from.OnlyIntroduced || !to.OnlyIntroduced },
		"warn-only":             func(from, to *Config) bool { return from.WarnOnly || !to.WarnOnly },
		"db-max-age": func(from, to *Config) bool {
			// 0 takes a database of any age.
			return from.DBMaxAge == 0 || to.DBMaxAge != 0 && to.DBMaxAge <= from.DBMaxAge
		},
		"max-missed": func(from, to *Config) bool {
			return from.MaxMissed == nil || to.MaxMissed != nil && *to.MaxMissed <= *from.MaxMissed
		},
		"helm-values":  func(from, to *Config) bool { return holds(to.HelmValues, from.HelmValues) },
		"helm":         func(from, to *Config) bool { return renders(from.Charts, to.Charts) },
		"manifest-set": func(from, to *Config) bool { return from.ManifestSet == to.ManifestSet || to.ManifestSet == "complete" },
		// What another version takes may be refused by the one that is there.
		"kubernetes-version": func(from, to *Config) bool {
			return from.KubernetesMin == to.KubernetesMin && from.KubernetesMax == to.KubernetesMax
		},
		// Another image bound to a workload may hide what is wrong with it.
		"images": func(from, to *Config) bool {
			return len(from.Images) == 0 || slices.EqualFunc(from.Images, to.Images, func(a, b Image) bool { return reflect.DeepEqual(a, b) })
		},
		// kubernetes leaves out what recommended asks for; document, compose and strict each
		// ask for all of it, and for something that the others do not.
		"profile": func(from, to *Config) bool {
			return from.Profile == to.Profile || from.Profile == "kubernetes" || from.Profile == "recommended" && to.Profile != "kubernetes"
		},
		"if-nothing-found": func(from, to *Config) bool {
			return slices.Index(strictness, to.IfNothingFound) >= slices.Index(strictness, from.IfNothingFound)
		},
		"skip-dirs":     func(from, to *Config) bool { return holds(from.SkipDirs, to.SkipDirs) },
		"skip-files":    func(from, to *Config) bool { return holds(from.SkipFiles, to.SkipFiles) },
		"mutable-tags":  func(from, to *Config) bool { return holds(from.MutableTags, to.MutableTags) },
		"scanners":      func(from, to *Config) bool { return holds(to.Scanners, from.Scanners) },
		"manifests":     func(from, to *Config) bool { return searches(from.Manifests, to.Manifests) },
		"compose-files": func(from, to *Config) bool { return searches(from.ComposeFiles, to.ComposeFiles) },
		"verification-key": func(from, to *Config) bool {
			return from.VerificationKey == "" || from.VerificationKey == to.VerificationKey
		},
		// A database that somebody made for the occasion knows no vulnerability.
		"db-repository": func(from, to *Config) bool { return slices.Equal(from.DBRepository, to.DBRepository) },
		"db-path":       func(from, to *Config) bool { return from.DBPath == to.DBPath },
		// The database is kept in it.
		"cache-dir": func(from, to *Config) bool { return from.CacheDir == to.CacheDir },
		// The database comes from it, and what an image is compared with.
		"cache":            func(from, to *Config) bool { return from.Cache == to.Cache || to.Cache == "none" },
		"cache-repository": func(from, to *Config) bool { return from.CacheRepository == to.CacheRepository },
	}
}

// renders says whether to renders all that from does.
func renders(from, to []Chart) bool {
	for _, chart := range from {
		if !slices.ContainsFunc(to, func(other Chart) bool { return reflect.DeepEqual(chart, other) }) {
			return false
		}
	}
	return true
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
