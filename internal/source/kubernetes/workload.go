package kubernetes

import (
	"slices"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// templates says where the kinds that run pods keep the pod.
var templates = map[string][]string{
	"Pod":                   {},
	"Deployment":            {"spec", "template"},
	"StatefulSet":           {"spec", "template"},
	"DaemonSet":             {"spec", "template"},
	"ReplicaSet":            {"spec", "template"},
	"ReplicationController": {"spec", "template"},
	"Job":                   {"spec", "template"},
	"CronJob":               {"spec", "jobTemplate", "spec", "template"},
}

// groups are the API groups of those kinds: a "Job" of another group is another thing.
var groups = []string{"v1", "apps/v1", "apps/v1beta1", "apps/v1beta2", "extensions/v1beta1", "batch/v1", "batch/v1beta1", "batch/v2alpha1"}

// Workload is an object that runs pods.
type Workload struct {
	*Object
	// Template holds the metadata and spec of the pods.
	Template Node
	// Pod is the pod spec.
	Pod Node

	path       string
	containers []*Container
}

// Workload returns the view on an object that runs pods.
func (o *Object) Workload() (*Workload, bool) { return o.workload, o.workload != nil }

// pods makes that view, nil for an object that runs none.
func (o *Object) pods() *Workload {
	path, ok := templates[o.Kind]
	if !ok || !slices.Contains(groups, o.APIVersion) {
		return nil
	}
	w := &Workload{Object: o, Template: o.Node}
	for _, key := range path {
		w.Template = w.Template.Get(key)
		w.path += key + "."
	}
	if w.Pod = w.Template.Get("spec"); !w.Pod.Exists() {
		return nil
	}
	w.path += "spec"
	w.containers = w.collect()
	return w
}

// Workloads lists the objects of the file that run pods.
func (f *File) Workloads() []*Workload {
	var all []*Workload
	for _, object := range f.Objects {
		if w, ok := object.Workload(); ok {
			all = append(all, w)
		}
	}
	return all
}

// RunsToEnd says that the pods finish by themselves: Jobs, CronJobs, and pods
// that are not restarted after success.
func (w *Workload) RunsToEnd() bool {
	if w.Kind == "Job" || w.Kind == "CronJob" {
		return true
	}
	policy := w.Pod.Get("restartPolicy").Text()
	return w.Kind == "Pod" && (policy == "Never" || policy == "OnFailure")
}

// Windows says that the pods run on Windows nodes.
func (w *Workload) Windows() bool {
	selector := w.Pod.Get("nodeSelector")
	return w.Pod.Get("os").Get("name").Text() == "windows" ||
		selector.Get("kubernetes.io/os").Text() == "windows" || selector.Get("beta.kubernetes.io/os").Text() == "windows"
}

// Labels are those of the pods.
func (w *Workload) Labels() map[string]string { return texts(w.Template.Get("metadata").Get("labels")) }

func texts(n Node) map[string]string {
	entries := n.Entries()
	if len(entries) == 0 {
		return nil
	}
	m := make(map[string]string, len(entries))
	for _, e := range entries {
		m[e.Key.Text()] = e.Value.Text()
	}
	return m
}

// Role says what a container is for.
type Role int

// The roles.
const (
	Main      Role = iota
	Init           // runs to its end before the main ones start
	Sidecar        // an init container that is restarted always: it runs beside the main ones
	Ephemeral      // added to a running pod for debugging
)

// Container is one container of a pod.
type Container struct {
	Workload *Workload
	Node     Node
	Role     Role
	Name     string
	// Path is its place inside the object: "spec.template.spec.containers[app]".
	Path string
}

// Path is where the pod spec stands inside the object: "spec.template.spec".
func (w *Workload) Path() string { return w.path }

// Containers lists all containers of the pods: init and sidecars, main, ephemeral.
// The caller leaves the list as it is.
func (w *Workload) Containers() []*Container { return w.containers }

func (w *Workload) collect() []*Container {
	var all []*Container
	for _, section := range []struct {
		key  string
		role Role
	}{{"initContainers", Init}, {"containers", Main}, {"ephemeralContainers", Ephemeral}} {
		for i, n := range w.Pod.Get(section.key).Items() {
			c := &Container{Workload: w, Node: n, Role: section.role, Name: n.Get("name").Text()}
			if c.Role == Init && n.Get("restartPolicy").Text() == "Always" {
				c.Role = Sidecar
			}
			id := c.Name
			if id == "" {
				id = strconv.Itoa(i)
			}
			c.Path = w.path + "." + section.key + "[" + id + "]"
			all = append(all, c)
		}
	}
	return all
}

// At is where a finding about something that the container lacks is placed: its
// name, or its beginning when it has none.
func (c *Container) At() finding.Location {
	if name := c.Node.Get("name"); name.Exists() {
		return name.At()
	}
	return c.Node.At()
}

// Security returns a field of the security context that is in force: the
// container's own, else the pod's. Kubernetes has allowPrivilegeEscalation,
// capabilities, privileged, procMount and readOnlyRootFilesystem on containers
// only, so that for these the pod's is not looked at.
func (c *Container) Security(field string) Node {
	if n := c.Node.Get("securityContext").Get(field); !n.IsNull() {
		return n
	}
	if slices.Contains([]string{"allowPrivilegeEscalation", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem"}, field) {
		return Node{}
	}
	return c.Workload.Pod.Get("securityContext").Get(field)
}
