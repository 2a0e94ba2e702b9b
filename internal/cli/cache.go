package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/cache"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// keeper is what a run takes from those before it and leaves to those after it. The
// zero value does neither.
type keeper struct {
	access    cache.Access
	cache     *cache.Cache
	databases *cache.Databases
	told      int // of the cache's troubles
}

// openCache opens what the setting "cache" names, as far as the event allows. What
// cannot be reached is said once and does without; only a setting that cannot be
// followed is an error.
func (r *runner) openCache() error {
	if !slices.Contains([]string{"gate", "build", "scan"}, r.command) {
		return nil
	}
	cfg := r.cfg
	repository, err := r.cacheRepository()
	if err != nil {
		return err
	}
	access := cache.For(cfg.Cache, r.env.event)
	if cfg.DryRun {
		access.Write = false
	}
	if !access.Read {
		return nil
	}
	var store cache.Store
	switch cfg.Cache {
	case cache.Registry:
		store = cache.InRegistry(r.client, repository, access.Write)
	case cache.Actions:
		service := cache.ActionsFrom(r.env.getenv)
		err = service.Check(r.now())
		if err == nil && r.env.deps.Cache != nil {
			store, err = r.env.deps.Cache(service, transport(), "plimsoll/"+r.env.deps.Version)
		}
		access.Read, access.Write = access.Read && !service.NoRead, access.Write && !service.NoWrite
	}
	if err != nil {
		r.without(err)
	}
	if store != nil {
		r.keeper = keeper{access: access, cache: cache.New(store, access, r.scratch)}
	}
	return nil
}

// cacheRepository checks the settings of a cache in a registry.
func (r *runner) cacheRepository() (name.Repository, error) {
	cfg := r.cfg
	misuse := func(format string, args ...any) error {
		return &config.UsageError{Where: "cache-repository", Err: fmt.Errorf(format, args...)}
	}
	switch {
	case cfg.Cache != cache.Registry:
		return name.Repository{}, nil
	case cfg.CacheRepository == "":
		return name.Repository{}, misuse("cache: registry needs one; name a repository such as ghcr.io/acme/plimsoll-cache")
	}
	repository, err := name.NewRepository(cfg.CacheRepository)
	if err != nil {
		return name.Repository{}, misuse("%q is no repository: %w; write it as host/repository, without a tag", cfg.CacheRepository, err)
	}
	// Rule 4 of the way: nothing is written to the image's repository before a pass.
	for _, image := range append(slices.Clone(cfg.Tags), cfg.ImageRef) {
		if ref, err := r.client.Reference(image); image != "" && err == nil && ref.Context().Name() == repository.Name() {
			return name.Repository{}, misuse("%q is the image's own repository; name another one", cfg.CacheRepository)
		}
	}
	return repository, nil
}

// without says that nothing is kept. Who did not ask for it reads it in the log;
// who did, everywhere.
func (r *runner) without(err error) {
	text := fmt.Sprintf("nothing is kept between runs: %v", err)
	if !r.cfg.Given("cache") {
		fmt.Fprintf(r.env.stderr, "plimsoll: %s\n", printableError(errors.New(text)))
		return
	}
	r.notes = append(r.notes, text)
	r.degraded = append(r.degraded, degradedCache)
}

const degradedCache = "cache"

// fetching is where vulnerability data comes from: the cache, and behind it the
// repositories.
func (r *runner) fetching() scan.Databases {
	databases := r.env.deps.Databases(r.client.Transport(), r.client.Keychain())
	carrier, ok := databases.(cache.Carrier)
	if !ok || r.keeper.cache == nil {
		return databases
	}
	r.keeper.databases = r.keeper.cache.Keep(carrier)
	return r.keeper.databases
}

// keepLayers adds the cache to what a build reads and writes, unless the user named
// some.
func (r *runner) keepLayers(spec *build.Spec) {
	if r.keeper.cache == nil || len(spec.CacheFrom) > 0 || len(spec.CacheTo) > 0 {
		return
	}
	from, to := cache.Layers(r.cfg.Cache, r.cfg.CacheRepository, spec.DockerfileName, r.keeper.access)
	if from != "" {
		spec.CacheFrom = []string{from}
	}
	if to != "" {
		spec.CacheToIfAble = []string{to}
	}
}

// recipe is what makes two inventories comparable.
func (r *runner) recipe(spec *build.Spec) cache.Recipe {
	return cache.Recipe{
		Dockerfile: spec.DockerfileName, Target: spec.Target, Platform: spec.Platform,
		Args: spec.Args, Options: r.scanOptions(), Analyzer: r.env.deps.Version,
	}
}

