package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/pipeline"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// registry makes the one client that everything goes through.
func (env *environment) registry(cfg *config.Config) (*registry.Client, error) {
	client, err := registry.New(registry.Options{
		Auths: auths(cfg), Keychain: env.keychain(cfg), Transport: transport(), UserAgent: "plimsoll/" + env.deps.Version,
	})
	if err != nil {
		return nil, &config.UsageError{Where: "registry-auths", Err: err}
	}
	return client, nil
}

// transport bounds how long a silent server is waited for; the standard one waits for ever.
func transport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t := standard.Clone()
	t.ResponseHeaderTimeout = time.Minute
	return t
}

// build makes the stage that builds the Dockerfile at path.
func (r *runner) build(path string) (pipeline.Stage, error) {
	if !r.env.deps.builds() {
		return pipeline.Stage{}, &config.UsageError{Where: path, Err: errors.New("this is the slim program, which has no builder; use the full one, or name an image with --image-ref or --input")}
	}
	if why := r.withheld(); why != "" {
		return pipeline.NotBuilt(why), nil
	}
	spec, err := r.spec(path)
	if err != nil {
		return pipeline.Stage{}, err
	}
	spec.Output = filepath.Join(r.scratch, "image")
	r.toBuild = &spec
	r.built = &verdict.Built{Dockerfile: spec.DockerfileName, Target: spec.Target}
	return pipeline.Build(r.builder(), spec, r.imageName(spec)), nil
}

// builder puts the ways to a builder in order.
func (r *runner) builder() build.Builder {
	return r.env.deps.Builder(build.Options{
		Driver: r.cfg.Driver, Endpoint: r.cfg.Endpoint, TLSDir: r.cfg.EndpointTLSDir,
		Keychain: r.client.Keychain(), Getenv: r.env.getenv, Change: r.env.change(),
	})
}

// imageName is what people call the image that is built: the first tag, else the
// Dockerfile and stage.
func (r *runner) imageName(spec build.Spec) string {
	switch {
	case len(r.cfg.Tags) > 0:
		return r.cfg.Tags[0]
	case spec.Target != "":
		return spec.DockerfileName + "#" + spec.Target
	default:
		return spec.DockerfileName
	}
}

func (r *runner) spec(path string) (build.Spec, error) {
	cfg := r.cfg
	name, err := r.space.rel(path)
	if err != nil {
		return build.Spec{}, err
	}
	if _, err := os.Stat(path); err != nil {
		return build.Spec{}, &config.UsageError{Where: "file", Err: fmt.Errorf("%s: %w", path, pathCause(err))}
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return build.Spec{}, fmt.Errorf("finding %s: %w", path, err)
	}
	cache, err := r.cacheDir()
	if err != nil {
		return build.Spec{}, err
	}
	secrets, err := r.env.secrets(cfg)
	if err != nil {
		return build.Spec{}, err
	}
	for _, secret := range secrets {
		r.env.conceal(string(secret.Data))
	}
	if err := cachesApart(cfg); err != nil {
		return build.Spec{}, err
	}
	epoch, err := sourceDateEpoch(r.env.getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return build.Spec{}, err
	}
	spec := build.Spec{
		Context: cfg.Context, Dockerfile: absolute, DockerfileName: name, Target: cfg.Target,
		Args: cfg.BuildArgs, Secrets: secrets, Labels: cfg.Labels, Annotations: cfg.Annotations,
		Contexts: cfg.BuildContexts, CacheFrom: cfg.CacheFrom, CacheTo: cfg.CacheTo, Platform: cfg.Platform,
		NoCache: cfg.NoCache, Pull: cfg.Pull, SourceDateEpoch: epoch, CacheDir: filepath.Join(cache, r.buildCache()),
	}
	r.keepLayers(&spec)
	return spec, nil
}

// sourceDateEpoch reads https://reproducible-builds.org/specs/source-date-epoch.
func sourceDateEpoch(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // not asked for
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return nil, &config.UsageError{Where: "SOURCE_DATE_EPOCH", Err: fmt.Errorf("%q is not a number of seconds since 1970", text)}
	}
	t := time.Unix(seconds, 0).UTC()
	return &t, nil
}

