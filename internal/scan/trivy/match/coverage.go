package match

import (
	"context"
	"fmt"
	"slices"
	"strings"

	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/aquasecurity/trivy-db/pkg/vulnsrc/bucket"
	"github.com/aquasecurity/trivy/pkg/detector/library"
	"github.com/aquasecurity/trivy/pkg/detector/library/compare"
	"github.com/aquasecurity/trivy/pkg/detector/library/compare/bitnami"
	"github.com/aquasecurity/trivy/pkg/detector/library/compare/maven"
	"github.com/aquasecurity/trivy/pkg/detector/library/compare/npm"
	"github.com/aquasecurity/trivy/pkg/detector/library/compare/pep440"
	"github.com/aquasecurity/trivy/pkg/detector/library/compare/rubygems"
	"github.com/aquasecurity/trivy/pkg/detector/ospkg/rapidfort"
	"github.com/aquasecurity/trivy/pkg/detector/ospkg/rootio"
	"github.com/aquasecurity/trivy/pkg/detector/ospkg/seal"
	"github.com/aquasecurity/trivy/pkg/detector/ospkg/ubuntu"
	osver "github.com/aquasecurity/trivy/pkg/detector/ospkg/version"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/aquasecurity/trivy/pkg/scan/utils"
	"github.com/aquasecurity/trivy/pkg/types"
	apk "github.com/knqyf263/go-apk-version"
	deb "github.com/knqyf263/go-deb-version"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// This file finds what Trivy's detectors pass over without a word.

// coverOS says whether the database can say anything about the distribution, and
// tells what it cannot say. Without data a detector finds nothing, which reads
// exactly like an image without vulnerabilities.
func (r *run) coverOS(target types.ScanTarget, buckets []string) bool {
	if len(target.Packages) == 0 {
		r.unreadOS(fmt.Sprintf("%q is installed without a package database, so nothing of it can be matched; "+
			"keep the database of the package manager in the image", describe(target.OS)))
		return false
	}
	for _, name := range buckets {
		if !r.has(name) {
			r.unreadOS(fmt.Sprintf("the vulnerability database holds no data for %q (%q), so its %s cannot be matched; "+
				"use a newer database, or a release that is in it",
				describe(target.OS), strings.TrimSuffix(name, "*"), printable.Count(len(target.Packages), "package")))
			return false
		}
	}
	if bad := unparsableOS(target); len(bad) > 0 {
		r.unreadOS(fmt.Sprintf("%s %s a version that cannot be compared and so cannot be matched; reinstall or remove it",
			list(bad), agree(len(bad), "has", "have")))
	}
	if foreign := thirdParty(target.Packages); len(foreign) > 0 && r.supplier(target) == "" {
		r.unread = append(r.unread, finding.Unread{
			Kind:     finding.UnreadFile,
			Location: finding.Location{Artifact: r.artifact},
			Cause: fmt.Sprintf("%s %s not from %s's own repositories, and its advisories do not speak of them; look at their vendor's",
				list(foreign), agree(len(foreign), "is", "are"), target.OS.Family),
		})
	}
	return true
}

// has says whether the database has the bucket; a name that ends in "*" asks for
// any bucket that begins so.
func (r *run) has(name string) bool {
	prefix, wild := strings.CutSuffix(name, "*")
	if !wild {
		return r.matcher.buckets[name]
	}
	for have := range r.matcher.buckets {
		if strings.HasPrefix(have, prefix) {
			return true
		}
	}
	return false
}

// supplier names who rebuilt the packages of the distribution, empty when it is
// its own; such packages have advisories of their own.
func (r *run) supplier(target types.ScanTarget) string {
	switch {
	case rapidfort.Supplier(target.OS, target.Packages) != nil:
		return "rapidfort"
	case rootio.Supplier(target.OS, target.Packages) != nil:
		return "root.io"
	case seal.Supplier(target.OS, target.Packages) != nil:
		return "seal"
	}
	return ""
}

// wantedBuckets names the buckets that the detector of this distribution reads,
// as Trivy's detectors compute them (pkg/detector/ospkg/*). It is empty for a
// distribution that none of them can match.
func (r *run) wantedBuckets(ctx context.Context, target types.ScanTarget) []string {
	if s := r.supplier(target); s != "" {
		return []string{s + " *"}
	}
	version := target.OS.Name
	switch target.OS.Family {
	case ftypes.Alpine:
		return []string{bucket.NewAlpine(alpineStream(version, target.Repository)).Name()}
	case ftypes.Alma:
		return []string{bucket.NewAlma(osver.Major(version)).Name()}
	case ftypes.Amazon:
		return []string{bucket.NewAmazon(amazonRelease(version)).Name()}
	case ftypes.Azure:
		return []string{bucket.NewAzureLinux(osver.Minor(version)).Name()}
	case ftypes.Bottlerocket:
		return []string{bucket.NewBottlerocket().Name()}
	case ftypes.CBLMariner:
		return []string{bucket.NewMariner(osver.Minor(version)).Name()}
	case ftypes.Chainguard:
		return []string{bucket.NewChainguard("").Name()}
	case ftypes.Debian:
		return []string{bucket.NewDebian(osver.Major(version)).Name()}
	case ftypes.Echo:
		return []string{bucket.NewEcho("").Name()}
	case ftypes.MinimOS:
		return []string{bucket.NewMinimOS("").Name()}
	case ftypes.OpenSUSELeap:
		return []string{bucket.NewOpenSUSE(version).Name()}
	case ftypes.OpenSUSETumbleweed:
		return []string{bucket.NewOpenSUSETumbleweed().Name()}
	case ftypes.Oracle:
		return []string{bucket.NewOracle(osver.Major(version)).Name()}
	case ftypes.Photon:
		return []string{bucket.NewPhoton(version).Name()}
	case ftypes.RedHat, ftypes.CentOS:
		// Red Hat's advisories of all releases lie in one bucket, beside the table
		// of the releases' product names (CPE).
		return []string{bucket.NewRedHat("").Name(), "Red Hat CPE"}
	case ftypes.Rocky:
		return []string{bucket.NewRocky(osver.Major(version)).Name()}
	case ftypes.SLES:
		return []string{bucket.NewSUSELinuxEnterprise(version).Name()}
	case ftypes.SLEMicro:
		return []string{bucket.NewSUSELinuxEnterpriseMicro(version).Name()}
	case ftypes.Ubuntu:
		return []string{bucket.NewUbuntu(ubuntuRelease(ctx, target.OS)).Name()}
	case ftypes.Wolfi:
		return []string{bucket.NewWolfi("").Name()}
	}
	return nil
}

// alpineStream is the release whose advisories count: that of the package
// repositories, which "edge" images have without saying so, else the system's.
func alpineStream(version string, repository *ftypes.Repository) string {
	if repository == nil || repository.Release == "" {
		return osver.Minor(version)
	}
	release := repository.Release
	if strings.Count(release, ".") > 1 {
		release = release[:strings.LastIndex(release, ".")]
	}
	return release
}

// amazonRelease is the product generation; "2018.03" and its like are the first.
func amazonRelease(version string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(version), " ")
	if release := osver.Major(first); slices.Contains([]string{"2", "2022", "2023"}, release) {
		return release
	}
	return "1"
}

