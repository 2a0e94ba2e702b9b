package kubernetes

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var manifestSecret = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-2.a", Name: "manifest-secret", Points: []string{"SEC-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No secret stands in the environment, command or probes of a container",
		Also:    []string{"env-var-secret", "sensitiveContainerEnvVar"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			for _, l := range c.Literals() {
				says, severity := leaks(p, w.Object, l)
				if says == "" {
					continue
				}
				p.Report(lint.Problem{
					At: l.At, Subject: w.Subject(), Path: c.Path + ".env[" + l.Name + "]", Severity: severity, Excerpt: l.Name,
					Message: fmt.Sprintf("container %q: %q %s; keep it in a Secret that is not in the repository, and take it by secretKeyRef", c.Name, l.Name, says),
				})
			}
			for _, l := range c.Flags() {
				if filled(l.Text) || source.Harmless(l.Text) || strings.ContainsAny(l.Text, "`") {
					continue
				}
				severity := finding.High
				if source.Placeholder(l.Text) && !demanding(p) {
					severity = finding.Medium
				}
				p.Report(lint.Problem{
					At: l.At, Subject: w.Subject(), Path: c.Path + "." + l.Name, Severity: severity, Excerpt: l.Name,
					Message: fmt.Sprintf("container %q: its %s holds a secret of %d characters; keep it in a Secret that is not in the repository, and pass a file or $(NAME)", c.Name, l.Name, utf8.RuneCountInString(l.Text)),
				})
			}
			for _, word := range c.Command() {
				if source.HasToken(word.Text()) {
					p.Report(lint.Problem{
						At: word.At(), Subject: w.Subject(), Path: c.Path + ".command", Excerpt: "command",
						Message: fmt.Sprintf("container %q: its command holds a credential in a known format; revoke it, keep the new one in a Secret that is not in the repository, and pass a file or $(NAME)", c.Name),
					})
				}
			}
		}
	}),
}

// leaks says what a value gives away, "" for nothing, and how bad that is. What
// looks like a stand-in is worse under profiles that take what is written for
// what runs.
func leaks(p *lint.Pass, o *kubernetes.Object, l kubernetes.Literal) (string, finding.Severity) {
	leak, weak := source.Leaks(l.Name, l.Text)
	if leak == source.NoLeak || leak != source.LeakToken && filled(l.Text) {
		return "", finding.Unknown
	}
	if (weak || leak != source.LeakToken && toReplace(o.File.Source, l.At.Line)) && !demanding(p) {
		return leak.Says(l.Text), finding.Medium
	}
	return leak.Says(l.Text), finding.High
}

var asksReplacing = regexp.MustCompile(`(?i)#.*\b(replace|change|substitute|fill in)\b`)

// toReplace says that a comment beside a value, or beside its name on the line above,
// asks people to put their own there.
func toReplace(f *source.File, n int) bool {
	own, _ := f.Line(n)
	above, _ := f.Line(n - 1)
	return asksReplacing.MatchString(own) || asksReplacing.MatchString(above) && strings.Contains(above, "name:")
}

// fillers begin what something fills in before or when it is applied: shells and
// envsubst, Kubernetes itself, templates, SOPS, Argo CD's and helmfile's plugins.
var fillers = []string{"${", "$(", "{{", "ENC[", "<path:", "ref+", "vault:", "op://", "%%", "@@", "__"}

// filled says that a value is a place for one.
func filled(value string) bool {
	value = strings.Trim(value, `"' `)
	for _, f := range fillers {
		if strings.HasPrefix(value, f) || len(f) == 2 && f[0] != '_' && f[0] != '%' && strings.Contains(value, f) {
			return true
		}
	}
	return strings.HasPrefix(value, "$") && !strings.ContainsAny(value[1:], "$") || strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">")
}
