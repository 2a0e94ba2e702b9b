package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var ingressTLS = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "NET-3.d", Name: "ingress-tls", Points: []string{"NET-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Every Ingress has TLS",
		Also:    []string{"tlsSettingsMissing"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		if o.Kind != "Ingress" || o.Group() != "networking.k8s.io" && o.Group() != "extensions" {
			return
		}
		spec := o.Node.Get("spec")
		if len(spec.Get("tls").Items()) > 0 || endsElsewhere(o) {
			return
		}
		var hosts []string
		for _, rule := range spec.Get("rules").Items() {
			if host := rule.Get("host").Text(); host != "" {
				hosts = append(hosts, host)
			}
		}
		if len(hosts) > 0 && !slices.ContainsFunc(hosts, func(host string) bool { return !local(host) }) {
			return
		}
		what := "the Ingress has no tls, so that"
		if len(hosts) > 0 {
			what = fmt.Sprintf("the Ingress has no tls for host %q, so that", hosts[0])
		}
		p.Report(lint.Problem{
			At: or(o.Node.Key("spec").At(), nameAt(o)), Subject: o.Subject(), Path: "spec.tls",
			Message: what + " what people send can be read on the way; add tls with the Secret of a certificate",
		})
	},
}

// endsElsewhere says that an annotation or the class says where TLS ends, or that
// the Ingress only answers a certificate authority.
func endsElsewhere(o *kubernetes.Object) bool {
	spec := o.Node.Get("spec")
	for _, class := range []string{"cloudflare", "tailscale", "ngrok"} {
		if strings.Contains(spec.Get("ingressClassName").Text(), class) {
			return true
		}
	}
	for _, e := range annotations(o) {
		key, value := strings.ToLower(e.Key.Text()), strings.ToLower(e.Value.Text())
		for _, word := range []string{"certificate", "ssl-cert", "pre-shared-cert", "router.tls", "termination", "cloudflare", "ssl-passthrough", "certificate-arn"} {
			if strings.Contains(key, word) && value != "false" {
				return true
			}
		}
		if strings.Contains(key, "listen-ports") && strings.Contains(value, "https") || strings.Contains(key, "entrypoints") && strings.Contains(value, "secure") ||
			strings.HasSuffix(key, "ingress.class") && (strings.Contains(value, "cloudflare") || strings.Contains(value, "tailscale")) ||
			strings.HasSuffix(key, "/scheme") && value == "internal" {
			return true
		}
	}
	for _, rule := range spec.Get("rules").Items() {
		for _, path := range rule.Get("http").Get("paths").Items() {
			if !strings.HasPrefix(path.Get("path").Text(), "/.well-known/acme-challenge") {
				return false
			}
		}
	}
	return len(spec.Get("rules").Items()) > 0
}

// local says that a host is one that no public authority gives a certificate for.
func local(host string) bool {
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range []string{".local", ".localhost", ".test", ".internal", ".lan", ".nip.io", ".sslip.io", ".localdev.me", ".home.arpa"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return kubernetes.Placeholder(host)
}
