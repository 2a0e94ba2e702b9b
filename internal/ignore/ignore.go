// Package ignore suppresses findings as ignore: in the settings file says. It is
// pure; what no entry is for stays as it is, and nothing is dropped.
package ignore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// Apply returns the findings with those suppressed that an entry is for, and a
// note for each entry that has expired or that nothing was found for. asOf is the
// day that counts: the last day of an entry still holds, and with the zero time
// none expires. matched says whether an image was matched with advisories; where
// it was not, nobody knows whether an entry on a vulnerability is of use. It fails
// when a path is malformed, which config does not let through.
//
// A finding that is suppressed where it stands keeps that reason.
func Apply(findings []finding.Finding, entries []config.Ignore, asOf time.Time, matched bool) (applied []finding.Finding, notes []string, err error) {
	applied = slices.Clone(findings)
	for _, entry := range entries {
		covers, err := reads(entry)
		if err != nil {
			return nil, nil, err
		}
		at := printable.Text(fmt.Sprintf("%s:%d", entry.File, entry.Line))
		expired := entry.Expires != "" && !asOf.IsZero() && asOf.UTC().Format(time.DateOnly) > entry.Expires
		used := false
		for i := range applied {
			f := &applied[i]
			if !covers(f) {
				continue
			}
			used = true
			if !expired && f.Suppressed == nil {
				f.Suppressed = &finding.Suppressed{Reason: entry.Reason, Expires: entry.Expires, Location: finding.Location{Path: entry.File, Line: entry.Line}}
			}
		}
		switch {
		case expired:
			notes = append(notes, fmt.Sprintf("%s: ignoring %s expired on %s; mend the cause, or decide again and set a new date", at, entry, entry.Expires))
		case !used && (matched || !ofImages(entry)):
			notes = append(notes, fmt.Sprintf("%s: ignoring %s suppresses nothing; remove it", at, entry))
		}
	}
	return applied, notes, nil
}

// ofImages says whether only a look into an image finds what an entry is for.
func ofImages(entry config.Ignore) bool {
	rules := []string{
		"IMG-1.i", "IMG-1.j", "IMG-3.e", "SEC-1.b", "SEC-1.c", "SEC-1.i", "USR-1.i", "USR-1.j", "USR-1.k", "VUL-LANG", "VUL-OS",
		"X-01", "X-02", "X-04", "X-05", "X-10", "X-13", "X-19", "X-20",
	}
	return entry.Vulnerability != "" || slices.ContainsFunc(rules, func(rule string) bool { return strings.EqualFold(rule, entry.Rule) })
}

// reads turns an entry into what it covers.
func reads(entry config.Ignore) (func(*finding.Finding) bool, error) {
	if entry.Vulnerability != "" {
		return func(f *finding.Finding) bool {
			v := f.Vulnerability
			return v != nil && names(v, entry.Vulnerability) && (entry.Package == "" || entry.Package == v.Package || entry.Package == unversioned(v.PackageURL))
		}, nil
	}
	var patterns []string
	if entry.Path != "" {
		patterns = []string{entry.Path}
	}
	globs, err := source.NewGlobs(patterns...)
	if err != nil {
		return nil, fmt.Errorf("reading %s:%d: %w", entry.File, entry.Line, err)
	}
	return func(f *finding.Finding) bool {
		return strings.EqualFold(f.Rule.ID, entry.Rule) && (entry.Path == "" || globs.Match(place(f)) || globs.MatchAbove(place(f)))
	}, nil
}

// place is the path that an entry's glob means: in the image for what lies there.
func place(f *finding.Finding) string {
	switch {
	case f.Vulnerability != nil:
		return strings.TrimPrefix(f.Vulnerability.FilePath, "/")
	case f.ImageSecret():
		return strings.TrimPrefix(f.Subject, "/")
	default:
		return cmp.Or(f.Location.Path, f.Subject)
	}
}

func names(v *finding.Vulnerability, id string) bool {
	return strings.EqualFold(v.ID, id) || slices.ContainsFunc(v.Aliases, func(alias string) bool { return strings.EqualFold(alias, id) })
}

// unversioned is a package URL without version, qualifiers and subpath
// (https://github.com/package-url/purl-spec: the version follows the last "@"
// behind the name, where a namespace such as npm's writes "@" as "%40").
func unversioned(purl string) string {
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	name := strings.LastIndex(purl, "/") + 1
	if at := strings.Index(purl[name:], "@"); at > 0 {
		return purl[:name+at]
	}
	return purl
}
