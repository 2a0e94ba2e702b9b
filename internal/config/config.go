// Package config holds every setting once: its name, what it means, its default
// and which commands take it. Flags, the action's inputs (INPUT_*), the file
// .plimsoll.yaml and the pages are all made from the same table.
//
// It reads and checks; it decides nothing.
package config

import (
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Config is what a run was asked for, after defaults, files, inputs and flags.
type Config struct {
	// What to look at.
	Command        string // of the action
	ConfigFile     string
	Input          string // OCI layout or docker archive that somebody else built
	ImageRef       string // the same, in a registry
	IfNothingFound string // warn, ignore, error
	SkipDirs       []string
	SkipFiles      []string

	// Building, as docker/build-push-action.
	Context     string
	File        string
	Target      string
	Platform    string
	BuildArgs   map[string]string
	Secrets     map[string]string // id → value
	SecretFiles map[string]string // id → path
	SecretEnvs  map[string]string // id → name of a variable
	Labels      map[string]string
	Annotations map[string]string
	// BuildContexts are further named contexts.
	BuildContexts map[string]string
	CacheFrom     []string
	CacheTo       []string
	Driver        string // auto, remote, docker, sibling, engine, embedded
	Endpoint      string // of a BuildKit elsewhere
	// EndpointTLSDir holds ca.pem, cert.pem and key.pem.
	EndpointTLSDir string
	Tags           []string
	NoCache        bool
	Pull           bool
	Push           string // auto, true, false

	// Linting.
	Manifests []string
	// ComposeFiles are globs, and names joined by ":" that are one project.
	ComposeFiles []string
	Profile      string
	LintFailOn   finding.Severity
	// Fix makes the safe fixes, Diff shows what they change; Diff alone writes nothing.
	Fix, Diff bool
	// Bindings prints what is one image instead of judging anything.
	Bindings    bool
	HelmValues  []string
	Charts      []Chart // key helm of the file
	Images      []Image // a key of the file
	ManifestSet string  // partial, complete
	// KubernetesMin and KubernetesMax are minors such as 1.33; empty is all that are known.
	KubernetesMin, KubernetesMax string
	// MaxMissed is how many points may be missed; nil is any number.
	MaxMissed *int
	// Rules is what the settings make of rules; keys of the file only.
	Rules []RulePolicy
	// Judged says that a change is judged: Rules is then as at the base commit, and
	// Proposed what the change makes of it, which counts where it is stricter.
	Judged   bool
	Proposed []RulePolicy
	// CustomRules are the settings' own; where a change is judged, those of the base
	// commit and what the change adds.
	CustomRules []CustomRule
	// Image is the one that lint looks into, too.
	Image string
	// BaseRef is what a laptop compares with.
	BaseRef string

	// Scanning, as trivy-action.
	Scanners      []string
	FailOn        finding.Severity
	IgnoreUnfixed bool
	DBRepository  []string
	DBPath        string
	DBMaxAge      time.Duration
	Offline       bool

	// Evidence, as cosign.
	Sign            string // auto, true, false
	SigningKey      string
	VerificationKey string
	RegistryAuths   []RegistryAuth

	// Promoting.
	Source      string
	Destination []string
	MutableTags []string // names of tags that may move

	// Telling and running.
	GitHubToken string
	Comment     string // auto, always, on-failure, never
	CommentKey  string
	Annotate    bool
	WarnOnly    bool
	Timeout     time.Duration
	Cache       string // gha, registry, none
	// CacheRepository is where cache: registry keeps what it keeps.
	CacheRepository string
	CacheDir        string
	ReportDir       string
	Reports         []string
	Format          string
	Output          string
	Quiet           bool
	Debug           bool
	DryRun          bool
	AsOf            time.Time // zero is now

	// OnlyIntroduced lets pass what was there before, on events that allow it.
	OnlyIntroduced bool
	// Ignore is what nobody wants to hear of, and why; a key of the file only.
	Ignore []Ignore
	// Refused names each value of a change that does not count, and each loosening that
	// an input asked for, one printable sentence each.
	Refused []string
	// Changed names each setting by which a change builds something else than the base
	// commit did, one printable sentence each. Only LoadChange sets it.
	Changed []string
	// FirstRun says that the base commit has no settings file yet, so that the defaults
	// hold. Only LoadChange sets it.
	FirstRun bool

	set   map[string]origin // which settings were given, and where
	given given             // what it was read from
}

// RegistryAuth is one credential, for one registry host.
type RegistryAuth struct {
	Registry string `yaml:"registry"`
	Username string `yaml:"username"`
	Password string `yaml:"password"`
}

// origin is where a value came from, for messages.
type origin struct {
	what  string   // "flag --file", "input file", ".plimsoll.yaml:3"
	texts []string // as given, one per flag or list item
}
