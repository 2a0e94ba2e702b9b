package kubernetes

import (
	"slices"
	"strconv"
	"strings"
)

// Mount is where a container of a pod sees one of its volumes.
type Mount struct {
	Container *Container
	Node      Node
	// Path is where the container sees it.
	Path     string
	ReadOnly bool
}

// mounts lists the mounts of all containers by the name of their volume.
func (w *Workload) mounts() map[string][]Mount {
	var mounts map[string][]Mount
	for _, c := range w.Containers() {
		for _, n := range c.Node.Get("volumeMounts").Items() {
			if mounts == nil {
				mounts = map[string][]Mount{}
			}
			name := n.Get("name").Text()
			readOnly, _ := n.Get("readOnly").Bool()
			mounts[name] = append(mounts[name], Mount{c, n, n.Get("mountPath").Text(), readOnly})
		}
	}
	return mounts
}

// Volume is one volume of the pods.
type Volume struct {
	Name   string
	Node   Node
	Mounts []Mount
}

// Volumes lists the volumes of the pods, each with its mounts. Of several with one
// name, which the API refuses, only the first has any.
func (w *Workload) Volumes() []Volume {
	items := w.Pod.Get("volumes").Items()
	if len(items) == 0 {
		return nil
	}
	mounts := w.mounts()
	all := make([]Volume, 0, len(items))
	for _, n := range items {
		name := n.Get("name").Text()
		all = append(all, Volume{name, n, mounts[name]})
		delete(mounts, name)
	}
	return all
}

// Replicas is how many pods the object asks for, 1 when it does not say, and
// whether that is known: a DaemonSet or Job has no such number, and a template's
// may be filled in later.
func (w *Workload) Replicas() (n int, at Node, ok bool) {
	if !slices.Contains([]string{"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}, w.Kind) {
		return 0, Node{}, false
	}
	at = w.Node.Get("spec").Get("replicas")
	if at.IsNull() {
		return 1, Node{}, true
	}
	n, err := strconv.Atoi(at.Text())
	return n, at, err == nil
}

// Runs says that the container runs beside the others for as long as the pod
// does: it is a main one or a native sidecar.
func (c *Container) Runs() bool { return c.Role == Main || c.Role == Sidecar }

// Handler is one thing that the kubelet does to a container: a probe, or a hook
// of its life.
type Handler struct {
	// Name is the field: "livenessProbe", "lifecycle.preStop".
	Name string
	Key  Node
	Node Node
}

// Probe says that it is a probe, not a hook.
func (h Handler) Probe() bool { return strings.HasSuffix(h.Name, "Probe") }

// Handlers lists the probes and hooks that the container has.
func (c *Container) Handlers() []Handler {
	var all []Handler
	for _, name := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		if n := c.Node.Get(name); n.IsMap() {
			all = append(all, Handler{name, c.Node.Key(name), n})
		}
	}
	lifecycle := c.Node.Get("lifecycle")
	for _, name := range []string{"postStart", "preStop"} {
		if n := lifecycle.Get(name); n.IsMap() {
			all = append(all, Handler{"lifecycle." + name, lifecycle.Key(name), n})
		}
	}
	return all
}

// Command lists the words of the container's command and arguments, in order.
func (c *Container) Command() []Node {
	return slices.Concat(c.Node.Get("command").Items(), c.Node.Get("args").Items())
}
