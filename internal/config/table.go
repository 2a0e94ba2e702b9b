package config

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// Kind says how a setting's text is read.
type Kind string

// The kinds.
const (
	Text     Kind = "text"
	Bool     Kind = "true or false"
	Choice   Kind = "choice"
	Severity Kind = "severity"
	Duration Kind = "duration"
	Date     Kind = "date"
	List     Kind = "list"
	Pairs    Kind = "NAME=VALUE list"
	Auths    Kind = "YAML list"
	Entries  Kind = "list of mappings"
	Versions Kind = "version or range"
	Number   Kind = "number"
)

// Setting is one thing a user can choose.
type Setting struct {
	Name     string
	Group    string
	Kind     Kind
	Default  string
	Usage    string // one sentence, lower case, no full stop
	Allowed  []string
	Commands []string // which take it; nil is every command
	// Secret values are never repeated in messages, reports or the command that reproduces a run.
	Secret bool
	// Path values that come from a file are relative to that file.
	Path bool
	// Act marks what writes, shows or only concerns one machine: it changes no
	// verdict and is left out of the command that reproduces one.
	Act bool
	// FlagOnly settings are not inputs of the action and not keys of the file.
	FlagOnly bool
	// InputOnly settings are inputs of the action and neither flags nor keys of the file.
	InputOnly bool
	// FileOnly settings are keys of the file and neither flags nor inputs.
	FileOnly bool

	// entries reads the value of a FileOnly setting, each entry as a text for bind.
	entries func(document, *yaml.Node) ([]assignment, error)
	// fields are the keys of an entry; keyed says that the entries are a mapping by a
	// key of their own and no list.
	fields func() map[string]field
	keyed  bool
	bind   func(*Config, Getenv) value
}

// Takes says whether a command has this setting.
func (s *Setting) Takes(command string) bool {
	return s.Commands == nil || slices.Contains(s.Commands, command)
}

// Settings lists every setting in the order of the pages. The slice is new at each call.
func Settings() []Setting {
	var all []Setting
	for _, group := range [][]Setting{what(), building(), linting(), shaped(), scanning(), evidence(), promoting(), telling()} {
		all = append(all, group...)
	}
	return all
}

func names(settings []Setting) []string {
	out := make([]string, len(settings))
	for i := range settings {
		out[i] = settings[i].Name
	}
	return out
}

// Getenv looks up a variable of the environment; empty is unset.
type Getenv func(string) string

func text(to func(*Config) *string) func(*Config, Getenv) value {
	return func(c *Config, _ Getenv) value { return textValue{to(c)} }
}

func boolean(to func(*Config) *bool) func(*Config, Getenv) value {
	return func(c *Config, _ Getenv) value { return boolValue{to(c)} }
}

func choice(to func(*Config) *string, allowed ...string) func(*Config, Getenv) value {
	return func(c *Config, _ Getenv) value { return choiceValue{to(c), allowed} }
}

func commas(to func(*Config) *[]string, allowed ...string) func(*Config, Getenv) value {
	return func(c *Config, _ Getenv) value { return listValue{to: to(c), commas: true, allowed: allowed} }
}

// lines takes one item a line: the items hold commas themselves.
func lines(to func(*Config) *[]string) func(*Config, Getenv) value {
	return func(c *Config, _ Getenv) value { return listValue{to: to(c)} }
}

func pairs(to func(*Config) *map[string]string) func(*Config, Getenv) value {
	return func(c *Config, _ Getenv) value { return pairsValue{to: to(c)} }
}

// secretPairs never repeats what it could not read.
func secretPairs(to func(*Config) *map[string]string) func(*Config, Getenv) value {
	return func(c *Config, _ Getenv) value { return pairsValue{to: to(c), secret: true} }
}

// pairsOrEnv reads NAME alone as the variable of that name, as docker build does.
func pairsOrEnv(to func(*Config) *map[string]string) func(*Config, Getenv) value {
	return func(c *Config, getenv Getenv) value {
		return pairsValue{to: to(c), bareName: func(name string) (string, bool) {
			v := getenv(name)
			return v, v != ""
		}}
	}
}

