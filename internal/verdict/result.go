package verdict

import (
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Evidence is one signature or attestation that was found, and what became of it.
// A candidate that was rejected is evidence too: Verified is false and Rejected
// says why.
type Evidence struct {
	Kind          string `json:"kind"` // "signature", "attestation", or "unknown" for what cannot be read
	PredicateType string `json:"predicateType"`
	Subject       string `json:"subject"`            // digest it speaks of
	Referrer      string `json:"referrer,omitempty"` // digest of the manifest that holds it
	Signer        string `json:"signer,omitempty"`   // key fingerprint ("sha256:…") or certificate identity
	Verified      bool   `json:"verified"`
	Rejected      string `json:"rejected,omitempty"`
}

// Subject is what the verdict is about.
type Subject struct {
	// Digest of the manifest or index exactly as it is or will be pushed; for an
	// image that will not be pushed and has no manifest, the image id.
	Digest string `json:"digest"`
	// ImageID is the digest of the config.
	ImageID string `json:"imageId,omitempty"`
	// Kind is "manifest", "index" or "image-id".
	Kind     string `json:"kind"`
	Platform string `json:"platform,omitempty"` // "linux/amd64"
	// Reference names the image for people: the repository it goes to, or what was asked for.
	Reference string `json:"reference,omitempty"`
	// Layout is the OCI layout the image lies in, relative to the workspace where it is inside.
	Layout string `json:"layout,omitempty"`
	// Uninspected says that the image was not looked into: OS and Packages then mean
	// nothing.
	Uninspected bool   `json:"uninspected,omitempty"`
	OS          string `json:"os,omitempty"` // "alpine 3.11.5"; empty when the image holds no distribution
	// Packages counts the packages of the operating system and of languages.
	Packages int `json:"packages"`
	Layers   int `json:"layers"`
	// Size is the sum of the compressed layers in bytes.
	Size int64 `json:"size"`
}

// Status of a stage.
const (
	StageRan     = "ran"
	StageSkipped = "skipped"
	StageFailed  = "failed"
)

// Stage is what became of one stage of the run.
type Stage struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"` // the reason of a skip, a word on what was done
	Error  string `json:"error,omitempty"`
	// Log holds the last lines, 20 at most, that a failed stage's work printed.
	Log      []string      `json:"log,omitempty"`
	Duration time.Duration `json:"durationNs"`
}

// Database says which vulnerability data decided.
type Database struct {
	Source    string    `json:"source"`           // reference or path
	Digest    string    `json:"digest,omitempty"` // of the OCI artefact, or of the file for db-path
	UpdatedAt time.Time `json:"updatedAt"`
	FetchedAt time.Time `json:"fetchedAt,omitzero"`
	// Age is the time between UpdatedAt and the run.
	Age time.Duration `json:"ageNs"`
}

// Acted says what was done after a pass.
type Acted struct {
	// Done is false when an act was due and failed: exit 3 although the verdict is pass.
	Done   bool     `json:"done"`
	Pushed string   `json:"pushed,omitempty"` // repository@digest
	Tags   []string `json:"tags,omitempty"`   // references whose tag now names the digest
	Signed string   `json:"signed,omitempty"` // repository@digest of the signature's referrer manifest
	Key    string   `json:"key,omitempty"`    // fingerprint of the public key
	Error  string   `json:"error,omitempty"`
}

// Built says how the image came to be.
type Built struct {
	Door       string `json:"door"` // remote, docker, sibling, engine, embedded
	Detail     string `json:"detail,omitempty"`
	Dockerfile string `json:"dockerfile"`
	Target     string `json:"target,omitempty"`
	// Provenance is the path of the SLSA provenance sidecar, empty when the door gives none.
	Provenance string `json:"provenance,omitempty"`
	// Lines is the path of the sidecar that places each layer on its line.
	Lines string `json:"lines,omitempty"`
}

// Linted counts what lint read, by kind of source.
type Linted struct {
	Dockerfiles int `json:"dockerfiles"`
	Manifests   int `json:"manifests"`
	Objects     int `json:"objects"`
	// ComposeFiles and Services are those of Compose.
	ComposeFiles int `json:"composeFiles,omitempty"`
	Services     int `json:"services,omitempty"`
	// Workloads are the objects that run pods.
	Workloads int `json:"workloads,omitempty"`
	// Workflows are those of GitHub and composite actions; Scripts are shell scripts and
	// Makefiles.
	Workflows int `json:"workflows,omitempty"`
	Scripts   int `json:"scripts,omitempty"`
}