// inventoryBefore is a pipeline.Former: what was seen of the image of the base
// commit when that was pushed.
func (r *runner) inventoryBefore(ctx context.Context, _ progress.Sink) (*pipeline.Image, string, error) {
	if r.env.former == nil || r.toBuild == nil || r.env.event.Kind == event.Default {
		return nil, "", nil // the default branch is compared with what it published
	}
	if r.env.former.dir == "" {
		return nil, "", nil // what it says of its build is not known
	}
	before, err := r.specBefore(ctx, *r.toBuild)
	if before == nil || err != nil {
		return nil, "", err
	}
	i, err := r.keeper.cache.Inventory(ctx, r.env.former.commit, r.recipe(before))
	if err != nil {
		return nil, "", err
	}
	return remembered(i), "the inventory of base commit " + report.Short(r.env.former.commit), nil
}

// publishedBefore is a pipeline.Former: what the default branch last pushed, by its
// inventory where that was kept, else from the registry.
func (r *runner) publishedBefore(ctx context.Context, _ progress.Sink) (*pipeline.Image, string, error) {
	for _, tag := range r.cfg.Tags {
		ref, err := r.client.Reference(tag)
		if err != nil {
			continue // acts says so
		}
		repository := ref.Context()
		last, err := r.keeper.cache.Published(ctx, repository.Name())
		if err != nil {
			return nil, "", err
		}
		if last == nil {
			continue
		}
		digest := repository.Digest(last.Digest.String())
		if r.toBuild != nil {
			i, err := r.keeper.cache.Inventory(ctx, last.Commit, r.recipe(r.toBuild))
			if err != nil {
				return nil, "", err
			}
			if i != nil && i.Digest == last.Digest {
				if img := remembered(i); img != nil {
					return img, digest.Name(), nil
				}
			}
		}
		img, err := r.client.Pull(ctx, digest, r.cfg.Platform)
		if err != nil {
			return nil, "", fmt.Errorf("looking into what was published as %s: %w", digest, err)
		}
		return &pipeline.Image{Image: img}, digest.Name(), nil
	}
	return nil, "", nil
}

// remembered is an image of which only what was seen is left. One without an
// inventory would have to be looked into again.
func remembered(i *cache.Inventory) *pipeline.Image {
	if i == nil || i.Analysis.Inventory.Detail == nil {
		return nil
	}
	return &pipeline.Image{Image: i.Image(), Analysis: i.Analysis, Built: &build.Result{Layers: i.Origins}}
}

// troubles tells what went wrong with the cache and was not told yet.
func (r *runner) troubles(result *verdict.Result) {
	all := r.keeper.cache.Trouble()
	for _, text := range all[r.keeper.told:] {
		r.degrade(result, degradedCache, errors.New(text))
	}
	r.keeper.told = len(all)
}

// leave keeps what the run learned for the next one. It comes last: nobody waits
// for it to be told anything, and what goes wrong changes only "degraded".
func (r *runner) leave(ctx context.Context, state *pipeline.State, result *verdict.Result) {
	kept := r.keeper.cache
	if kept == nil {
		return
	}
	if r.keeper.databases != nil {
		r.keeper.databases.Save(ctx)
	}
	run := r.env.event.Run
	if run != nil && r.toBuild != nil && len(state.Images) == 1 {
		if img := state.Images[0]; img.Built != nil && img.Analysis.Inventory.Detail != nil {
			kept.KeepInventory(ctx, r.recipe(r.toBuild), seen(img, run.Commit))
		}
	}
	if run != nil && result.Acted != nil && result.Acted.Done {
		for pushed := range strings.FieldsSeq(result.Acted.Pushed) {
			if digest, err := name.NewDigest(pushed); err == nil {
				hash, err := v1.NewHash(digest.DigestStr())
				if err == nil {
					kept.KeepPublished(ctx, cache.Published{Image: digest.Context().Name(), Digest: hash, Commit: run.Commit, At: result.Started})
				}
			}
		}
	}
	before := len(result.Degraded)
	r.troubles(result)
	if len(result.Degraded) > before && r.env.runner != nil {
		// The runner takes the last value of an output.
		r.degrade(result, "outputs", r.env.runner.Outputs(actions.Output{Name: "degraded", Value: strings.Join(result.Degraded, ",")}))
	}
}

// seen is an image without its layers.
func seen(img pipeline.Image, commit string) cache.Inventory {
	i := cache.Inventory{
		Commit: commit, Reference: img.Reference, Digest: img.Digest, ID: img.ID, Platform: img.Platform,
		Origins: img.Built.Layers, Analysis: img.Analysis,
	}
	if img.Config != nil {
		i.DiffIDs = img.Config.RootFS.DiffIDs
	}
	return i
}
