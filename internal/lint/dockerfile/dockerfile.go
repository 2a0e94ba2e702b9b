// Package dockerfile holds the checks on Dockerfiles, one per file.
package dockerfile

import (
	"context"
	"embed"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
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

// Linter judges Dockerfiles.
func Linter() lint.Linter { return lint.New(source.Dockerfile, parse, checks) }

func parse(ctx context.Context, listing *source.Listing, opts lint.Options) (lint.Set[*dockerfile.File], error) {
	files := make([]*dockerfile.File, len(listing.Files))
	unread := make([][]finding.Unread, len(listing.Files))
	err := lint.Each(ctx, len(files), func(i int) {
		build := dockerfile.Build{Tree: listing.Tree}
		if listing.Files[i].Path == opts.Dockerfile {
			build.Args, build.Target = opts.BuildArgs, opts.Target
		}
		files[i], unread[i] = dockerfile.Parse(listing.Files[i], build)
	})
	set := lint.Set[*dockerfile.File]{Documents: map[*source.File]lint.Document{}}
	var model []*dockerfile.File
	for i, f := range files {
		set.Unread = append(set.Unread, unread[i]...)
		if f == nil {
			continue
		}
		set.Linted.Dockerfiles++
		set.Documents[f.Source] = f
		set.Units = append(set.Units, lint.Unit[*dockerfile.File]{File: f.Source, Doc: f})
		model = append(model, f)
	}
	set.Model = model
	return set, err
}
