package compare

import (
	"cmp"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// ImageBase is what an image is compared with.
type ImageBase struct {
	// Findings are the vulnerabilities and secrets of the base's image.
	Findings []finding.Finding
	// Packages, by Package, are what the base's image holds, when Findings were matched
	// with an older database than the head's. Nil means that both were matched with the
	// same one: an advisory on unchanged content is then among Findings, as Existing.
	Packages map[string]bool
	// Name says in a few words what was compared with ("the image of base commit
	// 1a2b3c4", "ghcr.io/acme/app:main").
	Name string
}

// Package names the installed package that a vulnerability is in, with its
// version: as long as it is the same, its content did not change.
func Package(v *finding.Vulnerability) string {
	return cmp.Or(v.PackageURL, v.Package) + "\x00" + v.Installed
}

// Image compares what was found in an image with its base: Introduced is what the
// base does not have, Existing what both have, whatever the installed versions,
// Disclosed what a newer database says of a package that the base holds in the
// same version.
//
// Without a base (nil) nothing is known of what was there before, and the FROM
// image decides: what it brought is Existing, all else Introduced, secrets too
// (interface.md, "What there is to compare with").
func Image(head []finding.Finding, base *ImageBase) Result {
	if base == nil {
		return fromBase(head)
	}
	r := compared(head, base.Findings, path)
	r.How = base.Name
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Status == finding.Introduced && f.Vulnerability != nil && base.Packages[Package(f.Vulnerability)] {
			f.Status = finding.Disclosed
		}
	}
	return r
}

// fromBase is the rule for an image that there is nothing to compare with.
func fromBase(head []finding.Finding) Result {
	r := Result{Findings: slices.Clone(head), How: "the FROM image: all that it did not bring counts as introduced"}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Status = finding.Existing
		if f.ImageSecret() || f.Vulnerability != nil && !f.Vulnerability.FromBase {
			f.Status = finding.Introduced
		}
	}
	return r
}