var (
	onGate    = []string{"gate"}
	onScanned = []string{"gate", "scan"}
	onNamed   = []string{"gate", "scan", "verify"}
	onBuild   = []string{"gate", "build"}
	onScan    = []string{"gate", "scan"}
	onImage   = []string{"gate", "build", "scan"}
	onClient  = []string{"gate", "build", "scan", "verify", "promote"}
	onJudge   = []string{"gate", "lint", "scan"}
	onLint    = []string{"gate", "lint"}
	onRun     = []string{"gate", "lint", "build", "scan", "verify", "promote"}
	onVerify  = []string{"gate", "verify", "promote"}
	onMove    = []string{"promote"}
	onAct     = []string{"gate", "promote"}
)

func what() []Setting {
	commands := []string{"gate", "lint", "scan", "verify", "promote"}
	return group(
		"what",
		Setting{Name: "command", Kind: Choice, Act: true, InputOnly: true, Default: "gate", Allowed: commands, Usage: "what to do", bind: choice(func(c *Config) *string { return &c.Command }, commands...)},
		Setting{Name: "config-file", Kind: Text, Path: true, FlagOnly: true, Usage: "read settings from this file instead of looking for .plimsoll.yaml", bind: text(func(c *Config) *string { return &c.ConfigFile })},
		Setting{Name: "input", Kind: Text, Path: true, Commands: onScanned, Usage: "judge this OCI layout or docker archive instead of building", bind: text(func(c *Config) *string { return &c.Input })},
		Setting{Name: "image-ref", Kind: Text, Commands: onNamed, Usage: "judge this image in a registry instead of building", bind: text(func(c *Config) *string { return &c.ImageRef })},
		Setting{Name: "if-nothing-found", Kind: Choice, Act: true, Default: "warn", Allowed: []string{"warn", "ignore", "error"}, Commands: onLint, Usage: "what to do when there is nothing to judge: pass with a warning, pass silently, or exit 2", bind: choice(func(c *Config) *string { return &c.IfNothingFound }, "warn", "ignore", "error")},
		Setting{Name: "skip-dirs", Kind: List, Commands: onJudge, Usage: "globs of directories that are not looked at, in the sources and in the image", bind: commas(func(c *Config) *[]string { return &c.SkipDirs })},
		Setting{Name: "skip-files", Kind: List, Commands: onJudge, Usage: "globs of files that are not looked at, in the sources and in the image", bind: commas(func(c *Config) *[]string { return &c.SkipFiles })},
		Setting{Name: "warn-only", Kind: Bool, Act: true, Default: "false", Commands: onJudge, Usage: "tell the verdict and exit 0 all the same", bind: boolean(func(c *Config) *bool { return &c.WarnOnly })},
		Setting{Name: "timeout", Kind: Duration, Act: true, Commands: onRun, Default: "1h", Usage: "give up after this long", bind: func(c *Config, _ Getenv) value { return durationValue{&c.Timeout} }},
		Setting{Name: "cache", Kind: Choice, Act: true, Default: "gha", Allowed: []string{"gha", "registry", "none"}, Commands: onImage, Usage: "where database, inventories and layers are kept between runs on machines that are thrown away: GitHub's cache, a repository of a registry, nowhere; outside of a job of GitHub Actions it is nowhere", bind: choice(func(c *Config) *string { return &c.Cache }, "gha", "registry", "none")},
		Setting{Name: "cache-repository", Kind: Text, Act: true, Commands: onImage, Usage: "repository for cache: registry, such as ghcr.io/acme/plimsoll-cache; never that of an image", bind: text(func(c *Config) *string { return &c.CacheRepository })},
		Setting{Name: "cache-dir", Kind: Text, Act: true, Commands: onImage, Path: true, Usage: "where build cache and vulnerability database are kept (default: the user's cache directory)", bind: text(func(c *Config) *string { return &c.CacheDir })},
	)
}