// secrets gathers build secrets from values, files and the environment.
func (env *environment) secrets(cfg *config.Config) ([]build.Secret, error) {
	var out []build.Secret
	for id, value := range cfg.Secrets {
		out = append(out, build.Secret{ID: id, Data: []byte(value)})
	}
	for id, path := range cfg.SecretFiles {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, &config.UsageError{Where: "secret-files", Err: fmt.Errorf("secret %q: %s: %w", id, path, pathCause(err))}
		}
		out = append(out, build.Secret{ID: id, Data: data})
	}
	for id, variable := range cfg.SecretEnvs {
		value := env.getenv(variable)
		if value == "" {
			return nil, &config.UsageError{Where: "secret-envs", Err: fmt.Errorf("secret %q: the variable %s is not set", id, variable)}
		}
		out = append(out, build.Secret{ID: id, Data: []byte(value)})
	}
	slices.SortFunc(out, func(a, b build.Secret) int { return strings.Compare(a.ID, b.ID) })
	for i := 1; i < len(out); i++ {
		if out[i].ID == out[i-1].ID {
			return nil, &config.UsageError{Where: "secrets", Err: fmt.Errorf("secret %q is given twice", out[i].ID)}
		}
	}
	return out, nil
}

// take makes the stage that takes an OCI layout or docker archive.
func (r *runner) take(path string) pipeline.Stage {
	return pipeline.Load(func(context.Context, progress.Sink) (image.Image, error) {
		return image.Open(path, filepath.Join(r.scratch, "archive"), image.Choice{Platform: r.cfg.Platform})
	})
}

// pull makes the stage that takes an image from a registry, whatever lies under
// that name on disk: a pull request may put anything there.
func (r *runner) pull(named string) pipeline.Stage {
	return pipeline.Load(func(ctx context.Context, _ progress.Sink) (image.Image, error) {
		ref, err := r.client.Reference(named)
		if err != nil {
			return image.Image{}, err
		}
		return r.client.Pull(ctx, ref, r.cfg.Platform)
	})
}

// onDisk says whether what a person named is a path rather than a reference: it
// begins as one, is a file, or is an OCI layout under a name without a host or tag.
func onDisk(named string) bool {
	if strings.HasPrefix(named, ".") || filepath.IsAbs(named) {
		return true
	}
	info, err := os.Stat(named)
	if err != nil {
		return false
	}
	if info.Mode().IsRegular() {
		return true
	}
	_, err = os.Stat(filepath.Join(named, "oci-layout"))
	return err == nil && !strings.ContainsAny(named, ".:@")
}

// scanning adds the stages that look into the image.
func (r *runner) scanning(gate *pipeline.Gate) error {
	cfg := r.cfg
	if len(cfg.Scanners) == 0 {
		return &config.UsageError{Where: "scanners", Err: errors.New("names none; want any of vuln, secret")}
	}
	r.analyzer = r.env.deps.Analyzer()
	r.closers = append(r.closers, r.analyzer)
	gate.Inspect = pipeline.Inspect(r.inspection())
	if !has(cfg.Scanners, "vuln") {
		return nil
	}
	cache, err := r.cacheDir()
	if err != nil {
		return err
	}
	gate.Database = pipeline.OpenDatabase(r.fetching(), scan.DatabaseOptions{
		Repositories: cfg.DBRepository, Path: cfg.DBPath, CacheDir: cache, MaxAge: r.maxAge(), Offline: cfg.Offline, Now: r.now(),
	})
	gate.Match = pipeline.Match()
	return nil
}

// inspection is how images are looked into. The image that scan is given is somebody
// else's: its points are for who builds it.
func (r *runner) inspection() pipeline.Inspection {
	return pipeline.Inspection{
		Analyzer: r.analyzer, Options: r.scanOptions(), Limits: layer.DefaultLimits(),
		Points: r.command != "scan", Profile: r.cfg.Profile,
	}
}

func (r *runner) scanOptions() scan.Options {
	return scan.Options{
		Packages: has(r.cfg.Scanners, "vuln"), Secrets: has(r.cfg.Scanners, "secret"),
		SkipDirs: r.cfg.SkipDirs, SkipFiles: r.cfg.SkipFiles,
	}
}

