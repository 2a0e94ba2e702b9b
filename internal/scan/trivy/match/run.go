package match

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/aquasecurity/trivy/pkg/scan/langpkg"
	"github.com/aquasecurity/trivy/pkg/scan/ospkg"
	"github.com/aquasecurity/trivy/pkg/types"
	"github.com/aquasecurity/trivy/pkg/vulnerability"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
)

// run is one match.
type run struct {
	matcher  *Matcher
	detail   trivy.Detail
	artifact string // names the image for people
	lowest   string // diffID of the image's lowest layer, empty when unknown
	findings []finding.Finding
	unread   []finding.Unread
}

// options are those that Trivy's own image scan uses for vulnerabilities.
func options() types.ScanOptions {
	return types.ScanOptions{
		Scanners:            types.Scanners{types.VulnerabilityScanner},
		PkgTypes:            types.PkgTypes,
		PkgRelationships:    ftypes.Relationships,
		VulnSeveritySources: severitySources(),
	}
}

// severitySources lets Trivy choose: the vendor of the advisory first, then
// GitHub for its own, then NVD, then whoever rated it.
func severitySources() []dbtypes.SourceID { return []dbtypes.SourceID{"auto"} }

func (r *run) detect(ctx context.Context) error {
	if err := r.detectOS(ctx); err != nil {
		return err
	}
	for _, app := range r.detail.Applications {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.detectLanguage(ctx, app); err != nil {
			return err
		}
	}
	return nil
}

// detectOS matches the packages of the operating system.
func (r *run) detectOS(ctx context.Context) error {
	os := r.system()
	target := types.ScanTarget{Name: r.artifact, OS: os, Repository: r.detail.Repository, Packages: r.detail.Packages}
	switch {
	case os.Family == "" && len(target.Packages) == 0:
		return nil // nothing but the application's files: FROM scratch
	case os.Family == "" || os.Name == "":
		r.unreadOS(fmt.Sprintf("%s of an operating system cannot be matched, because it is not known which release of which distribution they belong to; "+
			"keep /etc/os-release in the image", printable.Count(len(target.Packages), "package")))
		return nil
	case !os.Family.HasOSPackages():
		return nil // ActiveState: languages only
	}
	buckets := r.wantedBuckets(ctx, target)
	if len(buckets) == 0 {
		// Trivy either knows no detector for it or, as for CoreOS, one that finds nothing.
		r.unreadOS(fmt.Sprintf("%q publishes no advisories that Trivy reads, so its %s cannot be matched; use a base that does",
			describe(os), printable.Count(len(target.Packages), "package")))
		return nil
	}
	if !r.coverOS(target, buckets) {
		return nil
	}
	result, endOfLife, err := ospkg.NewScanner().Scan(ctx, target, options())
	if err != nil {
		return fmt.Errorf("matching the packages of %s: %w", describe(os), err)
	}
	if endOfLife {
		r.findings = append(r.findings, r.endOfLife(os))
	}
	r.fill(result.Vulnerabilities)
	for _, v := range result.Vulnerabilities {
		r.findings = append(r.findings, r.finding(scan.VulnerableOS, v, os.Family, ""))
	}
	return nil
}

// system is the distribution, or that of the package repositories where the image
// does not say its own; Trivy's own scan does the same.
func (r *run) system() ftypes.OS {
	if r.detail.OS.Family == "" && r.detail.Repository != nil {
		return ftypes.OS{Family: r.detail.Repository.Family, Name: r.detail.Repository.Release}
	}
	return r.detail.OS
}

// detectLanguage matches the packages of one lock file, binary or installed tree.
func (r *run) detectLanguage(ctx context.Context, app ftypes.Application) error {
	if len(app.Packages) == 0 || !r.coverLanguage(app) {
		return nil
	}
	results, err := langpkg.NewScanner().Scan(ctx, types.ScanTarget{
		Name: r.artifact, Applications: []ftypes.Application{app},
	}, options())
	if err != nil {
		return fmt.Errorf("matching the packages of %s %q: %w", app.Type, app.FilePath, err)
	}
	for _, result := range results {
		r.fill(result.Vulnerabilities)
		for _, v := range result.Vulnerabilities {
			path := cmp.Or(v.PkgPath, app.FilePath)
			r.findings = append(r.findings, r.finding(scan.VulnerableLanguage, v, app.Type, path))
		}
	}
	return nil
}

// fill adds titles, severities and addresses. An advisory without details keeps
// its finding, with an unknown severity.
func (r *run) fill(found []types.DetectedVulnerability) {
	vulnerability.NewClient(trivydb.Config{}).FillInfo(found, severitySources())
}

// sorted puts the findings in an order that follows from their content alone
// (Trivy's follows its maps) and drops those that are equal in all that is told.
func (r *run) sorted() []finding.Finding {
	slices.SortFunc(r.findings, func(a, b finding.Finding) int {
		va, vb := advisory(a), advisory(b)
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(a.Rule.ID, b.Rule.ID),
			cmp.Compare(a.Subject, b.Subject),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(va.Installed, vb.Installed),
			cmp.Compare(va.LayerDiffID, vb.LayerDiffID),
			cmp.Compare(va.PackageURL, vb.PackageURL),
		)
	})
	return slices.CompactFunc(r.findings, func(a, b finding.Finding) bool {
		va, vb := advisory(a), advisory(b)
		return a.Rule.ID == b.Rule.ID && a.Subject == b.Subject && a.Path == b.Path &&
			va.Installed == vb.Installed && va.LayerDiffID == vb.LayerDiffID && va.PackageURL == vb.PackageURL
	})
}

// advisory returns the vulnerability of f, empty when it is about something else.
func advisory(f finding.Finding) finding.Vulnerability {
	if f.Vulnerability == nil {
		return finding.Vulnerability{}
	}
	return *f.Vulnerability
}

func (r *run) unreadOS(cause string) {
	r.unread = append(r.unread, finding.Unread{
		Kind: finding.UnreadOS, Location: finding.Location{Artifact: r.artifact}, Cause: cause,
	})
}

// describe names a distribution as people do: "alpine 3.11.5".
func describe(os ftypes.OS) string { return string(os.Family) + " " + os.Name }