// ubuntuRelease is the release, or its extended maintenance where the image has
// it and the standard one has ended.
func ubuntuRelease(ctx context.Context, os ftypes.OS) string {
	if os.Extended && !ubuntu.NewScanner().IsSupportedVersion(ctx, os.Family, os.Name) {
		return os.Name + "-ESM"
	}
	return os.Name
}

// thirdParty lists the packages that the detectors skip because they come from
// somebody else's repository.
func thirdParty(packages ftypes.Packages) []string {
	var names []string
	for _, p := range packages {
		if p.Repository.Class == ftypes.RepositoryClassThirdParty {
			names = append(names, p.Name)
		}
	}
	return names
}

// unparsableOS lists the packages whose version the detectors would skip with a
// debug line. Versions of RPM always parse.
func unparsableOS(target types.ScanTarget) []string {
	parses, version := parsesAPK, utils.FormatSrcVersion
	switch target.OS.Family {
	case ftypes.Alpine:
	case ftypes.Wolfi, ftypes.Chainguard, ftypes.MinimOS:
		version = utils.FormatVersion
	case ftypes.Debian, ftypes.Ubuntu, ftypes.Echo:
		parses = parsesDeb
	default:
		return nil
	}
	var names []string
	for _, p := range target.Packages {
		if !parses(version(p)) {
			names = append(names, p.Name)
		}
	}
	return names
}