// Result is everything a run has to tell. Every report is rendered from it, and
// report.json is its canonical form.
type Result struct {
	Version  string        `json:"version"` // of plimsoll
	Command  string        `json:"command"`
	Started  time.Time     `json:"started"`
	Duration time.Duration `json:"durationNs"`
	// Subjects holds one entry per image that was judged; empty when only sources were.
	Subjects []Subject `json:"subjects,omitempty"`
	Verdict  Verdict   `json:"verdict"`
	// Enforced is false under warn-only: the verdict stands and the exit code does not follow it.
	Enforced bool              `json:"enforced"`
	Findings []finding.Finding `json:"findings"`
	Unread   []finding.Unread  `json:"unread"`
	Stages   []Stage           `json:"stages"`
	Evidence []Evidence        `json:"evidence,omitempty"`
	Database *Database         `json:"database,omitempty"`
	Built    *Built            `json:"built,omitempty"`
	Linted   *Linted           `json:"linted,omitempty"`
	Acted    *Acted            `json:"acted,omitempty"`
	// Points says how the points of the checklist stand, whatever fails; empty when no
	// sources were judged.
	Points Points   `json:"points,omitempty"`
	Policy Policy   `json:"policy"`
	Notes  []string `json:"notes,omitempty"` // what a reader should know: a fallback taken, a default applied
	// Reproduce is the command that gives this verdict on a laptop.
	Reproduce string `json:"reproduce,omitempty"`
	// Run says where this happened; nil on a laptop.
	Run *Run `json:"run,omitempty"`
	// Compared says what "introduced" was measured against; nil when nothing was compared.
	Compared *Compared `json:"compared,omitempty"`
	// Refused names each loosening that the change asked for and did not get
	// (interface.md, "Who may loosen"), one sentence each.
	Refused []string `json:"refused,omitempty"`
	// Degraded names what was to be told or done and could not be, one word each, in
	// the order it happened: "comment", "annotations", "cache". The verdict does not
	// depend on it.
	Degraded []string `json:"degraded,omitempty"`
}

// Run is the workflow run that a result comes from. All of it is told by the
// runner; none of it is proof of anything.
type Run struct {
	Event      string `json:"event"`                 // GITHUB_EVENT_NAME: "pull_request", "push", …
	Server     string `json:"server,omitempty"`      // "https://github.com"
	Repository string `json:"repository,omitempty"`  // "owner/name"
	Workflow   string `json:"workflow,omitempty"`    // path of the workflow file
	Job        string `json:"job,omitempty"`         // its id
	ID         int64  `json:"id,omitempty"`          // of the run
	Attempt    int    `json:"attempt,omitempty"`     // of the run, from 1
	Ref        string `json:"ref,omitempty"`         // "refs/heads/main"
	Commit     string `json:"commit,omitempty"`      // what was checked out
	Head       string `json:"head,omitempty"`        // of a pull request: its newest commit, which people know it by
	Pull       int    `json:"pullRequest,omitempty"` // its number, 0 when there is none
	Draft      bool   `json:"draft,omitempty"`       // the pull request is one
	Untrusted  bool   `json:"untrusted,omitempty"`   // it comes from a fork or from Dependabot
}

// Compared is what a result was compared with.
type Compared struct {
	Commit string `json:"commit,omitempty"` // base commit, empty when there is none
	Branch string `json:"branch,omitempty"` // the name people know it by: "main"
	// Sources and Image say how each was compared, in a few words; empty when it was not.
	Sources string `json:"sources,omitempty"`
	Image   string `json:"image,omitempty"`
	// FirstRun says that there was nothing to compare with or no policy at the base
	// commit yet: nothing that was there before is blamed.
	FirstRun bool `json:"firstRun,omitempty"`
}

// Policy is the thresholds that decided.
type Policy struct {
	FailOn     finding.Severity `json:"failOnSeverity"`     // vulnerabilities and secrets of this severity and above
	LintFailOn finding.Severity `json:"lintFailOnSeverity"` // lint findings of this severity and above
	// IgnoreUnfixed lets vulnerabilities without a published fix pass.
	IgnoreUnfixed bool `json:"ignoreUnfixed"`
	// OnlyIntroduced lets pass what was there before the change.
	OnlyIntroduced bool   `json:"onlyIntroduced,omitempty"`
	Profile        string `json:"profile"`
	// MaxMissed is how many points of the checklist may be missed; absent is any number.
	MaxMissed *int `json:"maxMissed,omitempty"`
}