// pushes says whether this run pushes after a pass, and notes why not where
// somebody may have expected it.
func (r *runner) pushes() bool {
	cfg, rules := r.cfg, r.env.rules
	due := cfg.Push == "true" || cfg.Push == "auto" && rules.AutoPush && len(cfg.Tags) > 0 && cfg.ImageRef == ""
	switch {
	case due && rules.NeverPushed != "":
		r.notes = append(r.notes, "not pushed: "+rules.NeverPushed)
		due = false
	case cfg.Push == "auto" && rules.AutoPush && len(cfg.Tags) == 0:
		r.notes = append(r.notes, "not pushed: tags names no repository")
	}
	if !due && cfg.Sign == "true" {
		r.notes = append(r.notes, "not signed: what is not pushed cannot be signed; set --push")
	}
	return due
}

// acts adds the stages that write.
func (r *runner) acts(gate *pipeline.Gate) error {
	cfg := r.cfg
	if !r.pushes() {
		return nil
	}
	if len(cfg.Tags) == 0 {
		return &config.UsageError{Where: "push", Err: errors.New("nowhere to push to; name a repository with --tags")}
	}
	if cfg.ImageRef != "" {
		return &config.UsageError{Where: "push", Err: errors.New("an image that lies in a registry is not pushed again")}
	}
	targets, err := pipeline.Targets(cfg.Tags)
	if err != nil {
		return &config.UsageError{Where: "tags", Err: err}
	}
	signer, err := r.signer()
	if err != nil {
		return err
	}
	if cfg.DryRun {
		r.notes = append(r.notes, "dry run: after a pass this would be pushed to "+strings.Join(cfg.Tags, ", "))
		return nil
	}
	gate.Push = pipeline.Push(r.client, targets)
	gate.Tag = pipeline.Tag(r.client, targets)
	if signer == nil {
		return nil
	}
	gate.Sign = pipeline.Sign(signer, targets, nil)
	verifier, err := r.verifier(signer)
	if err != nil {
		return err
	}
	gate.Verify = pipeline.Verify(verifier, targets)
	return nil
}

// signer is what signs, nil when nothing is signed; a note then says why.
func (r *runner) signer() (sign.Signer, error) {
	cfg := r.cfg
	switch {
	case cfg.Sign == "false":
		return nil, nil //nolint:nilnil // asked for
	case r.env.rules.NeverSigned != "":
		r.notes = append(r.notes, "not signed: "+r.env.rules.NeverSigned)
		return nil, nil //nolint:nilnil // said
	case cfg.SigningKey == "" && cfg.Sign == "true":
		return nil, &config.UsageError{Where: "sign", Err: errors.New("there is no key to sign with; name one with --signing-key")}
	case cfg.SigningKey == "":
		r.notes = append(r.notes, "not signed: there is no signing-key")
		return nil, nil //nolint:nilnil // said
	}
	signer, err := r.env.deps.Signer(r.key(cfg.SigningKey), r.env.getenv, r.client)
	if err != nil {
		return nil, &config.UsageError{Where: "signing-key", Err: err}
	}
	return signer, nil
}

// verifier checks with the key that consumers use, else with the signer's own public key.
func (r *runner) verifier(signer sign.Signer) (sign.Verifier, error) {
	if r.cfg.VerificationKey == "" {
		return signer.Verifier(), nil
	}
	verifier, err := r.env.deps.Verifier(r.key(r.cfg.VerificationKey), r.env.getenv, r.client)
	if err != nil {
		return nil, &config.UsageError{Where: "verification-key", Err: err}
	}
	return verifier, nil
}

func (r *runner) key(reference string) sign.KeyOptions {
	return sign.KeyOptions{Reference: reference, Password: []byte(r.env.getenv("COSIGN_PASSWORD"))}
}

// maxAge is the greatest age of the vulnerability database: the event's demand, or
// the settings' where that is stricter.
func (r *runner) maxAge() time.Duration {
	if limit := r.env.rules.MaxAge; limit > 0 && (r.cfg.DBMaxAge == 0 || r.cfg.DBMaxAge > limit) {
		return limit
	}
	return r.cfg.DBMaxAge
}

// buildCache names the builder's cache on this machine: what is not merged has its
// own, so that no step of it can leave something for a build of what is.
func (r *runner) buildCache() string {
	if r.env.change() {
		return "build-of-changes"
	}
	return "build"
}
