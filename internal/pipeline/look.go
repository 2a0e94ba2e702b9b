package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	points "github.com/plimsoll-ci/plimsoll/internal/lint/image"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
	"github.com/plimsoll-ci/plimsoll/internal/registry"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Lint looks at the sources.
func Lint(look func(context.Context) (*lint.Looked, error)) Stage {
	return Stage{Name: "lint", Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		looked, err := look(ctx)
		if err != nil {
			return "", err
		}
		s.Looked, s.Lint = looked, looked.Report()
		report, l := s.Lint, s.Lint.Linted
		said := []string{printable.Count(l.Dockerfiles, "Dockerfile"), printable.Count(l.Objects, "object")}
		for _, more := range []struct {
			n    int
			what string
		}{{l.Services, "service"}, {l.Workflows, "workflow"}, {l.Scripts, "script"}} {
			if more.n > 0 {
				said = append(said, printable.Count(more.n, more.what))
			}
		}
		said = append(said, printable.Count(len(report.Findings), "finding"))
		return strings.Join(said, ", "), nil
	}}
}

// Build makes the image. The reference names it for people, who cannot make
// anything of the temporary directory that it lies in.
func Build(builder build.Builder, spec build.Spec, reference string) Stage {
	return Stage{Name: "build", Run: func(ctx context.Context, s *State, sink progress.Sink) (string, error) {
		result, err := builder.Build(ctx, spec, sink)
		if err != nil {
			return "", err
		}
		img, err := image.FromLayout(result.Layout, result.Digest, "")
		if err != nil {
			return "", fmt.Errorf("reading the image that was built: %w", err)
		}
		if img.Digest.String() != result.Digest {
			return "", fmt.Errorf("the layout holds %s and the builder said %s; the build cannot be trusted", img.Digest, result.Digest)
		}
		if err := result.WriteLines(); err != nil {
			return "", err
		}
		img.Reference = reference
		s.Images = []Image{{Image: img, Built: &result}}
		return img.Digest.String(), nil
	}}
}

// NotBuiltError is an image that cannot be built in this run although nothing is
// wrong with it: nobody knows what it holds.
type NotBuiltError struct{ Why string }

func (e *NotBuiltError) Error() string { return "not built: " + e.Why }

// NotBuilt stands where Build would, when the run may not or cannot build.
func NotBuilt(why string) Stage {
	return Stage{Name: "build", Run: func(context.Context, *State, progress.Sink) (string, error) {
		return "", &NotBuiltError{Why: why}
	}}
}

// Load takes an image that somebody else built.
func Load(open func(context.Context, progress.Sink) (image.Image, error)) Stage {
	return Stage{Name: "load", Run: func(ctx context.Context, s *State, sink progress.Sink) (string, error) {
		img, err := open(ctx, sink)
		if err != nil {
			return "", err
		}
		s.Images = []Image{{Image: img}}
		return img.Digest.String(), nil
	}}
}

// Signatures looks at the evidence beside what the reference names in a registry.
func Signatures(client *registry.Client, ref name.Reference, verifier sign.Verifier) Stage {
	return Stage{Name: "verify", Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		manifest, err := client.Manifest(ctx, ref)
		if err != nil {
			return "", err
		}
		digest := ref.Context().Digest(manifest.Digest.String())
		s.Checked = &verdict.Subject{Digest: digest.DigestStr(), Kind: "manifest", Reference: digest.String(), Uninspected: true}
		if manifest.MediaType.IsIndex() {
			s.Checked.Kind = "index"
		}
		if s.Evidence, err = verifier.Verify(ctx, digest); err != nil {
			return "", err
		}
		ok, reason := sign.Decide(s.Evidence)
		if !ok {
			s.Unverified = reason
		}
		return digest.DigestStr(), nil
	}}
}

// OpenDatabase fetches and opens the vulnerability database.
func OpenDatabase(databases scan.Databases, opts scan.DatabaseOptions) Stage {
	return Stage{Name: "database", Run: func(ctx context.Context, s *State, sink progress.Sink) (string, error) {
		db, unread, err := databases.Open(ctx, opts, sink)
		if err != nil {
			return "", err
		}
		s.Database = Database{Database: db, Unread: unread}
		info := db.Info()
		return fmt.Sprintf("%s, %s old", info.Source, printable.Age(info.Age)), nil
	}}
}

