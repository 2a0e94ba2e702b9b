//go:build !slim

package doors

import (
	"cmp"
	"os"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/build/buildkit"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine"
	"github.com/plimsoll-ci/plimsoll/internal/build/engine/classic"
)

// New returns the doors in the order of architecture.md, "Decisions": an endpoint
// that was named, the engine's own BuildKit where it can export OCI, a sibling,
// the engine's build and save, this process.
func New(o build.Options) build.Builder {
	credentials := buildkit.FromKeychain(o.Keychain)
	cache := buildkit.ActionsFrom(o.Getenv)
	open := engine.Lazily(engine.Options{Getenv: o.Getenv})
	auto := &build.Auto{Driver: o.Driver}
	if url := cmp.Or(o.Endpoint, o.Getenv("BUILDKIT_HOST")); url != "" || o.Driver == build.DoorRemote {
		endpoint := buildkit.Endpoint{URL: url, TLSDir: o.TLSDir}
		remote := &buildkit.Builder{Door: build.DoorRemote, Connect: endpoint.Connect, Credentials: credentials, Actions: cache}
		auto.Doors = append(auto.Doors, remote.AsDoor())
		if o.Driver == build.DoorAuto || o.Driver == "" {
			auto.Driver = build.DoorRemote // who names a builder wants that one, or to know why not
		}
	}
	docker := &buildkit.Builder{Door: build.DoorDocker, Connect: engine.ToBuildKit(open, build.DoorDocker), Credentials: credentials, Actions: cache}
	volume := engine.CacheVolume
	if o.Change {
		volume += "-of-changes"
	}
	siblings := &engine.Siblings{Open: open, Command: command, CacheVolume: volume, CacheLimit: buildkit.DefaultCacheLimit}
	sibling := &buildkit.Builder{Door: build.DoorSibling, Connect: siblings.Connect, Credentials: credentials, Actions: cache}
	saved := &buildkit.Builder{
		Door: build.DoorEngine, Connect: engine.ToBuildKit(open, build.DoorEngine), Credentials: credentials, Actions: cache,
		Store: store{open}, NewName: engine.NewName,
	}
	plain := &classic.Builder{Open: open, Credentials: credentials}
	embedded := &buildkit.Embedded{Credentials: credentials, Actions: cache}
	auto.Doors = append(auto.Doors,
		docker.AsDoor(),
		build.Door{Name: build.DoorSibling, Builder: sibling, Ready: siblings.Ready},
		saved.AsDoor(),
		build.Door{Name: build.DoorEngine, Builder: plain, Ready: plain.Ready}, // an engine without BuildKit
		build.Door{Name: build.DoorEmbedded, Builder: embedded, Ready: embedded.Ready},
	)
	return auto
}

// command is what the container beside us runs: the program that we are.
func command(build.Spec) []string {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/local/bin/plimsoll" // action.yml, runs.entrypoint
	}
	return []string{program, build.ServeCommand}
}
