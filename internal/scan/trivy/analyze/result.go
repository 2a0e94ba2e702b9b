package analyze

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"github.com/aquasecurity/trivy/pkg/fanal/applier"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy"
)

// Result is part of scan.Visit. It fails when the walk did not reach the end of
// the image, and when it is called twice.
func (v *visit) Result(ctx context.Context) (scan.Analysis, error) {
	if err := ctx.Err(); err != nil {
		return scan.Analysis{}, err
	}
	if v.done {
		return scan.Analysis{}, errors.New("the result of this analysis was already given")
	}
	v.done = true
	if want := len(v.img.Config.RootFS.DiffIDs); v.at != nil || len(v.blobs) != want {
		return scan.Analysis{}, fmt.Errorf("analyzing %s: %d of %d layers were read", artifact(v.img), len(v.blobs), want)
	}
	detail := applier.ApplyLayers(v.blobs)
	for _, app := range detail.Applications {
		sort.Stable(app.Packages)
	}
	slices.SortStableFunc(detail.Applications, func(a, b ftypes.Application) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.FilePath, b.FilePath))
	})
	if v.opts.Packages {
		v.judgeSystem(detail)
		tellJars(v.unread)
	}
	inventory, err := inventoryOf(detail)
	if err != nil {
		return scan.Analysis{}, err
	}
	analysis := scan.Analysis{Inventory: inventory, Notes: v.skip.notes()}
	if v.opts.Secrets {
		analysis.Secrets = v.secretFindings()
	}
	analysis.Unread = v.unread.unread()
	return analysis, nil
}

// inventoryOf leaves out of Trivy's record what a match does not need.
func inventoryOf(detail ftypes.ArtifactDetail) (scan.Inventory, error) {
	d := trivy.Detail{OS: detail.OS, Repository: detail.Repository, Packages: detail.Packages, Applications: detail.Applications}
	for i := range d.Packages {
		d.Packages[i].InstalledFiles = nil // the largest part by far
	}
	raw, err := d.Encode()
	if err != nil {
		return scan.Inventory{}, err
	}
	inventory := scan.Inventory{Packages: len(d.Packages), Detail: raw}
	if d.OS.Detected() {
		inventory.OS = string(d.OS.Family)
		if d.OS.Name != "" {
			inventory.OS += " " + d.OS.Name
		}
	}
	for _, app := range d.Applications {
		inventory.Languages += len(app.Packages)
	}
	inventory.Packages += inventory.Languages
	return inventory, nil
}

// supported are the distributions that Trivy v0.74.0 has advisories of
// (pkg/detector/ospkg/detect.go; a test compares). Of any other its matching
// gives nothing, and says so in a warning only.
var supported = []ftypes.OSType{
	ftypes.Alma, ftypes.Alpine, ftypes.Amazon, ftypes.Azure, ftypes.Bottlerocket, ftypes.CBLMariner, ftypes.CentOS,
	ftypes.Chainguard, ftypes.CoreOS, ftypes.Debian, ftypes.Echo, ftypes.MinimOS, ftypes.OpenSUSELeap,
	ftypes.OpenSUSETumbleweed, ftypes.Oracle, ftypes.Photon, ftypes.RedHat, ftypes.Rocky, ftypes.SLEMicro, ftypes.SLES,
	ftypes.Ubuntu, ftypes.Wolfi,
}

// judgeSystem says where the packages of the operating system were not looked at
// although there is one. An image without any sign of a distribution, a static
// binary on scratch say, has nothing to look at.
func (v *visit) judgeSystem(detail ftypes.ArtifactDetail) {
	say := func(format string, args ...any) {
		v.unread.add(loss{kind: finding.UnreadOS, cause: fmt.Sprintf(format, args...)})
	}
	trace, traces := v.systems.traces()
	switch {
	case detail.OS.Detected() && !slices.Contains(supported, detail.OS.Family):
		say("the image is %s, for which there are no advisories; use another base image or accept that its packages are not matched",
			quote(detail.OS.String()))
	case detail.OS.Detected():
		if len(detail.Packages) == 0 && !v.unread.has(finding.UnreadOS) {
			say("the image is %s and no package of it was found; its package database is missing, so what is installed is not known",
				quote(detail.OS.String()))
		}
	case traces || len(detail.Packages) > 0:
		name := "a distribution that is not known"
		if v.systems.name != "" {
			name = quote(v.systems.name)
		}
		if trace == "" {
			trace = "its packages"
		}
		say("the image is %s, as %s shows, and its packages cannot be matched; use a base image of a distribution that is supported", name, quote(trace))
	}
}
