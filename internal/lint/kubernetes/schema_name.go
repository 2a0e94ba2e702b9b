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

var schemaName = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-57", Name: "schema-name", Severity: finding.High, Since: "0.1.0",
		Summary: "Names, labels and annotations are written as Kubernetes takes them",
		Also:    []string{"label-values"},
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		metadata := o.Node.Get("metadata")
		n := names{p, o}
		if format, ok := formatOf(o); ok && !o.Unfinished() {
			n.name(metadata.Get("name"), "metadata.name", o.Kind, format)
		}
		if !o.Unfinished() && schema.ScopeOf(o.APIVersion, o.Kind) == schema.Namespaced {
			n.name(metadata.Get("namespace"), "metadata.namespace", "namespace", dnsLabel)
		}
		n.labels(metadata, "metadata")
		w, ok := o.Workload()
		if !ok {
			return
		}
		if w.Kind != "Pod" {
			n.labels(w.Template.Get("metadata"), strings.TrimSuffix(w.Path(), ".spec")+".metadata")
		}
		for _, c := range w.Containers() {
			n.name(c.Node.Get("name"), c.Path+".name", "container", dnsLabel)
		}
		for _, v := range w.Pod.Get("volumes").Items() {
			n.name(v.Get("name"), w.Path()+".volumes["+v.Get("name").Text()+"].name", "volume", dnsLabel)
		}
	},
}

// format is a way in which names are written.
type format struct {
	pattern *regexp.Regexp
	longest int
	takes   string
}

// The formats of apimachinery's util/validation.
var (
	dnsLabel = format{
		regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`), 63,
		"at most 63 lowercase letters, digits and \"-\", with a letter or digit at both ends",
	}
	dnsSubdomain = format{
		regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`), 253,
		"lowercase letters, digits, \"-\" and \".\", with a letter or digit at both ends",
	}
	cronJobName = format{dnsSubdomain.pattern, 52, "at most 52 lowercase letters, digits, \"-\" and \".\", since its Jobs have longer names"}
	labelName   = regexp.MustCompile(`^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`)
)

// formatOf returns how the name of an object is written, false where the kind
// takes more than we vouch for.
func formatOf(o *kubernetes.Object) (format, bool) {
	if schema.ScopeOf(o.APIVersion, o.Kind) == schema.UnknownScope {
		return format{}, false
	}
	switch o.Kind {
	case "Namespace", "Service": // newer minors let a Service begin with a digit
		return dnsLabel, true
	case "CronJob":
		return cronJobName, true
	}
	plain := []string{
		"ConfigMap", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Ingress", "IngressClass", "Job", "LimitRange", "NetworkPolicy",
		"PersistentVolume", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget", "PriorityClass", "ReplicaSet", "ReplicationController",
		"ResourceQuota", "Secret", "ServiceAccount", "StatefulSet", "StorageClass",
	}
	return dnsSubdomain, slices.Contains(plain, o.Kind)
}

// names reports what is not written as it must be.
type names struct {
	pass   *lint.Pass
	object *kubernetes.Object
}

func (n names) tell(at kubernetes.Node, path, message string) {
	n.pass.Report(lint.Problem{At: at.At(), Subject: n.object.Subject(), Path: path, Message: message})
}

func (n names) name(at kubernetes.Node, path, what string, f format) {
	name := at.Text()
	if name == "" || schema.Placeholder(name) || len(name) <= f.longest && f.pattern.MatchString(name) {
		return
	}
	n.tell(at, path, fmt.Sprintf("%q is no name for a %s, and Kubernetes refuses it; write %s", shortened(name), what, f.takes))
}

func (n names) labels(metadata kubernetes.Node, path string) {
	for _, e := range metadata.Get("labels").Entries() {
		n.key(e.Key, path+".labels", "a label")
		value := e.Value.Text()
		if value != "" && (len(value) > 63 || !labelName.MatchString(value)) && !schema.Placeholder(value) {
			n.tell(e.Value, path+".labels["+e.Key.Text()+"]", fmt.Sprintf("%q is no value for a label, and Kubernetes refuses it; write at most 63 letters, digits, \"-\", \"_\" and \".\", with a letter or digit at both ends", shortened(value)))
		}
	}
	for _, e := range metadata.Get("annotations").Entries() {
		n.key(e.Key, path+".annotations", "an annotation")
	}
}

// key judges the key of a label or annotation: a name, with a domain before "/"
// where it belongs to one. Of annotations the case does not matter.
func (n names) key(at kubernetes.Node, path, what string) {
	key := at.Text()
	if key == "" || key == "<<" || strings.HasPrefix(key, "$") || schema.Placeholder(key) {
		return
	}
	name := key
	if domain, rest, ok := strings.Cut(key, "/"); ok {
		if what == "an annotation" {
			domain = strings.ToLower(domain)
		}
		name = rest
		if len(domain) > dnsSubdomain.longest || !dnsSubdomain.pattern.MatchString(domain) {
			name = ""
		}
	}
	if len(name) > 63 || !labelName.MatchString(name) {
		n.tell(at, path+"["+key+"]", fmt.Sprintf("%q is no key for %s, and Kubernetes refuses it; write at most 63 letters, digits, \"-\", \"_\" and \".\", after \"domain/\" where it belongs to one", shortened(key), what))
	}
}

// shortened cuts a text for a message.
func shortened(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return text
}
