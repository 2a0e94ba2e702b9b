package kubernetes

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var configMapSecret = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-2.b", Name: "config-map-secret", Points: []string{"SEC-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No ConfigMap holds a secret",
		Also:    []string{"KSV-0109", "KSV-01010", "sensitiveConfigmapContent"},
	},
	Run: on(func(p *lint.Pass, o *kubernetes.Object) {
		told, lines := map[finding.Location]bool{}, map[int]bool{}
		for _, l := range o.Settings() {
			if strings.ContainsAny(l.Text, "(<{[") && !source.HasToken(l.Text) { // code, or a place for a value
				continue
			}
			says, severity := leaks(p, o, l)
			if says == "" || told[l.At] {
				continue
			}
			told[l.At], lines[l.At.Line] = true, true
			p.Report(lint.Problem{
				At: l.At, Subject: o.Subject(), Path: "data[" + l.Name + "]", Severity: severity, Excerpt: l.Name,
				Message: fmt.Sprintf("%q %s, and who may read the namespace may read a ConfigMap; keep it in a Secret that is not in the repository", l.Name, says),
			})
		}
		for _, e := range o.Node.Get("data").Entries() {
			key, text := e.Key.Text(), e.Value.Text()
			if !strings.Contains(text, "\n") || !source.HasToken(text) || tells(lines, e.Value.At()) {
				continue
			}
			p.Report(lint.Problem{
				At: e.Key.At(), Subject: o.Subject(), Path: "data[" + key + "]", Excerpt: key,
				Message: fmt.Sprintf("%q holds a credential in a known format; revoke it, and keep the new one in a Secret that is not in the repository", key),
			})
		}
	}, "", "ConfigMap"),
}

// tells says whether a finding stands on one of the lines of a value.
func tells(lines map[int]bool, in finding.Location) bool {
	for n := in.Line; n <= in.EndLine; n++ {
		if lines[n] {
			return true
		}
	}
	return false
}
