package workflow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
)

var pipelineVerificationOff = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "IMG-4.w", Name: "pipeline-verification-off", Points: []string{"IMG-4"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No pipeline switches off the check of certificates or signatures",
	},
	Run: func(p *lint.Pass, f *file) {
		for _, s := range f.scopes {
			for _, c := range s.commands {
				w, instead := unverified(c)
				if instead == "" {
					continue
				}
				p.Report(lint.Problem{
					At: w.At, Subject: s.subject, Path: "run[" + c.Name + " " + w.Text + "]",
					Message: fmt.Sprintf("%q %s", c.Name+" "+w.Text, instead),
				})
			}
		}
	},
}

var (
	// near are hosts that no network lies in front of, or that only a test knows.
	near    = regexp.MustCompile(`(?:^|[/@])(?:localhost|127\.[0-9.]+|\[::1\]|0\.0\.0\.0|host\.docker\.internal|kind-registry|registry\.local)(?:[:/]|$)|(?:^|://)[a-z0-9-]+:[0-9]+/`)
	anybody = []string{".*", "^.*$", ".+", "*"}
)

const (
	byCA      = "lets anybody on the way read and replace what is sent; install the certificate of its authority instead"
	byAnybody = "accepts the signature of anybody; name who signs, and the issuer that says so"
)

// unverified returns the word that switches a check off, with what that means.
func unverified(c *script.Command) (w script.Argument, instead string) {
	if slices.ContainsFunc(c.Words, func(w script.Argument) bool { return near.MatchString(w.Text) }) {
		return w, ""
	}
	for i, w := range c.Words {
		next := ""
		if i+1 < len(c.Words) {
			next = c.Words[i+1].Text
		}
		name, value, joined := strings.Cut(w.Text, "=")
		if !joined {
			value = "true"
		}
		on := strings.EqualFold(value, "true")
		off := strings.EqualFold(value, "false")
		switch c.Name {
		case "podman", "buildah", "skopeo":
			if strings.HasSuffix(name, "-tls-verify") && strings.HasPrefix(name, "--") && joined && off && remoteImage(c) {
				return w, byCA
			}
			if w.Text == "--insecure-policy" {
				return w, "takes images that the policy of this machine refuses; write a policy that lets in what you need"
			}
		case "crane", "oras", "helm":
			if slices.Contains([]string{"--insecure", "--insecure-skip-tls-verify"}, name) && on && remoteImage(c) {
				return w, byCA
			}
		case "kubectl", "oc":
			if name == "--insecure-skip-tls-verify" && on {
				return w, "gives the token to whoever answers, and takes any answer; set the certificate of the cluster's authority (\"--certificate-authority\")"
			}
		case "cosign":
			if !joined {
				value = next
			}
			if name == "--certificate-identity-regexp" && slices.Contains(anybody, value) && verifies(c) {
				return w, byAnybody
			}
		case "git":
			lower := strings.ToLower(w.Text)
			if lower == "http.sslverify=false" || lower == "http.sslverify" && (next == "false" || next == "0") {
				return w, byCA
			}
		case "curl", "wget":
			if insecure(c.Name, w.Text) && keeps(c) {
				return w, "lets anybody on the way replace what is fetched; install the certificate of its authority, or compare a checksum"
			}
		}
	}
	return script.Argument{}, ""
}

// verifies says that a command of cosign checks a signature.
func verifies(c *script.Command) bool {
	sub, _, _ := c.Sub()
	return strings.HasPrefix(sub, "verify")
}

// remoteImage says that a command names an image, chart or registry elsewhere.
func remoteImage(c *script.Command) bool {
	return slices.ContainsFunc(c.Words, func(w script.Argument) bool {
		return !strings.HasPrefix(w.Text, "-") && w.Known && hostname.MatchString(w.Text)
	})
}

var hostname = regexp.MustCompile(`^(?:[a-z-]+://)?[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?(?:/|$)`)

// insecure says that a word of curl or wget switches the check of certificates off.
func insecure(program, word string) bool {
	if program == "wget" {
		return word == "--no-check-certificate"
	}
	if word == "--insecure" {
		return true
	}
	if len(word) < 2 || word[0] != '-' || word[1] == '-' {
		return false
	}
	for i := 1; i < len(word); i++ {
		switch {
		case word[i] == 'k':
			return true
		case strings.IndexByte("oHdXuAbeTFmxCcDEKPQrUwYyzt", word[i]) >= 0:
			return false // what follows is its value
		}
	}
	return false
}

// keeps says that what is fetched is kept or run, not only looked at, and comes from
// an address that is known.
func keeps(c *script.Command) bool {
	if !slices.ContainsFunc(c.Words, func(w script.Argument) bool {
		return strings.HasPrefix(w.Text, "https://") && !strings.HasPrefix(w.Text, "https://$")
	}) {
		return false
	}
	if c.Has("/dev/null") {
		return false
	}
	if c.To != nil {
		return script.IsShell(c.To.Name) || slices.Contains([]string{"tar", "gunzip", "kubectl", "dpkg", "python", "python3", "gpg", "apt-key", "tee"}, c.To.Name)
	}
	return c.Redirects || c.Name == "wget" || c.Flag('O') || c.Flag('o') || c.Has("--output", "--remote-name")
}
