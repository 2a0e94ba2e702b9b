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

// From is what is known of the FROM image of before the change, for an image that
// there is nothing to compare with.
type From int

const (
	// FromUnknown says that there was an image, or may have been one, and nobody can
	// say what it was built from.
	FromUnknown From = iota
	// FromOther says that the base commit names another FROM image.
	FromOther
	// FromSame says that the base commit names the same FROM image.
	FromSame
	// FromNone says that the base commit built no image, so that this one is new.
	FromNone
)

// how says it in a few words, for verdict.Compared.
func (f From) how() string {
	switch f {
	case FromSame:
		return "the FROM image, which is that of the base commit: all that it did not bring counts as introduced"
	case FromNone:
		return "the FROM image, as there was no image before: all that it did not bring counts as introduced"
	case FromOther:
		return "nothing: the FROM image is not that of the base commit, and what it brings counts too"
	case FromUnknown:
	}
	return "nothing: what the base commit was built from is not known, and what the FROM image brings counts too"
}

// Image compares what was found in an image with its base: Introduced is what the
// base does not have, Existing what both have, whatever the installed versions,
// Disclosed what a newer database says of a package that the base holds in the
// same version.
//
// Without a base (nil) nothing is known of what was there before, and the FROM
// image decides: what it brought is Existing, all else Introduced, secrets too
// (interface.md, "What there is to compare with"). That it was there before takes a
// base commit with the same FROM image, or an image that is new; else what it brought
// stays NotCompared, which policy takes for Introduced: a change that keeps its base
// from being built, or swaps the FROM image, excuses nothing. Brought are the diffIDs
// of the layers of the FROM image; vulnerabilities know it themselves.
func Image(head []finding.Finding, base *ImageBase, from From, brought map[string]bool) Result {
	if base == nil {
		return fromBase(head, from, brought)
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
func fromBase(head []finding.Finding, from From, brought map[string]bool) Result {
	r := Result{Findings: slices.Clone(head), How: from.how()}
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.ImageSecret(), f.Vulnerability != nil && !f.Vulnerability.FromBase, f.Vulnerability == nil && f.Layer != "" && !brought[f.Layer]:
			f.Status = finding.Introduced
		case from == FromSame || from == FromNone:
			f.Status = finding.Existing
		default:
			f.Status = finding.NotCompared
		}
	}
	return r
}