func building() []Setting {
	drivers := []string{"auto", "remote", "docker", "sibling", "engine", "embedded"}
	return group(
		"build",
		Setting{Name: "context", Kind: Text, Default: ".", Path: true, Commands: []string{"gate", "lint", "build"}, Usage: "directory that is built; PATH on the command line", bind: text(func(c *Config) *string { return &c.Context })},
		Setting{Name: "file", Kind: Text, Path: true, Commands: onBuild, Usage: "Dockerfile (default: Dockerfile in the context)", bind: text(func(c *Config) *string { return &c.File })},
		Setting{Name: "target", Kind: Text, Commands: onBuild, Usage: "stage to build (default: the last)", bind: text(func(c *Config) *string { return &c.Target })},
		Setting{Name: "platforms", Kind: Text, Commands: onImage, Usage: "platform to build, or to take from an index, such as linux/arm64; one for now", bind: text(func(c *Config) *string { return &c.Platform })},
		Setting{Name: "build-args", Kind: Pairs, Commands: onBuild, Usage: "build arguments, one NAME=VALUE a line; NAME alone takes the variable of that name", bind: pairsOrEnv(func(c *Config) *map[string]string { return &c.BuildArgs })},
		Setting{Name: "secrets", Kind: Pairs, Secret: true, Commands: onBuild, Usage: "build secrets, one ID=VALUE a line, for RUN --mount=type=secret", bind: secretPairs(func(c *Config) *map[string]string { return &c.Secrets })},
		Setting{Name: "secret-files", Kind: Pairs, Commands: onBuild, Usage: "build secrets from files, one ID=PATH a line", bind: pairs(func(c *Config) *map[string]string { return &c.SecretFiles })},
		Setting{Name: "secret-envs", Kind: Pairs, Commands: onBuild, Usage: "build secrets from the environment, one ID=VARIABLE a line", bind: pairs(func(c *Config) *map[string]string { return &c.SecretEnvs })},
		Setting{Name: "build-contexts", Kind: Pairs, Commands: onBuild, Usage: "further named contexts, one NAME=VALUE a line: a directory, docker-image://… or oci-layout://…", bind: pairs(func(c *Config) *map[string]string { return &c.BuildContexts })},
		Setting{Name: "annotations", Kind: Pairs, Commands: onBuild, Usage: "annotations of the image's manifest, one NAME=VALUE a line", bind: pairs(func(c *Config) *map[string]string { return &c.Annotations })},
		Setting{Name: "labels", Kind: Pairs, Commands: onBuild, Usage: "labels of the image, one NAME=VALUE a line", bind: pairs(func(c *Config) *map[string]string { return &c.Labels })},
		Setting{Name: "tags", Kind: List, Act: true, Commands: onGate, Usage: "where the image goes, as repository:tag; the tag moves last", bind: commas(func(c *Config) *[]string { return &c.Tags })},
		Setting{Name: "cache-from", Kind: List, Act: true, Commands: onBuild, Usage: "layer caches to read, one type=registry,ref=… or type=gha a line, as docker buildx takes them", bind: lines(func(c *Config) *[]string { return &c.CacheFrom })},
		Setting{Name: "cache-to", Kind: List, Act: true, Commands: onBuild, Usage: "layer caches to write, in the same form; never the image's own repository", bind: lines(func(c *Config) *[]string { return &c.CacheTo })},
		Setting{Name: "driver", Kind: Choice, Act: true, Default: "auto", Allowed: drivers, Commands: onBuild, Usage: "what builds: an endpoint, Docker's own BuildKit, a sibling container with ours, the engine, this process; auto takes the first that can", bind: choice(func(c *Config) *string { return &c.Driver }, drivers...)},
		Setting{Name: "endpoint", Kind: Text, Act: true, Commands: onBuild, Usage: "BuildKit to build with: tcp://, unix://, docker-container:// or kube-pod:// (default: BUILDKIT_HOST)", bind: text(func(c *Config) *string { return &c.Endpoint })},
		Setting{Name: "endpoint-tls-dir", Kind: Text, Path: true, Act: true, Commands: onBuild, Usage: "directory with ca.pem, cert.pem and key.pem for a tcp:// endpoint", bind: text(func(c *Config) *string { return &c.EndpointTLSDir })},
		Setting{Name: "no-cache", Kind: Bool, Default: "false", Commands: onBuild, Usage: "build every step anew", bind: boolean(func(c *Config) *bool { return &c.NoCache })},
		Setting{Name: "pull", Kind: Bool, Default: "false", Commands: onBuild, Usage: "resolve base images anew", bind: boolean(func(c *Config) *bool { return &c.Pull })},
		Setting{Name: "push", Kind: Choice, Default: "auto", Allowed: []string{"auto", "true", "false"}, Act: true, Commands: onGate, Usage: "push after a pass; auto does on a push to the default branch, on a tag and on a release, and nowhere else", bind: choice(func(c *Config) *string { return &c.Push }, "auto", "true", "false")},
	)
}

