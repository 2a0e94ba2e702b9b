package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Door is one way to a builder.
type Door struct {
	Name    string // one of the constants above
	Builder Builder
	// Ready says whether the door can build, without starting anything: nil, or an
	// *UnavailableError that says why not. Any other error is the user's to mend
	// (*config.UsageError) or the machine's, and no other door is tried. A nil Ready
	// is a door that is always ready.
	Ready func(context.Context, Spec) error
}

// Auto is a Builder that takes the first door that is ready. Once a door has been
// taken its outcome stands: a builder that stops half-way is an error, and no
// other is tried in its place.
type Auto struct {
	Doors []Door
	// Driver names the only door to take; "" and "auto" take the first that is ready.
	Driver string
}

const auto = "auto"

// Build implements Builder. When no door is ready it returns one
// *UnavailableError with the cause of each and all ways out.
func (a *Auto) Build(ctx context.Context, spec Spec, sink progress.Sink) (Result, error) {
	if sink == nil {
		sink = progress.Discard
	}
	door, before, err := a.choose(ctx, spec)
	if err != nil {
		return Result{}, err
	}
	if a.Driver == "" || a.Driver == auto {
		text := "building through the " + door.Name + " door"
		if len(before) > 0 {
			text += "; " + causes(before)
		}
		sink.Emit(progress.Event{Kind: progress.Notice, Stage: "build", Text: text})
	}
	left := spec.settle(door.Name)
	if left != "" {
		sink.Emit(progress.Event{Kind: progress.Notice, Stage: "build", Text: left})
	}
	result, err := door.Builder.Build(ctx, spec, sink)
	if err == nil && left != "" {
		result.Notes = append(result.Notes, left)
	}
	return result, err
}

// settle asks a door for the caches that it can write, and says what was left out.
func (s *Spec) settle(door string) string {
	if len(s.CacheToIfAble) == 0 {
		return ""
	}
	able := *s
	able.CacheTo, able.CacheToIfAble = slices.Concat(s.CacheTo, s.CacheToIfAble), nil
	if Check(able, door) != nil {
		s.CacheToIfAble = nil
		return "layers are not kept for the next run: the " + door + " door writes no cache"
	}
	*s = able
	return ""
}

// choose finds the door, and says why those before it were not taken.
func (a *Auto) choose(ctx context.Context, spec Spec) (Door, []*UnavailableError, error) {
	if err := Check(spec, ""); err != nil {
		return Door{}, nil, err
	}
	var before []*UnavailableError
	var asked error // for more than a door that is ready can do
	for _, door := range a.Doors {
		if a.Driver != "" && a.Driver != auto && a.Driver != door.Name {
			continue
		}
		if door.Ready != nil {
			err := door.Ready(ctx, spec)
			if unavailable, ok := errors.AsType[*UnavailableError](err); ok {
				before = append(before, unavailable)
				continue
			}
			if err != nil {
				return Door{}, nil, fmt.Errorf("looking at the %s door: %w", door.Name, err)
			}
		}
		err := Check(spec, door.Name)
		if err == nil {
			return door, before, nil
		}
		asked = cmp.Or(asked, err)
		before = append(before, &UnavailableError{Door: door.Name, Cause: err.Error()})
	}
	if asked != nil {
		return Door{}, nil, asked
	}
	return Door{}, nil, a.none(before)
}

// none is the error when no door is ready.
func (a *Auto) none(before []*UnavailableError) error {
	switch len(before) {
	case 0:
		return &config.UsageError{Where: "driver", Err: fmt.Errorf("there is no door %q here; use auto", cmp.Or(a.Driver, auto))}
	case 1:
		return before[0]
	}
	none := &UnavailableError{Cause: causes(before)}
	for _, u := range before {
		for _, way := range u.WaysOut {
			if !slices.Contains(none.WaysOut, way) {
				none.WaysOut = append(none.WaysOut, way)
			}
		}
	}
	return none
}

// causes is "docker, engine: there is no socket; embedded: mounting is not permitted":
// what shuts several doors is said once.
func causes(doors []*UnavailableError) string {
	names := make(map[string][]string, len(doors)) // by cause
	var order []string
	for _, d := range doors {
		if names[d.Cause] == nil {
			order = append(order, d.Cause)
		}
		if !slices.Contains(names[d.Cause], d.Door) { // one door may have two ways through it
			names[d.Cause] = append(names[d.Cause], d.Door)
		}
	}
	all := make([]string, len(order))
	for i, cause := range order {
		all[i] = strings.Join(names[cause], ", ") + ": " + cause
	}
	return strings.Join(all, "; ")
}
