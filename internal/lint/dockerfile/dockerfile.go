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
	baseDigest,
	baseLatest,
	secretInEnv,
	shellForm,
	userRoot,
}

// Linter judges Dockerfiles.
func Linter() lint.Linter { return lint.New(source.Dockerfile, parse, checks) }

func parse(ctx context.Context, listing *source.Listing, opts lint.Options) (lint.Set[*dockerfile.File], error) {
	files := make([]*dockerfile.File, len(listing.Files))
	unread := make([][]finding.Unread, len(listing.Files))
	err := lint.Each(ctx, len(files), func(i int) {
		var build dockerfile.Build
		if listing.Files[i].Path == opts.Dockerfile {
			build = dockerfile.Build{Args: opts.BuildArgs, Target: opts.Target}
		}
		files[i], unread[i] = dockerfile.Parse(listing.Files[i], build)
	})
	set := lint.Set[*dockerfile.File]{Documents: map[*source.File]lint.Document{}}
	for i, f := range files {
		set.Unread = append(set.Unread, unread[i]...)
		if f == nil {
			continue
		}
		set.Linted.Dockerfiles++
		set.Documents[f.Source] = f
		set.Units = append(set.Units, lint.Unit[*dockerfile.File]{File: f.Source, Doc: f})
	}
	return set, err
}