func linting() []Setting {
	return group(
		"lint",
		Setting{Name: "manifests", Kind: List, Commands: onLint, Usage: "globs of Kubernetes manifests (default: every YAML or JSON file with apiVersion and kind)", bind: commas(func(c *Config) *[]string { return &c.Manifests })},
		Setting{Name: "compose-files", Kind: List, Commands: onLint, Usage: "globs of Compose files (default: compose*.yaml, docker-compose*.yml and their like); names joined by : are one project, merged in that order", bind: commas(func(c *Config) *[]string { return &c.ComposeFiles })},
		Setting{Name: "helm-values", Kind: List, Path: true, Commands: onLint, Usage: "values files that every chart is rendered with, beside its own; helm: in the file says it per chart", bind: commas(func(c *Config) *[]string { return &c.HelmValues })},
		Setting{Name: "kubernetes-version", Kind: Versions, Commands: onLint, Usage: "versions of Kubernetes that the manifests are for, such as 1.34 or 1.33-1.36 (default: all that are known)", bind: func(c *Config, _ Getenv) value { return versionsValue{&c.KubernetesMin, &c.KubernetesMax} }},
		Setting{Name: "manifest-set", Kind: Choice, Default: "partial", Allowed: []string{"partial", "complete"}, Commands: onLint, Usage: "whether the manifests are all that is applied, so that what they refer to and is not there is missing, or a part of it", bind: choice(func(c *Config) *string { return &c.ManifestSet }, "partial", "complete")},
		Setting{Name: "image", Kind: Text, FlagOnly: true, Commands: []string{"lint"}, Usage: "also judge this image, which the sources are for: a registry reference, an OCI layout or a docker archive", bind: text(func(c *Config) *string { return &c.Image })},
		Setting{Name: "base-ref", Kind: Text, FlagOnly: true, Commands: onLint, Usage: "compare with where the work tree left this commit, branch or tag, as a pull request to it would: only what is introduced since fails", bind: text(func(c *Config) *string { return &c.BaseRef })},
		Setting{Name: "profile", Kind: Choice, Default: "recommended", Allowed: []string{"recommended", "kubernetes", "document", "compose", "strict"}, Commands: onJudge, Usage: "the set of demands; kubernetes asks for nothing that only Compose or plain Docker heeds, document also asks for CPU limits, compose takes a Compose file for what runs in production, strict also counts what could not be read inside the image as indeterminate", bind: choice(func(c *Config) *string { return &c.Profile }, "recommended", "kubernetes", "document", "compose", "strict")},
		Setting{Name: "fix", Kind: Bool, Act: true, Default: "false", FlagOnly: true, Commands: []string{"lint"}, Usage: "make the fixes that are safe, then judge what remains", bind: boolean(func(c *Config) *bool { return &c.Fix })},
		Setting{Name: "diff", Kind: Bool, Act: true, Default: "false", FlagOnly: true, Commands: []string{"lint"}, Usage: "print what --fix would change, or with it has changed, as git apply takes it instead of the report; alone it writes nothing and ends as without it", bind: boolean(func(c *Config) *bool { return &c.Diff })},
		Setting{Name: "bindings", Kind: Bool, Act: true, Default: "false", FlagOnly: true, Commands: []string{"lint"}, Usage: "print which container runs what which Dockerfile and Compose service build, and how that is known, and judge nothing", bind: boolean(func(c *Config) *bool { return &c.Bindings })},
		Setting{Name: "lint-fail-on-severity", Kind: Severity, Default: "high", Commands: onLint, Usage: "lint findings of this severity and above fail", bind: func(c *Config, _ Getenv) value { return severityValue{&c.LintFailOn} }},
	)
}

