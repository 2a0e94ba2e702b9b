package analyze

import (
	"slices"

	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"

	// The analyzers an image needs, by name and not all of them: what is not linked
	// here neither costs start-up time nor looks at what a stranger put into an
	// image. Lock files, licences, misconfigurations and Java archives are left out;
	// of the last the analysis says so (see jars.go).
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/buildinfo"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/conda/meta"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/dotnet/deps"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/dotnet/nuget"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/dotnet/packagesprops"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/golang/binary"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/julia/pkg"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/nodejs/pkg"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/php/composer"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/python/packaging"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/ruby/gemspec"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/rust/binary"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/language/rust/cargo"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/os/alpine"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/os/amazonlinux"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/os/debian"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/os/redhatbase"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/os/release"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/os/ubuntu"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/pkg/apk"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/pkg/bottlerocket_inventory"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/pkg/dpkg"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/pkg/rpm"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/rapidfort"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/repo/apk"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/sbom"
	_ "github.com/aquasecurity/trivy/pkg/fanal/analyzer/secret"

	// The driver with which rpm's analyzer reads the databases of Fedora, RHEL 9 and
	// later. Without it such an image would have no packages.
	_ "modernc.org/sqlite"
)

// never are analyzers that come with a package imported above but are not for
// images: archives of packages that are not installed, licences, lock files.
func never() []analyzer.Type {
	return slices.Concat(
		[]analyzer.Type{
			analyzer.TypeRpmArchive, analyzer.TypeDpkgLicense, analyzer.TypeLicenseFile, analyzer.TypeJar,
			analyzer.TypeExecutable, analyzer.TypeApkCommand, analyzer.TypeHistoryDockerfile,
		},
		analyzer.TypeLockfiles, analyzer.TypeConfigFiles,
	)
}

// inventories are the analyzers of packages: all that remain but secrets and SBOMs.
func inventories() []analyzer.Type {
	return slices.Concat(
		analyzer.TypeOSes, analyzer.TypeLanguages,
		[]analyzer.Type{
			analyzer.TypeAzure, analyzer.TypeRustBinary, analyzer.TypeRedHatContentManifestType,
			analyzer.TypeRedHatDockerfileType,
		},
	)
}

// manifests are the analyzers that read a file into memory as a whole: all of
// packages but those of programs and of rpm's databases.
func manifests() []analyzer.Type {
	bounded := []analyzer.Type{analyzer.TypeGoBinary, analyzer.TypeRustBinary, analyzer.TypeRpm}
	return append(slices.DeleteFunc(inventories(), func(t analyzer.Type) bool { return slices.Contains(bounded, t) }), analyzer.TypeSBOM)
}

// disabled lists the analyzers that stay off in one layer.
//
// An SBOM that lies in an image may claim that packages are not there, or hide
// files from the other analyzers of its layer, so it counts only where the FROM
// image brought it. Which layers those are is said by whoever built the image:
// Trivy guesses from the history, and "CMD x" in the right place makes it pass
// over a layer of ours.
func disabled(base, packages, secrets bool) []analyzer.Type {
	off := never()
	if !packages {
		off = append(off, inventories()...)
	}
	if !packages || !base {
		off = append(off, analyzer.TypeSBOM)
	}
	if !secrets || base {
		off = append(off, analyzer.TypeSecret)
	}
	return off
}
