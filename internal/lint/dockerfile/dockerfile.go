// Package dockerfile holds the checks on Dockerfiles, one per file.
package dockerfile

import (
	"context"
	"embed"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

// Pages are the rules' pages and fixtures.
//
//go:embed *.txtar
var Pages embed.FS

// checks is ordered by name.
var checks = []lint.Check[*dockerfile.File]{
	addRemote,
	aptUpdateAlone,
	baseDigest,
	baseEOL,
	baseLatest,
	buildTools,
	cacheMount,
	chownByName,
	contextSecrets,
	copyIgnored,
	dependencyLayer,
	deprecatedNpmFlag,
	devDependencies,
	duplicateStage,
	entrypointExec,
	healthKubelet,
	healthLocalhost,
	healthOutput,
	healthTool,
	imageLabels,
	ineffectiveRun,
	lifecycleScripts,
	lockFile,
	maintainerDeprecated,
	multipleInstructions,
	noDockerignore,
	nodeEnv,
	openPermissions,
	packageCache,
	packageManager,
	processOne,
	prodInstallBeforeBuild,
	secretCopied,
	secretInEnv,
	secretInRun,
	serviceUser,
	shellForm,
	shellMissing,
	sourcesFirst,
	syntaxDirective,
	unattendedInstall,
	undefinedArgInFrom,
	unverifiedInstaller,
	userNumeric,
	userRoot,
	userUnresolved,
	verificationOff,
	writableProgram,
}

// Linter judges Dockerfiles. BuildKit's own checks are told with a checker only.
func Linter(checkers ...dockerfile.Checker) lint.Linter {
	var checker dockerfile.Checker
	for _, c := range checkers {
		checker = c
	}
	all := slices.Concat(checks, ofBuildKit)
	slices.SortFunc(all, func(a, b lint.Check[*dockerfile.File]) int { return strings.Compare(a.Name, b.Name) })
	return lint.New(source.Dockerfile, func(ctx context.Context, listing *source.Listing, opts lint.Options) (lint.Set[*dockerfile.File], error) {
		return parse(ctx, listing, opts, checker)
	}, all)
}

func parse(ctx context.Context, listing *source.Listing, opts lint.Options, checker dockerfile.Checker) (lint.Set[*dockerfile.File], error) {
	files := make([]*dockerfile.File, len(listing.Files))
	unread := make([][]finding.Unread, len(listing.Files))
	unchecked := make([]error, len(listing.Files))
	err := lint.Each(ctx, len(files), func(i int) {
		build := dockerfile.Build{Tree: listing.Tree}
		if listing.Files[i].Path == opts.Dockerfile {
			build.Args, build.Target = opts.BuildArgs, opts.Target
		}
		files[i], unread[i] = dockerfile.Parse(listing.Files[i], build)
		if files[i] != nil && checker != nil {
			unchecked[i] = files[i].Check(ctx, checker)
		}
	})
	set := lint.Set[*dockerfile.File]{Documents: map[*source.File]lint.Document{}}
	var model []*dockerfile.File
	waits := checker == nil
	for i, f := range files {
		set.Unread = append(set.Unread, unread[i]...)
		if f == nil {
			continue
		}
		if unchecked[i] != nil {
			set.Notes = append(set.Notes, f.Source.Path+": BuildKit's own checks stopped before its end: "+printable.Fold(source.MaskTokens(unchecked[i].Error()), 200))
		}
		waits = waits || unchecked[i] != nil
		set.Linted.Dockerfiles++
		set.Documents[f.Source] = f
		set.Units = append(set.Units, lint.Unit[*dockerfile.File]{File: f.Source, Doc: f})
		model = append(model, f)
	}
	set.Model = model
	if waits {
		for _, r := range Official() {
			set.Waiting = append(set.Waiting, r.ID)
		}
	}
	return set, err
}
