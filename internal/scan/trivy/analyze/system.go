package analyze

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// Where distributions keep their packages.
const (
	dpkgStatus    = "var/lib/dpkg/status"
	dpkgAvailable = "var/lib/dpkg/available"
	dpkgStatusDir = "var/lib/dpkg/status.d/"
	dpkgInfoDir   = "var/lib/dpkg/info/"
)

// apkDatabases are what Trivy reads of Alpine, Wolfi and their like.
var apkDatabases = []string{"lib/apk/db/installed", "usr/lib/apk/db/installed"}

// databases lie where packages are installed, of distributions that Trivy can
// read and of ones that it cannot (Arch, Gentoo, NixOS, Void, OpenWrt): the
// latter say that there are packages nobody looked at.
var databases = slices.Concat(apkDatabases, []string{
	dpkgStatus,
	"usr/lib/sysimage/rpm/Packages", "var/lib/rpm/Packages",
	"usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages.db",
	"usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/rpmdb.sqlite", "usr/share/rpm/rpmdb.sqlite",
	"var/lib/rpmmanifest/container-manifest-2",
	"var/lib/pacman/local/ALPM_DB_VERSION", "nix/var/nix/db/db.sqlite", "usr/lib/opkg/status",
})

// releases name a distribution.
var releases = []string{
	"etc/os-release", "usr/lib/os-release", "etc/alpine-release", "etc/debian_version", "etc/lsb-release",
	"etc/redhat-release", "etc/centos-release", "etc/rocky-release", "etc/almalinux-release",
	"etc/oracle-release", "etc/fedora-release", "etc/system-release", "usr/lib/system-release", "etc/apk/repositories",
}

// kindOf says what a file that cannot be read is to policy.
func kindOf(name string) finding.Kind {
	dir, file := path.Split(name)
	switch {
	case slices.Contains(databases, name), slices.Contains(releases, name), dir == dpkgStatusDir, dir == dpkgInfoDir,
		strings.HasSuffix(name, "bottlerocket/application-inventory.json"), strings.HasPrefix(name, "root/buildinfo/"):
		return finding.UnreadOS
	case hasSuffix(file, ".spdx", ".spdx.json", ".cdx", ".cdx.json", ".pyc"):
		return finding.UnreadFile
	}
	return finding.UnreadLanguage
}

