package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var serviceAccountToken = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "SEC-4.k", Name: "service-account-token", Points: []string{"SEC-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No pod has a token for the API that it has no use for",
		Also:    []string{"KSV-0036", "CKV_K8S_38", "automountServiceAccountToken", "CKV_K8S_41", "kubesec/AutomountServiceAccountToken"},
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		field := w.Pod.Get("automountServiceAccountToken")
		on, isBool := field.Bool()
		if !field.IsNull() && (!isBool || !on) {
			return
		}
		account, named := accountOf(w)
		if len(w.Set.Bindings(w.Namespace, account)) > 0 {
			return // it may do something
		}
		known := w.Set.Find(w.Namespace, "", "ServiceAccount", account)
		if field.IsNull() && slices.ContainsFunc(known, func(o *kubernetes.Object) bool {
			on, isBool := o.Node.Get("automountServiceAccountToken").Bool()
			return isBool && !on
		}) {
			return
		}
		// Its rights may be given somewhere else.
		if named && !p.Complete {
			return
		}
		p.Report(lint.Problem{
			At: or(field.At(), podAt(w)), Subject: w.Subject(), Path: w.Path() + ".automountServiceAccountToken",
			Message: fmt.Sprintf("every container gets a token of ServiceAccount %q, which nothing here gives rights to; set automountServiceAccountToken: false", account),
			Fix:     withoutToken(p, w, known),
		})
	}),
}

// identities begin the annotations by which clouds give an account rights of their own.
var identities = []string{"eks.amazonaws.com/", "iam.gke.io/", "azure.workload.identity/"}

// withoutToken takes the token away. Where not all that is applied is known, rights may
// be given elsewhere.
func withoutToken(p *lint.Pass, w *kubernetes.Workload, accounts []*kubernetes.Object) *finding.Fix {
	class := finding.Safe
	if _, own := accountOf(w); !p.Complete || own && len(accounts) == 0 {
		class = finding.Suggested
	}
	for _, account := range accounts {
		for _, e := range account.Node.Get("metadata").Get("annotations").Entries() {
			if slices.ContainsFunc(identities, func(prefix string) bool { return strings.HasPrefix(e.Key.Text(), prefix) }) {
				class = finding.Suggested
			}
		}
	}
	edits, ok := setting(w.Pod, "automountServiceAccountToken", "false")
	return lint.Mend(class, "set automountServiceAccountToken: false", edits, ok)
}

// accountOf returns the name of the ServiceAccount that pods run as, and whether
// it is one of their own.
func accountOf(w *kubernetes.Workload) (name string, own bool) {
	for _, field := range []string{"serviceAccountName", "serviceAccount"} {
		if name = w.Pod.Get(field).Text(); name != "" {
			return name, name != "default"
		}
	}
	return "default", false
}
