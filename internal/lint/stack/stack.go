// Package stack holds the checks on what no single file shows, one per file: an
// image, what builds it, and everything that runs it.
package stack

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Pages are the rules' pages and fixtures.
//
//go:embed *.txtar
var Pages embed.FS

// checks is ordered by name.
var checks = []lint.Check[*ship]{
	composeBelowRequest,
	composeDrift,
	credentialsPartial,
	dependencyOnlyInCompose,
	developmentStage,
	digestMoved,
	healthTiming,
	heapOverLimit,
	mountHidesProgram,
	nonRootImage,
	platformContradiction,
	policyCompose,
	portChain,
	probePathUntested,
	probeProgramMissing,
	probeTimeoutDefault,
	programMissing,
	readOnlyVolume,
	requiredVariable,
	terminationChain,
	userCannotStart,
}

// Across makes the checks. images are those of this run, one per platform; without
// any, what only an image could tell is left open.
func Across(images ...*contents.Image) lint.Across {
	across := lint.NewAcross(func(_ context.Context, models lint.Models, opts lint.Options) ([]lint.Unit[*ship], error) {
		return units(binding.New(models, opts, images)), nil
	}, telling(checks))
	if len(images) == 0 {
		for _, r := range across.Rules {
			across.Waiting = append(across.Waiting, r.ID)
		}
	}
	return across
}

// telling makes one check, which every profile asks for, say too which containers
// could be of several Dockerfiles.
func telling(checks []lint.Check[*ship]) []lint.Check[*ship] {
	checks = slices.Clone(checks)
	i := slices.IndexFunc(checks, func(c lint.Check[*ship]) bool { return c.ID == nonRootImage.ID })
	checks[i].Run = func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			if len(c.Candidates) > 0 {
				p.Note(fmt.Sprintf("image %q of %s could be built from %s: not judged together; say which under \"images:\"", c.Node.Get("image").Text(), c.Workload.Subject(), strings.Join(c.Candidates, " or ")))
			}
		}
		nonRootImage.Run(p, s)
	}
	return checks
}

// Bindings lists what is one image, as far as models and options tell.
func Bindings(models lint.Models, opts lint.Options, images ...*contents.Image) []binding.Row {
	return binding.New(models, opts, images).Rows()
}

// ship is what checks look at: what is built from one Dockerfile, or goes by one name,
// with all that run it.
type ship struct {
	*world
	containers []*binding.Container
	services   []*binding.Service
}

// world is what is the same for all ships.
type world struct {
	*binding.Set
	objects *objects
	facts   map[*binding.Stage]*facts
}

// of returns what is known of a stage; nothing of none.
func (w *world) of(s *binding.Stage) *facts {
	if s == nil {
		return &facts{}
	}
	return w.facts[s]
}

// units groups what was bound.
func units(set *binding.Set) []lint.Unit[*ship] {
	w := &world{Set: set, objects: newObjects(set.Manifests), facts: map[*binding.Stage]*facts{}}
	ships := map[any]*ship{}
	var all []lint.Unit[*ship]
	board := func(key any, file *source.File, stage *binding.Stage) *ship {
		if stage != nil && w.facts[stage] == nil {
			w.facts[stage] = newFacts(stage)
		}
		if ships[key] == nil {
			ships[key] = &ship{world: w}
			all = append(all, lint.Unit[*ship]{File: file, Doc: ships[key]})
		}
		return ships[key]
	}
	for _, c := range set.Containers {
		var key any = c
		file := c.Workload.File.Source
		switch f := c.Dockerfile(); {
		case f != nil:
			key, file = f, f.Source
		case c.Service != nil:
			key = c.Service
		}
		s := board(key, file, c.Stage)
		s.containers = append(s.containers, c)
	}
	for _, service := range set.Services {
		var key any = service
		file := service.Project.Own[0].Source
		if f := service.Dockerfile(); f != nil {
			key, file = f, f.Source
		}
		s := board(key, file, service.Stage)
		s.services = append(s.services, service)
	}
	return all
}

// about is the part of a problem that is about a container.
func about(c *binding.Container, path string, at finding.Location, message string) lint.Problem {
	return lint.Problem{At: at, Subject: c.Workload.Subject(), Path: c.Path + "." + path, Message: message}
}

// noted is a location with what it is.
func noted(at finding.Location, note string) finding.Location {
	at.Note = note
	return at
}

// demanding says that the profile counts what is common.
func demanding(p *lint.Pass) bool {
	return p.Profile == lint.ProfileDocument || p.Profile == lint.ProfileStrict
}

// mediumOnDemand is medium where the profile is demanding, and low elsewhere.
func mediumOnDemand(p *lint.Pass) finding.Severity {
	if demanding(p) {
		return finding.Medium
	}
	return finding.Low
}

// list joins words as people do: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

func quoted(words []string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = fmt.Sprintf("%q", w)
	}
	return all
}

// add appends what is not there yet.
func add[T comparable](all []T, more ...T) []T {
	for _, one := range more {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}
