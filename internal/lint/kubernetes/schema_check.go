package kubernetes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes/schema"
)

// onViolations reports what objects break of their schema, of one kind of
// violation. Severity may choose another than the rule's, or say that one is none.
func onViolations(kind schema.Kind, severity func(o *kubernetes.Object, v schema.Violation) (finding.Severity, bool)) func(*lint.Pass, *kubernetes.Object) {
	return func(p *lint.Pass, o *kubernetes.Object) {
		if leftover(o) {
			return
		}
		found, _ := o.Violations()
		for _, v := range found {
			if v.Kind != kind {
				continue
			}
			if s, ok := severity(o, v); ok {
				if schema.ScopeOf(o.APIVersion, o.Kind) == schema.UnknownScope && v.Kind != schema.TooYoung {
					s = finding.Medium // another version of the definition may be installed
				}
				p.Report(lint.Problem{At: v.Node.At(), Subject: o.Subject(), Path: v.Path, Message: v.Message, Severity: s})
			}
		}
	}
}

// always has every violation be as severe as its rule.
func always(*kubernetes.Object, schema.Violation) (finding.Severity, bool) {
	return finding.Unknown, true
}

// whole says that an object is meant to be applied as it stands. A patch holds a
// part of one, and kustomize may add to what is below a kustomization.
func whole(o *kubernetes.Object) bool {
	if o.Unfinished() || strings.Contains(strings.ToLower(o.File.Source.Path), "patch") {
		return false
	}
	if w, ok := o.Workload(); ok {
		return !part(w)
	}
	return !slices.Contains(podKinds, o.Kind) || !builtinWorkload(o)
}

// leftover says that an object is a patch that no kustomization above it names any
// more: scaffolding leaves them behind, and nothing applies them.
// What selects pods and has all its images stands for itself, whatever its name.
func leftover(o *kubernetes.Object) bool {
	if !o.Unfinished() || !namedPatch.MatchString(o.File.Source.Path) {
		return false
	}
	w, ok := o.Workload()
	return !ok || part(w) || !w.Node.Get("spec").Get("selector").Exists()
}

// namedPatch is a path that says that it is one; a dispatcher's does not.
var namedPatch = regexp.MustCompile(`(?i)(?:^|[^a-z])patch`)

// podKinds are the kinds that run pods; one without a pod is a part of one.
var podKinds = []string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"}

func builtinWorkload(o *kubernetes.Object) bool {
	return slices.Contains([]string{"", "apps", "batch", "extensions"}, o.Group())
}

// tellForeign notes the kinds that nobody here knows the fields of, once each.
func tellForeign(set *lint.Set[*kubernetes.Object], all *kubernetes.Set) {
	counts := map[string]int{}
	for _, o := range all.Objects() {
		if o.Foreign() {
			counts[o.APIVersion+" "+o.Kind]++
		}
	}
	for name, n := range counts {
		objects := "1 object was"
		if n > 1 {
			objects = fmt.Sprintf("%d objects were", n)
		}
		set.Notes = append(set.Notes, fmt.Sprintf("%s has no schema here: the fields of %s not judged; a CustomResourceDefinition in the tree would say", name, objects))
	}
}