func scanning() []Setting {
	return group(
		"scan",
		Setting{Name: "scanners", Kind: List, Default: "vuln,secret", Allowed: []string{"vuln", "secret"}, Commands: onScan, Usage: "what the image is looked through for", bind: commas(func(c *Config) *[]string { return &c.Scanners }, "vuln", "secret")},
		Setting{Name: "fail-on-severity", Kind: Severity, Default: "high", Commands: onScan, Usage: "vulnerabilities of this severity and above fail; a secret in the image always does", bind: func(c *Config, _ Getenv) value { return severityValue{&c.FailOn} }},
		Setting{Name: "ignore-unfixed", Kind: Bool, Default: "true", Commands: onScan, Usage: "vulnerabilities without a published fix are told and do not fail", bind: boolean(func(c *Config) *bool { return &c.IgnoreUnfixed })},
		Setting{Name: "db-repository", Kind: List, Default: "mirror.gcr.io/aquasec/trivy-db:2,ghcr.io/aquasecurity/trivy-db:2", Commands: onScan, Usage: "where the vulnerability database comes from, tried in order; @sha256:… pins it", bind: commas(func(c *Config) *[]string { return &c.DBRepository })},
		Setting{Name: "db-path", Kind: Text, Path: true, Commands: onScan, Usage: "use the vulnerability database in this directory instead", bind: text(func(c *Config) *string { return &c.DBPath })},
		Setting{Name: "db-max-age", Kind: Duration, Default: "72h", Commands: onScan, Usage: "an older vulnerability database makes the verdict indeterminate; 0 takes any", bind: func(c *Config, _ Getenv) value { return durationValue{&c.DBMaxAge} }},
		Setting{Name: "offline", Kind: Bool, Default: "false", FlagOnly: true, Commands: onScan, Usage: "use the vulnerability database that is there and fetch none", bind: boolean(func(c *Config) *bool { return &c.Offline })},
	)
}

func evidence() []Setting {
	return group(
		"evidence",
		Setting{Name: "sign", Kind: Choice, Default: "auto", Allowed: []string{"auto", "true", "false"}, Act: true, Commands: onGate, Usage: "sign what is pushed; auto does when there is a signing-key", bind: choice(func(c *Config) *string { return &c.Sign }, "auto", "true", "false")},
		Setting{Name: "signing-key", Kind: Text, Path: true, Act: true, Commands: onGate, Usage: "cosign private key, a file or env://NAME; its password in COSIGN_PASSWORD", bind: text(func(c *Config) *string { return &c.SigningKey })},
		Setting{Name: "verification-key", Kind: Text, Path: true, Commands: onVerify, Usage: "public key that signatures are checked against, a file or env://NAME", bind: text(func(c *Config) *string { return &c.VerificationKey })},
		Setting{Name: "registry-auths", Kind: Auths, Secret: true, Commands: onClient, Usage: "credentials beside those of Docker's config: a YAML list of {registry, username, password}", bind: func(c *Config, _ Getenv) value { return authsValue{&c.RegistryAuths} }},
	)
}