func hasSuffix(name string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// system is what the image says of its distribution, beside what analyzers make
// of it.
type system struct {
	files []string
	name  string // PRETTY_NAME or ID of os-release
}

// see remembers the databases of packages and the release files.
func (s *system) see(name string) {
	dir, _ := path.Split(name)
	if slices.Contains(databases, name) || dir == dpkgStatusDir || strings.HasSuffix(name, "/os-release") && slices.Contains(releases, name) {
		s.files = append(s.files, name)
	}
}

// forget drops what is below name, and name itself if asked to.
func (s *system) forget(name string, itself bool) {
	s.files = slices.DeleteFunc(s.files, func(file string) bool {
		return itself && file == name || name == "." || strings.HasPrefix(file, name+"/")
	})
}

// traces gives one file that shows that there is a distribution.
func (s *system) traces() (string, bool) {
	if len(s.files) == 0 {
		return "", false
	}
	return s.files[0], true
}

// inspect reads what analyzers do not check: whether a database of packages is
// whole, and what os-release says.
func (v *visit) inspect(name string, open layer.Opener) error {
	dir, file := path.Split(name)
	var check func([]byte) error
	switch {
	case slices.Contains(apkDatabases, name):
		check = wholeApk
	case name == dpkgStatus:
		check = func(b []byte) error { return wholeDpkg(b, true) }
	case dir == dpkgStatusDir && !strings.HasSuffix(file, ".md5sums"):
		check = func(b []byte) error { return wholeDpkg(b, false) }
	case name == "etc/os-release" || name == "usr/lib/os-release":
		check = func(b []byte) error { v.systems.release(b); return nil }
	default:
		return nil
	}
	c, err := open()
	if err != nil {
		return err
	}
	defer c.Close()
	content, err := io.ReadAll(io.LimitReader(c, manifestBytes+1))
	if err != nil {
		return err
	}
	if len(content) > manifestBytes {
		return &layer.LimitError{What: "bytes in a package database", Limit: manifestBytes}
	}
	if err := check(content); err != nil {
		v.lose(name, err)
	}
	return nil
}

// release keeps the name of the distribution.
func (s *system) release(content []byte) {
	values := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	for _, key := range []string{"PRETTY_NAME", "NAME", "ID"} {
		if values[key] != "" {
			s.name = values[key]
			return
		}
	}
}

// lineLimit is the longest line that Trivy's parser of apk databases reads; it
// stops without a word at a longer one.
const lineLimit = bufio.MaxScanTokenSize

// wholeApk says whether a database of apk ends where apk ends one: Trivy's
// parser takes what it finds and never fails. Each package is a paragraph with a
// name (P) and a version (V), closed by an empty line (apk-tools, doc/apk-v2.5.scd).
func wholeApk(content []byte) error {
	if len(bytes.TrimSpace(content)) == 0 {
		return errors.New("it is empty; the image was cut short, or its packages are hidden")
	}
	if !bytes.HasSuffix(content, []byte("\n\n")) {
		return errors.New("it ends inside a package; it was cut short")
	}
	name, version, fields := "", "", 0
	number := 0
	for line := range bytes.Lines(content) {
		number++
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		switch {
		case len(text) >= lineLimit:
			return fmt.Errorf("line %d has %d bytes, more than can be read", number, len(text))
		case text == "":
			if fields > 0 && (name == "" || version == "") {
				return fmt.Errorf("the package that ends at line %d has no name or no version", number)
			}
			name, version, fields = "", "", 0
		case len(text) < 2 || text[1] != ':':
			return fmt.Errorf("line %d, %s, is not a field", number, quote(shorten(text)))
		default:
			fields++
			if value := text[2:]; text[0] == 'P' {
				name = value
			} else if text[0] == 'V' {
				version = value
			}
		}
	}
	return nil
}

// paragraphLimit is the longest paragraph that Trivy's parser of dpkg reads.
const paragraphLimit = 128 << 10

// wholeDpkg says whether a database of dpkg is whole: every paragraph names a
// package and its version, and the file of the whole system (not the one of a
// single package, as in distroless images) ends with a line.
func wholeDpkg(content []byte, all bool) error {
	if len(bytes.TrimSpace(content)) == 0 {
		if !all {
			return nil // a file of no package among others
		}
		return errors.New("it is empty; the image was cut short, or its packages are hidden")
	}
	if all && content[len(content)-1] != '\n' {
		return errors.New("it ends inside a line; it was cut short")
	}
	for i, paragraph := range bytes.Split(content, []byte("\n\n")) {
		paragraph = bytes.Trim(paragraph, "\n")
		if len(paragraph) == 0 {
			continue
		}
		if len(paragraph) >= paragraphLimit {
			return fmt.Errorf("paragraph %d has %d bytes, more than can be read", i+1, len(paragraph))
		}
		fields := dpkgFields(paragraph)
		removed := hasSuffix(fields["status"], "not-installed", "config-files") // dpkg(1), package states
		if fields["package"] == "" || fields["version"] == "" && !removed {
			return fmt.Errorf("paragraph %d has no package or no version; it was cut short", i+1)
		}
	}
	return nil
}

// dpkgFields reads the first lines of the fields of a paragraph.
func dpkgFields(paragraph []byte) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(string(paragraph)) {
		if key, value, ok := strings.Cut(line, ":"); ok && key != "" && key[0] != ' ' && key[0] != '\t' {
			fields[strings.ToLower(key)] = strings.TrimSpace(value)
		}
	}
	return fields
}
