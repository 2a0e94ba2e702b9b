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
				if !ok {
					continue
				}
				severity := gives(key, value)
				if severity == finding.High && source.Placeholder(value) && !demanding(p) {
					severity = finding.Medium
				}
				if severity == finding.Unknown {
					continue
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
var beside = []string{
	"user", "username", "username_in", "name", "host", "hostname", "port", "database", "_db", "region", "bucket", "endpoint", "email", "ca.crt", "tls.crt", ".pub",
	"server", "url", "uri", "id", "type", "known_hosts", "namespace",
}

// gives says how bad it is that the value of a key is known: high where it is a
// secret for sure, medium where only a Secret holds it, and not at all for what
// stands beside one: the name of a user, a certificate, settings without a secret.
func gives(key, value string) finding.Severity {
	leak, _ := source.Leaks(key, value)
	value = strings.TrimSpace(value)
	name, lower := source.SecretName(key), strings.ToLower(key)
	random, _ := source.Leaks("KEY", value)
	switch {
	case slices.Contains([]string{"{}", "[]", `""`, `{"auths":{}}`}, value):
		return finding.Unknown
	case leak >= source.LeakURL, strings.Contains(value, "PRIVATE KEY-----"), strings.HasSuffix(lower, "dockerconfigjson"), strings.HasSuffix(lower, "dockercfg"):
		return finding.High
	case strings.Trim(value, "xX*.-_") == "", strings.HasPrefix(value, "-----BEGIN "):
		return finding.Unknown
	case slices.ContainsFunc(kubernetes.SettingsFiles, func(end string) bool { return strings.HasSuffix(lower, end) }):
		if kubernetes.HoldsSecret(value) {
			return finding.High
		}
		return finding.Unknown
	case name == source.LikelySecret:
		if source.Harmless(value) && !strings.EqualFold(value, "password") && !strings.EqualFold(value, "token") {
			return finding.Unknown
		}
		return finding.High
	case source.Harmless(value), slices.ContainsFunc(beside, func(end string) bool { return strings.HasSuffix(lower, end) }):
		return finding.Unknown
	case random == source.LeakLiteral:
		return finding.High
	}
	return finding.Medium
}