// Inspection is how an image is looked into.
type Inspection struct {
	Analyzer scan.Analyzer // nil looks for no packages and no secrets
	Options  scan.Options
	Limits   layer.Limits
	// Points also judges what a container of the image would find.
	Points bool
	// Profile is that of the rules.
	Profile string
}

// Inspect walks each image once and shows it to the analyzer and to the rules.
func Inspect(in Inspection) Stage {
	return Stage{Name: "inspect", Skip: noImage, Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		packages := 0
		for i := range s.Images {
			if err := in.look(ctx, &s.Images[i]); err != nil {
				return "", err
			}
			packages += s.Images[i].Analysis.Inventory.Packages
		}
		if in.Analyzer == nil {
			return "its points", nil
		}
		return printable.Count(packages, "package"), nil
	}}
}

func (in Inspection) look(ctx context.Context, img *Image) error {
	base := -1
	if img.Built != nil {
		base = img.Built.BaseLayers
	}
	in.Options.BaseLayers = base
	var visitors []layer.Visitor
	var visit scan.Visit
	if in.Analyzer != nil {
		var err error
		if visit, err = in.Analyzer.NewVisit(ctx, img.Image, in.Options); err != nil {
			return fmt.Errorf("preparing to inspect the image: %w", err)
		}
		defer func() { _ = visit.Close() }() // the analysis stands; what could not be removed lies in the temporary directory
		visitors = append(visitors, visit)
	}
	found, credentials := contents.NewVisitor(), &points.Credentials{BaseLayers: max(0, base)}
	if in.Points {
		visitors = append(visitors, found, credentials)
	}
	if err := layer.Walk(ctx, img.Image, in.Limits, visitors...); err != nil {
		var damaged *layer.Error
		if errors.As(err, &damaged) && ctx.Err() == nil {
			img.Unread = append(img.Unread, damaged.Unread(img.Reference))
			return nil
		}
		return fmt.Errorf("walking the layers: %w", err)
	}
	if visit != nil {
		var err error
		if img.Analysis, err = visit.Result(ctx); err != nil {
			return fmt.Errorf("inspecting the image: %w", err)
		}
	}
	img.Unread = append(img.Unread, img.Analysis.Unread...)
	if in.Points {
		img.Contents = found.Image(img.Image)
		report := points.Judge(img.Contents, *credentials, points.Options{Profile: in.Profile, BaseLayers: base})
		img.Analysis.Points = report.Findings
		img.Analysis.Notes = append(img.Analysis.Notes, report.Notes...)
	}
	img.place(img.Analysis.Secrets)
	img.place(img.Analysis.Points)
	return nil
}

// Match asks the database what is known of each image's packages.
func Match() Stage {
	skip := func(s *State) string {
		switch {
		case len(s.Images) == 0:
			return "there is no image"
		case s.Database.Database == nil:
			return "there is no database"
		case s.Images[0].Analysis.Inventory.Detail == nil:
			return "there is no inventory"
		default:
			return ""
		}
	}
	return Stage{Name: "match", Skip: skip, Run: func(ctx context.Context, s *State, _ progress.Sink) (string, error) {
		found := 0
		for i := range s.Images {
			img := &s.Images[i]
			findings, unread, err := s.Database.Match(ctx, img.Analysis.Inventory, img.Image)
			if err != nil {
				return "", fmt.Errorf("matching packages with the database: %w", err)
			}
			found += len(findings)
			img.place(findings)
			img.Unread = append(img.Unread, unread...)
		}
		if found == 1 {
			return "1 vulnerability", nil
		}
		return fmt.Sprintf("%d vulnerabilities", found), nil
	}}
}

// place keeps findings, moved from layers to the lines that made them.
func (img *Image) place(findings []finding.Finding) {
	lines, base := map[string]finding.Location{}, map[string]bool{}
	if img.Built != nil {
		for _, origin := range img.Built.Layers {
			// The same layer twice (two equal COPYs) is placed where it was made first.
			if _, known := lines[origin.DiffID]; !known {
				lines[origin.DiffID], base[origin.DiffID] = origin.Location, origin.Base
			}
		}
	}
	scan.Place(findings, lines, base)
	img.Findings = append(img.Findings, findings...)
}

func noImage(s *State) string {
	if len(s.Images) == 0 {
		return "there is no image"
	}
	return ""
}