func parsesAPK(version string) bool {
	_, err := apk.NewVersion(version)
	return err == nil
}

func parsesDeb(version string) bool {
	_, err := deb.NewVersion(version)
	return err == nil
}

// coverLanguage says whether packages of this kind can be matched, and tells
// which of them cannot.
func (r *run) coverLanguage(app ftypes.Application) bool {
	driver, known := library.NewDriver(app.Type)
	if !known {
		r.unreadLanguage(app, "", fmt.Sprintf("no advisories are known for packages of the kind %q, so %s cannot be matched",
			app.Type, printable.Count(len(app.Packages), "package")))
		return false
	}
	if !r.has(driver.Type() + "::*") {
		r.unread = append(r.unread, finding.Unread{
			Kind:     finding.UnreadDatabase,
			Location: finding.Location{Artifact: r.artifact},
			Cause: fmt.Sprintf("the vulnerability database holds no data for %q, so %s of %q cannot be matched; use a complete database",
				driver.Type(), printable.Count(len(app.Packages), "package"), place(app)),
		})
		return false
	}
	comparer := comparerOf(driver.Type())
	for _, p := range app.Packages {
		switch {
		case p.Relationship == ftypes.RelationshipRoot || p.Name == "":
			// The application itself, which no advisory names.
		case p.Version == "":
			r.unreadLanguage(app, p.FilePath, fmt.Sprintf("%q has no version and so cannot be matched; build it from a released version", p.Name))
		case !parses(comparer, p.Version):
			r.unreadLanguage(app, p.FilePath, fmt.Sprintf("%q has the version %q, which cannot be compared and so cannot be matched", p.Name, p.Version))
		}
	}
	return true
}

// comparerOf returns how an ecosystem compares versions, as Trivy's library
// driver chooses it.
func comparerOf(ecosystem string) compare.Comparer {
	switch ecosystem {
	case "npm":
		return npm.Comparer{}
	case "pip":
		return pep440.Comparer{}
	case "maven":
		return maven.Comparer{}
	case "rubygems", "cocoapods":
		return rubygems.Comparer{}
	case "bitnami":
		return bitnami.Comparer{}
	}
	return compare.GenericComparer{}
}

// parses says whether the comparer can read the version. Trivy's comparers only
// answer whether an advisory applies, and "no" when they cannot read the version;
// so two advisories are asked of which every readable version matches one.
func parses(c compare.Comparer, version string) bool {
	const nothing = "<0"
	return c.IsVulnerable(version, dbtypes.Advisory{PatchedVersions: []string{nothing}}) ||
		c.IsVulnerable(version, dbtypes.Advisory{VulnerableVersions: []string{nothing}})
}

func (r *run) unreadLanguage(app ftypes.Application, path, cause string) {
	if path == "" {
		path = app.FilePath
	}
	r.unread = append(r.unread, finding.Unread{
		Kind: finding.UnreadLanguage, Location: finding.Location{Path: path, Artifact: r.artifact}, Cause: cause,
	})
}

// place names an application for people.
func place(app ftypes.Application) string {
	if app.FilePath != "" {
		return app.FilePath
	}
	return string(app.Type)
}

// list names the first three of names and counts the others.
func list(names []string) string {
	const shown = 3
	quoted := make([]string, 0, shown)
	for _, n := range names[:min(shown, len(names))] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// agree is the form of a verb after n names.
func agree(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
