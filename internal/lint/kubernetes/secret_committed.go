package kubernetes

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var secretCommitted = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-2.c", Name: "secret-committed", Points: []string{"SEC-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No Secret is in the repository with its values",
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		if o.Node.Get("sops").IsMap() {
			return
		}
		for _, section := range []string{"data", "stringData"} {
			for _, e := range o.Node.Get(section).Entries() {
				value, ok := plain(section, e.Value.Text())
				key := e.Key.Text()
				if !ok || open(key, value) {
					continue
				}
				severity := finding.High
				if weak := source.Placeholder(value); weak && !demanding(p) {
					severity = finding.Medium
				}
				p.Report(lint.Problem{
					At: e.Key.At(), Subject: o.Subject(), Path: section + "[" + key + "]", Severity: severity, Excerpt: key,
					Message: fmt.Sprintf("%q holds a value of %d characters, and %s; commit a SealedSecret, an ExternalSecret or a file that SOPS encrypted instead", key, utf8.RuneCountInString(value), map[string]string{"data": "base64 hides nothing", "stringData": "a repository keeps no secret"}[section]),
				})
			}
		}
		if copied := o.Node.Get("metadata").Get("annotations"); copied.Get(kubernetes.LastApplied).Text() != "" {
			p.Report(lint.Problem{
				At: copied.Key(kubernetes.LastApplied).At(), Subject: o.Subject(), Path: "metadata.annotations", Excerpt: kubernetes.LastApplied,
				Message: fmt.Sprintf("the annotation %q holds a copy of the Secret with its values; drop it", kubernetes.LastApplied),
			})
		}
	}, "", "Secret"),
}

// plain is what a value of a Secret stands for; it is false for what something
// fills in, and for what is encrypted.
func plain(section, value string) (string, bool) {
	if strings.TrimSpace(value) == "" || filled(value) || strings.HasPrefix(value, "ENC[") {
		return "", false
	}
	if section == "stringData" {
		return value, true
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
	if err != nil {
		return "", false // the API takes it only once something was put there
	}
	value = string(decoded)
	return value, strings.TrimSpace(value) != "" && !filled(strings.TrimSpace(value))
}

// beside are the ends of keys of what stands in a Secret only beside one.
var beside = []string{"user", "username", "name", "host", "hostname", "port", "database", "region", "bucket", "endpoint", "email", "ca.crt", "tls.crt", ".pub", "server", "url", "uri", "id", "type"}

// open says that a value of a Secret is none: the name of a user, a certificate.
func open(key, value string) bool {
	leak, _ := source.Leaks(key, value)
	if leak >= source.LeakURL {
		return false
	}
	value = strings.TrimSpace(value)
	if strings.Trim(value, "xX*.-_") == "" || strings.HasPrefix(value, "-----BEGIN CERTIFICATE") || strings.HasPrefix(value, "-----BEGIN PUBLIC KEY") {
		return true
	}
	harmless := source.Harmless(value)
	if source.SecretName(key) != source.NoSecret {
		return harmless && !strings.EqualFold(value, "password") && !strings.EqualFold(value, "token")
	}
	key = strings.ToLower(key)
	return harmless || slices.ContainsFunc(beside, func(end string) bool { return strings.HasSuffix(key, end) })
}