func promoting() []Setting {
	return group(
		"promote",
		Setting{Name: "source", Kind: Text, Commands: onMove, Usage: "image to promote, best as repository@sha256:…; SRC on the command line", bind: text(func(c *Config) *string { return &c.Source })},
		Setting{Name: "destination", Kind: List, Commands: onMove, Usage: "where it goes, as repository:tag; DST on the command line; the tags move last", bind: commas(func(c *Config) *[]string { return &c.Destination })},
		Setting{Name: "mutable-tags", Kind: List, Commands: onMove, Usage: "names of tags that may move from one digest to another, such as production; a tag that is not listed stays where it is", bind: commas(func(c *Config) *[]string { return &c.MutableTags })},
	)
}

func telling() []Setting {
	formats := []string{"text", "json", "markdown"}
	when := []string{"auto", "always", "on-failure", "never"}
	return group(
		"telling",
		Setting{Name: "github-token", Kind: Text, Secret: true, Act: true, InputOnly: true, Default: "${{ github.token }}", Usage: "token for the comment on the pull request and for reading its base commit", bind: text(func(c *Config) *string { return &c.GitHubToken })},
		Setting{Name: "comment", Kind: Choice, Act: true, Default: "auto", Allowed: when, Commands: onJudge, Usage: "when a pull request is commented on; auto writes when there is something to act on, and keeps what it wrote up to date", bind: choice(func(c *Config) *string { return &c.Comment }, when...)},
		Setting{Name: "comment-key", Kind: Text, Act: true, Commands: onJudge, Usage: "sets the comments of several steps of one job apart; jobs and images are told apart without it", bind: text(func(c *Config) *string { return &c.CommentKey })},
		Setting{Name: "workflow-annotations", Kind: Bool, Act: true, Default: "true", Commands: onJudge, Usage: "annotate the lines in the workflow run and the pull request", bind: boolean(func(c *Config) *bool { return &c.Annotate })},
		Setting{Name: "report-dir", Kind: Text, Path: true, Act: true, Commands: onAct, Usage: "directory that the reports are written to", bind: text(func(c *Config) *string { return &c.ReportDir })},
		Setting{Name: "reports", Kind: List, Default: "json,markdown,text", Allowed: []string{"json", "markdown", "text"}, Act: true, Commands: onAct, Usage: "which reports are written to report-dir: report.json, summary.md, report.txt", bind: commas(func(c *Config) *[]string { return &c.Reports }, "json", "markdown", "text")},
		Setting{Name: "format", Kind: Choice, Act: true, Default: "text", Allowed: formats, FlagOnly: true, Commands: []string{"gate", "lint", "scan", "report", "verify", "promote"}, Usage: "form of what is printed", bind: choice(func(c *Config) *string { return &c.Format }, formats...)},
		Setting{Name: "output", Kind: Text, Act: true, FlagOnly: true, Commands: []string{"gate", "lint", "scan", "report", "verify", "build", "promote"}, Usage: "write to this file instead of standard output; for build, the directory of the OCI layout", bind: text(func(c *Config) *string { return &c.Output })},
		Setting{Name: "quiet", Kind: Bool, Act: true, Commands: onRun, Default: "false", FlagOnly: true, Usage: "no progress; results and errors only", bind: boolean(func(c *Config) *bool { return &c.Quiet })},
		Setting{Name: "debug", Kind: Bool, Act: true, Commands: onRun, Default: "false", FlagOnly: true, Usage: "say everything, also the output of build steps that succeed", bind: boolean(func(c *Config) *bool { return &c.Debug })},
		Setting{Name: "dry-run", Kind: Bool, Act: true, Default: "false", FlagOnly: true, Commands: onAct, Usage: "judge, and say what would be written without writing it", bind: boolean(func(c *Config) *bool { return &c.DryRun })},
		Setting{Name: "as-of", Kind: Date, FlagOnly: true, Commands: onJudge, Usage: "judge as if it were this day: ages and expiries count from it", bind: func(c *Config, _ Getenv) value { return dateValue{&c.AsOf} }},
	)
}

func group(name string, settings ...Setting) []Setting {
	for i := range settings {
		settings[i].Group = name
	}
	return settings
}
