package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// VulnerablePlace gathers the packages that one line of the Dockerfile, or one
// image, brought.
type VulnerablePlace struct {
	Location finding.Location
	FromBase bool
	Packages []*VulnerablePackage
}

// VulnerablePackage gathers the advisories of one installed version.
type VulnerablePackage struct {
	Name, Installed string
	Files           []string // where a language package lies in the image
	Worst           finding.Severity
	Count           int // of different advisories
	Fixes           []*VulnerableFix
}

// FixedIn returns the different versions that mend something, the one for the worst
// advisory first.
func (p *VulnerablePackage) FixedIn() []string {
	var versions []string
	for _, x := range p.Fixes {
		if x.FixedIn != "" && !slices.Contains(versions, x.FixedIn) {
			versions = append(versions, x.FixedIn)
		}
	}
	return versions
}

// VulnerableFix gathers the advisories of one severity that one version mends.
// Which of several versions is the newest is not guessed: every ecosystem orders
// them differently, and a wrong guess would leave an advisory open.
type VulnerableFix struct {
	FixedIn    string // empty when no fix is published
	Severity   finding.Severity
	Advisories []*finding.Vulnerability
}

// Places gathers vulnerabilities and sorts them by what to mend first: places, packages and fixes with
// the worst advisory first, then those with the most.
func Places(findings []finding.Finding) []*VulnerablePlace {
	type placeKey struct {
		path, artifact string
		line           int
		fromBase       bool
	}
	type packageKey struct {
		place           *VulnerablePlace
		name, installed string
	}
	type fixKey struct {
		of       *VulnerablePackage
		fixedIn  string
		severity finding.Severity
	}
	type advisoryKey struct {
		of *VulnerablePackage
		id string
	}
	var places []*VulnerablePlace
	byPlace := map[placeKey]*VulnerablePlace{}
	byPackage := map[packageKey]*VulnerablePackage{}
	byFix := map[fixKey]*VulnerableFix{}
	seen := map[advisoryKey]bool{}
	for i := range findings {
		f := &findings[i]
		v := f.Vulnerability
		pk := placeKey{f.Location.Path, f.Location.Artifact, f.Location.Line, v.FromBase}
		if pk.path != "" {
			pk.artifact = "" // one image's packages carry one package URL each here
		}
		at := byPlace[pk]
		if at == nil {
			at = &VulnerablePlace{Location: f.Location, FromBase: v.FromBase}
			byPlace[pk] = at
			places = append(places, at)
		}
		p := byPackage[packageKey{at, v.Package, v.Installed}]
		if p == nil {
			p = &VulnerablePackage{Name: v.Package, Installed: v.Installed}
			byPackage[packageKey{at, v.Package, v.Installed}] = p
			at.Packages = append(at.Packages, p)
		}
		if v.FilePath != "" && !slices.Contains(p.Files, v.FilePath) {
			p.Files = append(p.Files, v.FilePath)
		}
		if seen[advisoryKey{p, v.ID}] {
			continue
		}
		seen[advisoryKey{p, v.ID}] = true
		p.Count++
		p.Worst = max(p.Worst, f.Severity)
		x := byFix[fixKey{p, v.FixedIn, f.Severity}]
		if x == nil {
			x = &VulnerableFix{FixedIn: v.FixedIn, Severity: f.Severity}
			byFix[fixKey{p, v.FixedIn, f.Severity}] = x
			p.Fixes = append(p.Fixes, x)
		}
		x.Advisories = append(x.Advisories, v)
	}
	for _, at := range places {
		at.sort()
	}
	slices.SortFunc(places, func(a, b *VulnerablePlace) int {
		return cmp.Or(
			cmp.Compare(b.Packages[0].Worst, a.Packages[0].Worst),
			cmp.Compare(a.Location.Path, b.Location.Path),
			cmp.Compare(a.Location.Line, b.Location.Line),
			cmp.Compare(a.Location.Artifact, b.Location.Artifact),
			compareBool(a.FromBase, b.FromBase),
		)
	})
	return places
}

// Counted is "9 in 2 packages (1 critical, 8 high)", and how many packages.
func Counted(places []*VulnerablePlace) (text string, packages int) {
	var by tally
	advisories := 0
	for _, at := range places {
		packages += len(at.Packages)
		for _, p := range at.Packages {
			advisories += p.Count
			for _, x := range p.Fixes {
				by.add(x.Severity, len(x.Advisories))
			}
		}
	}
	return fmt.Sprintf("%d in %s (%s)", advisories, printable.Count(packages, "package"), by.String()), packages
}

func (at *VulnerablePlace) sort() {
	for _, p := range at.Packages {
		slices.Sort(p.Files)
		slices.SortFunc(p.Fixes, func(a, b *VulnerableFix) int {
			return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.FixedIn, b.FixedIn))
		})
		for _, x := range p.Fixes {
			slices.SortFunc(x.Advisories, func(a, b *finding.Vulnerability) int {
				return cmp.Or(compareBool(b.KnownExploited, a.KnownExploited), cmp.Compare(a.ID, b.ID))
			})
		}
	}
	slices.SortFunc(at.Packages, func(a, b *VulnerablePackage) int {
		return cmp.Or(
			cmp.Compare(b.Worst, a.Worst),
			cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Installed, b.Installed),
		)
	})
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
