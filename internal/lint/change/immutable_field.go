package change

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var immutableField = lint.Check[*object]{
	Rule: finding.Rule{
		ID: "D-01", Name: "immutable-field", Severity: finding.High, Since: "0.1.0",
		Summary: "No change touches a field that the API server does not let change",
	},
	Run: func(p *lint.Pass, o *object) {
		if replaced(o.head) {
			return
		}
		for _, f := range fields(o.base) {
			was, is := o.base.Node, o.head.Node
			at := o.head.Node
			for _, key := range f.path {
				was, is = was.Get(key), is.Get(key)
				if is.Exists() {
					at = is
				}
			}
			before, after := f.text(was), f.text(is)
			if before == after || before == "" || after == "" && f.lenient {
				continue
			}
			place := at.At()
			if name := o.head.Node.Get("metadata").Get("name"); !is.Exists() && name.Exists() {
				place = name.At()
			}
			p.Report(lint.Problem{
				At: place, Subject: o.head.Subject(), Path: strings.Join(f.path, "."),
				Message: fmt.Sprintf("%s %q changes %q, which the API server refuses for an object that is there; %s", o.head.Kind, o.head.Name, strings.Join(f.path, "."), f.way),
				Related: []finding.Location{noted(o.base, was)},
			})
		}
	},
}

// noted is where it stood at the base.
func noted(base *kubernetes.Object, was kubernetes.Node) finding.Location {
	at := was.At()
	if !was.Exists() {
		at = base.Node.At()
	}
	at.Note = "at the base commit"
	return at
}

// immutable is a field that may not change.
type immutable struct {
	path []string
	// standard is what the API server takes where the field is absent.
	standard string
	// lenient lets the field go: the server keeps what it has.
	lenient bool
	way     string
}

const (
	anew   = "give the object another name, or delete the old one first and say so in the pull request"
	orphan = "give it another name and move the data, or delete it with --cascade=orphan first"
)

// fields lists those of an object, from the validation of updates in
// k8s.io/kubernetes pkg/apis/*/validation.
func fields(o *kubernetes.Object) []immutable {
	switch o.Group() + "/" + o.Kind {
	case "apps/Deployment", "apps/DaemonSet", "apps/ReplicaSet":
		return []immutable{{path: []string{"spec", "selector"}, way: anew}}
	case "apps/StatefulSet":
		return []immutable{
			{path: []string{"spec", "selector"}, way: orphan},
			{path: []string{"spec", "serviceName"}, way: orphan},
			{path: []string{"spec", "podManagementPolicy"}, standard: "OrderedReady", way: orphan},
			{path: []string{"spec", "volumeClaimTemplates"}, way: orphan},
		}
	case "batch/Job":
		if on, _ := o.Node.Get("spec").Get("suspend").Bool(); on || o.Node.Get("spec").Get("ttlSecondsAfterFinished").Exists() {
			return nil // it may be changed, or may be gone
		}
		return []immutable{{path: []string{"spec", "template"}, way: anew}, {path: []string{"spec", "completionMode"}, standard: "NonIndexed", way: anew}}
	case "/Service":
		if o.Node.Get("spec").Get("type").Text() == "ExternalName" {
			return nil
		}
		return []immutable{{path: []string{"spec", "clusterIP"}, lenient: true, way: anew}}
	case "/PersistentVolumeClaim":
		const way = "make a new claim and copy the data"
		return []immutable{
			{path: []string{"spec", "accessModes"}, way: way},
			{path: []string{"spec", "storageClassName"}, lenient: true, way: way},
			{path: []string{"spec", "volumeName"}, lenient: true, way: way},
			{path: []string{"spec", "volumeMode"}, standard: "Filesystem", way: way},
			{path: []string{"spec", "selector"}, way: way},
		}
	case "/ConfigMap", "/Secret":
		if on, _ := o.Node.Get("immutable").Bool(); !on {
			return nil
		}
		const way = "write a new object with a new name and refer to that"
		return []immutable{{path: []string{"data"}, way: way}, {path: []string{"binaryData"}, way: way}, {path: []string{"stringData"}, way: way}, {path: []string{"immutable"}, way: way}}
	case "rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding":
		return []immutable{{path: []string{"roleRef"}, way: anew}}
	case "storage.k8s.io/StorageClass":
		return []immutable{
			{path: []string{"provisioner"}, way: anew},
			{path: []string{"parameters"}, way: anew},
			{path: []string{"reclaimPolicy"}, standard: "Delete", way: anew},
			{path: []string{"volumeBindingMode"}, standard: "Immediate", way: anew},
		}
	case "scheduling.k8s.io/PriorityClass":
		return []immutable{{path: []string{"value"}, way: anew}}
	}
	return nil
}

// text is the value of the field in one form, "" where it is absent. Of claims and
// of pods only what people write of them counts: API servers fill in the rest.
func (f immutable) text(n kubernetes.Node) string {
	switch key := f.path[len(f.path)-1]; {
	case n.IsNull():
		return f.standard
	case key == "volumeClaimTemplates":
		var all []any
		for _, claim := range n.Items() {
			all = append(all, plain(claim.Get("metadata").Get("name"), 0), plain(claim.Get("spec"), 0))
		}
		return encode(all)
	case key == "accessModes":
		var modes []string
		for _, mode := range n.Items() {
			modes = append(modes, mode.Text())
		}
		slices.Sort(modes)
		return encode(modes)
	case key == "roleRef":
		return encode([]string{n.Get("kind").Text(), n.Get("name").Text()})
	}
	return encode(plain(n, 0))
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// maxDepth bounds how deep values are compared; the fields above nest some 20 levels.
const maxDepth = 60

// plain is a value without its places. Numbers and texts of the same letters are the
// same: an API server reads them by the type of the field.
func plain(n kubernetes.Node, depth int) any {
	switch {
	case depth > maxDepth, n.IsNull():
		return nil
	case n.IsMap():
		m := map[string]any{}
		for _, e := range n.Entries() {
			if v := plain(e.Value, depth+1); v != nil {
				m[e.Key.Text()] = v
			}
		}
		return m
	case n.IsList():
		list := []any{}
		for _, item := range n.Items() {
			list = append(list, plain(item, depth+1))
		}
		return list
	}
	return n.Text()
}

// replaced says that whoever applies the object deletes the one that is there, as
// the annotations of Helm, Argo CD and Flux ask for.
func replaced(o *kubernetes.Object) bool {
	for _, e := range o.Node.Get("metadata").Get("annotations").Entries() {
		value := e.Value.Text()
		switch e.Key.Text() {
		case "helm.sh/hook", "argocd.argoproj.io/hook":
			return true
		case "argocd.argoproj.io/sync-options":
			if strings.Contains(value, "Replace=true") || strings.Contains(value, "Force=true") {
				return true
			}
		case "kustomize.toolkit.fluxcd.io/force":
			if value == "enabled" {
				return true
			}
		}
	}
	return false
}
