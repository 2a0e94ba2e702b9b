package dockerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var verificationOff = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-4.b", Name: "verification-off", Points: []string{"IMG-4"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No build command switches off the check of certificates or signatures",
		Also: []string{
			"CKV2_DOCKER_2", "CKV2_DOCKER_3", "CKV2_DOCKER_4", "CKV2_DOCKER_5", "CKV2_DOCKER_6", "CKV2_DOCKER_7", "CKV2_DOCKER_8", "CKV2_DOCKER_9",
			"CKV2_DOCKER_10", "CKV2_DOCKER_11", "CKV2_DOCKER_12", "CKV2_DOCKER_13", "CKV2_DOCKER_14", "CKV2_DOCKER_15", "CKV2_DOCKER_16",
		},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, v := range f.Variables() {
			if v.Stage != nil && v.In.Name == "ENV" && switchedOff(v.Name, strings.Trim(v.Value, `"'`)) {
				p.Report(lint.Problem{
					At: v.NameAt, Subject: f.Subject(v.Stage), Path: "env[" + v.Name + "]",
					Message: fmt.Sprintf("ENV %q switches off the check of certificates; give the build the certificate of its authority instead", v.Name),
				})
			}
		}
		for l := range layers(f.Stages) {
			for _, c := range l.commands() {
				at, what := unverified(c)
				if what == "" || l.verifies() && fetches(c) {
					continue
				}
				p.Report(lint.Problem{
					At: at, Subject: f.Subject(l.stage), Path: "run[" + c.Name + " " + what + "]",
					Message: fmt.Sprintf("%q lets anybody on the way replace what is fetched; %s", what, instead(c)),
				})
			}
		}
	},
}

// fetches says that what a command brings can be verified by its checksum.
func fetches(c *dockerfile.Command) bool {
	return slices.Contains([]string{"curl", "wget", "apk", "rpm"}, c.Name)
}

func instead(c *dockerfile.Command) string {
	switch c.Name {
	case "apt-get", "apt", "apk", "yum", "dnf", "microdnf", "tdnf", "zypper", "rpm", "echo", "printf", "sed":
		return "install the key of who signed it"
	}
	return "install the certificate of its authority (ca-certificates, or COPY your own)"
}

// verifies says that the layer compares what it fetched with a checksum or signature.
func (l layer) verifies() bool {
	return l.any(func(c *dockerfile.Command) bool {
		switch c.Name {
		case "sha256sum", "sha512sum", "sha384sum", "sha1sum", "shasum", "md5sum":
			return c.Has("-c", "--check") || slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool {
				return strings.HasPrefix(w.Text, "-") && strings.HasSuffix(w.Text, "c")
			})
		case "gpg", "gpgv", "gpg2":
			return c.Name == "gpgv" || c.Has("--verify", "--batch")
		case "cosign", "minisign", "sigstore":
			return true
		}
		return false
	})
}

// switchedOff says that a variable switches off a check.
func switchedOff(name, value string) bool {
	value = strings.ToLower(value)
	switch strings.ToUpper(name) {
	case "NODE_TLS_REJECT_UNAUTHORIZED", "PYTHONHTTPSVERIFY":
		return value == "0"
	case "GIT_SSL_NO_VERIFY":
		return value == "1" || value == "true"
	case "NPM_CONFIG_STRICT_SSL", "YARN_STRICT_SSL", "YARN_ENABLE_STRICT_SSL":
		return value == "false"
	case "PIP_TRUSTED_HOST":
		return value != ""
	}
	return false
}

var (
	local   = regexp.MustCompile(`://(localhost|127\.|\[::1\]|0\.0\.0\.0)`)
	trusted = regexp.MustCompile(`\[[^\]]*trusted=yes`)
)

// unverified returns the word that switches a check off, empty without one.
func unverified(c *dockerfile.Command) (finding.Location, string) {
	for _, w := range c.Assigned {
		if name, value, _ := strings.Cut(w.Text, "="); switchedOff(name, value) {
			return w.At, w.Text
		}
	}
	if slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool { return local.MatchString(w.Text) }) {
		return finding.Location{}, ""
	}
	for i, w := range c.Words {
		next := ""
		if i+1 < len(c.Words) {
			next = strings.ToLower(c.Words[i+1].Text)
		}
		if disables(c, w.Text, next) {
			return w.At, w.Text
		}
	}
	return finding.Location{}, ""
}

// disables says whether a word, with the one behind it, switches a check off.
func disables(c *dockerfile.Command, word, next string) bool {
	lower := strings.ToLower(word)
	switch name := c.Name; {
	case name == "export":
		key, value, _ := strings.Cut(word, "=")
		return switchedOff(key, value)
	case name == "curl":
		return word == "--insecure" || bundled(word, 'k', "oHdXuAbeTFmxCcDEKPQrUwYyzt")
	case name == "wget":
		return word == "--no-check-certificate"
	case name == "git":
		return lower == "http.sslverify=false" || lower == "http.sslverify" && (next == "false" || next == "0")
	case name == "npm" || name == "yarn" || name == "pnpm":
		return lower == "--strict-ssl=false" || lower == "--no-strict-ssl" || lower == "strict-ssl=false" || (lower == "strict-ssl" || lower == "--strict-ssl" || lower == "enablestrictssl") && next == "false"
	case pip(c):
		return strings.HasPrefix(word, "--trusted-host") || word == "global.trusted-host"
	case name == "apt-get" || name == "apt":
		return word == "--allow-unauthenticated" || word == "--force-yes" || strings.HasPrefix(lower, "acquire::allowinsecurerepositories=true") ||
			strings.HasPrefix(lower, "acquire::https::verify-peer=false") || strings.HasPrefix(lower, "apt::get::allowunauthenticated=true")
	case name == "apk":
		return word == "--allow-untrusted"
	case name == "yum" || name == "dnf" || name == "microdnf" || name == "tdnf":
		return word == "--nogpgcheck" || lower == "--setopt=sslverify=false" || lower == "--setopt=*.sslverify=0"
	case name == "zypper":
		return word == "--no-gpg-checks"
	case name == "rpm":
		return word == "--nosignature" || word == "--nodigest"
	case name == "echo" || name == "printf" || name == "sed":
		return strings.Contains(word, "deb ") && trusted.MatchString(word) && !strings.Contains(word, "file:") && !strings.Contains(word, "copy:")
	}
	return false
}

// bundled says whether one-letter options written together hold letter. What
// follows one of takes is its value.
func bundled(word string, letter byte, takes string) bool {
	if len(word) < 2 || word[0] != '-' || word[1] == '-' {
		return false
	}
	for i := 1; i < len(word); i++ {
		if word[i] == letter {
			return true
		}
		if strings.IndexByte(takes, word[i]) >= 0 {
			return false
		}
	}
	return false
}
