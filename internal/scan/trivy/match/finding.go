package match

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/aquasecurity/trivy/pkg/purl"
	"github.com/aquasecurity/trivy/pkg/types"
	"github.com/package-url/packageurl-go"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// maxTitle bounds an advisory's title inside a message, in code points.
const maxTitle = 120

// finding tells one match. kind is the distribution or the kind of package, path
// the file inside the image that holds a package of a language.
func (r *run) finding(rule finding.Rule, v types.DetectedVulnerability, kind ftypes.TargetType, path string) finding.Finding {
	url := r.packageURL(v, kind)
	known := finding.Vulnerability{
		ID:             v.VulnerabilityID,
		Aliases:        v.VendorIDs,
		Title:          oneLine(v.Title, maxTitle),
		Package:        v.PkgName,
		Installed:      v.InstalledVersion,
		FixedIn:        v.FixedVersion,
		Status:         v.Status.String(),
		SeveritySource: string(v.SeveritySource),
		URL:            v.PrimaryURL,
		LayerDiffID:    v.Layer.DiffID,
		FilePath:       path,
	}
	if url != nil {
		known.PackageURL = url.String()
	}
	if v.DataSource != nil {
		known.DataSource = v.DataSource.Name
	}
	if v.LastModifiedDate != nil {
		known.AdvisoryModified = v.LastModifiedDate.UTC().Format(time.DateOnly)
	}
	return finding.Finding{
		Rule:          rule,
		Severity:      severity(v.Severity), //nolint:staticcheck // FillInfo chooses it among the vendors' and keeps it nowhere else
		Subject:       v.VulnerabilityID + " " + identity(url, kind, v.PkgName),
		Path:          path,
		Message:       message(known, v.Status),
		Location:      finding.Location{Artifact: r.artifact},
		Excerpt:       v.InstalledVersion,
		Layer:         v.Layer.DiffID,
		Vulnerability: &known,
	}
}

// packageURL is the one the analyzer gave, else one made from the name.
func (r *run) packageURL(v types.DetectedVulnerability, kind ftypes.TargetType) *packageurl.PackageURL {
	if v.PkgIdentifier.PURL != nil {
		return v.PkgIdentifier.PURL
	}
	os := r.system()
	made, err := purl.New(kind, types.Metadata{OS: &os}, ftypes.Package{Name: v.PkgName, Version: v.InstalledVersion})
	if err != nil || made == nil {
		return nil
	}
	return made.Unwrap()
}

// identity is a package URL without what changes between releases of the same
// package: its version, and its qualifiers (architecture, distribution, epoch).
func identity(url *packageurl.PackageURL, kind ftypes.TargetType, name string) string {
	if url == nil {
		return string(kind) + "/" + name
	}
	bare := *url
	bare.Version, bare.Qualifiers = "", nil
	return bare.String()
}

// severity reads Trivy's word; what nobody rated stays unknown.
func severity(word string) finding.Severity {
	switch strings.ToUpper(word) {
	case "LOW":
		return finding.Low
	case "MEDIUM":
		return finding.Medium
	case "HIGH":
		return finding.High
	case "CRITICAL":
		return finding.Critical
	}
	return finding.Unknown
}

func message(v finding.Vulnerability, status dbtypes.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q has %s", v.Package+" "+v.Installed, v.ID)
	if v.Title != "" {
		fmt.Fprintf(&b, " (%s)", v.Title)
	}
	switch {
	case v.FixedIn != "":
		fmt.Fprintf(&b, "; upgrade to %s", strings.ReplaceAll(v.FixedIn, ", ", " or "))
	case status == dbtypes.StatusWillNotFix, status == dbtypes.StatusFixDeferred, status == dbtypes.StatusEndOfLife:
		fmt.Fprintf(&b, "; no fixed version is published (the vendor says %q)", strings.ReplaceAll(status.String(), "_", " "))
	default:
		b.WriteString("; no fixed version is published")
	}
	return b.String()
}

// oneLine folds white space, drops what no terminal should be sent, and cuts.
func oneLine(text string, most int) string {
	text = strings.Join(strings.Fields(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return ' '
		}
		return c
	}, text)), " ")
	if points := []rune(text); len(points) > most {
		text = strings.TrimSpace(string(points[:most-1])) + "…"
	}
	return text
}

// endOfLife tells that the vendor publishes no advisories and fixes any more.
func (r *run) endOfLife(os ftypes.OS) finding.Finding {
	return finding.Finding{
		Rule:     scan.EndOfLife,
		Severity: scan.EndOfLife.Severity,
		Subject:  "base " + string(os.Family),
		Message: fmt.Sprintf("%q is past its end of life and receives no security fixes; build on a release that is still supported",
			describe(os)),
		Location: finding.Location{Artifact: r.artifact},
		Excerpt:  describe(os),
		Layer:    r.lowest,
	}
}
