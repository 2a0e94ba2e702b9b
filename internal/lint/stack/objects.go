package stack

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// objects is an index of the manifests.
type objects struct {
	set      *kubernetes.Set
	byName   map[[3]string]*kubernetes.Object // kind, namespace, name
	policies map[string][]*kubernetes.Object
	repos    map[string]bool // last parts of names of images that containers run
	named    map[string]bool // names of Services and workloads, in any namespace
}

func newObjects(set *kubernetes.Set) *objects {
	o := &objects{
		set: set, byName: map[[3]string]*kubernetes.Object{},
		policies: map[string][]*kubernetes.Object{}, repos: map[string]bool{}, named: map[string]bool{},
	}
	for _, object := range set.Objects() {
		o.byName[[3]string{object.Kind, object.Namespace, object.Name}] = object
		switch object.Kind {
		case "Service":
			o.named[object.Name] = true
		case "NetworkPolicy":
			o.policies[object.Namespace] = append(o.policies[object.Namespace], object)
		}
		if w, ok := object.Workload(); ok {
			o.named[object.Name] = true
			for _, c := range w.Containers() {
				image, _, _ := strings.Cut(c.Node.Get("image").Text(), "@")
				image = image[strings.LastIndex(image, "/")+1:]
				image, _, _ = strings.Cut(image, ":")
				o.repos[image] = true
			}
		}
	}
	return o
}

// serving are the Services that select the pods of a workload, and are not of
// another cluster.
func (o *objects) serving(w *kubernetes.Workload) []*kubernetes.Object {
	var all []*kubernetes.Object
	for _, s := range o.set.Services(w) {
		if o.set.Together(s.Object, w.Object) {
			all = append(all, s.Object)
		}
	}
	return all
}

// find returns an object, nil when the manifests do not hold it.
func (o *objects) find(kind, namespace, name string) *kubernetes.Object {
	return o.byName[[3]string{kind, namespace, name}]
}

// environment is the variables of a container.
type environment struct {
	values map[string]setting
	// complete is false when some come from objects that are not here.
	complete bool
}

// environment of a container: what the manifest adds to that of the image.
func (w *world) environment(c *binding.Container) environment {
	e := environment{map[string]setting{}, true}
	namespace := c.Workload.Namespace
	for _, from := range c.Node.Get("envFrom").Items() {
		prefix := from.Get("prefix").Text()
		kind, ref, section := "ConfigMap", from.Get("configMapRef"), "data"
		if !ref.Exists() {
			kind, ref = "Secret", from.Get("secretRef")
		}
		object := w.objects.find(kind, namespace, ref.Get("name").Text())
		if object == nil {
			e.complete = false
			continue
		}
		sections := []string{section}
		if kind == "Secret" {
			sections = []string{"data", "stringData"}
		}
		for _, section := range sections {
			for _, entry := range object.Node.Get(section).Entries() {
				e.values[prefix+entry.Key.Text()] = setting{entry.Value.Text(), kind == "ConfigMap", entry.Key.At()}
			}
		}
	}
	for _, item := range c.Node.Get("env").Items() {
		value := item.Get("value")
		s := setting{value.Text(), value.Exists() && !strings.Contains(value.Text(), "$("), item.Get("name").At()}
		if ref := item.Get("valueFrom").Get("configMapKeyRef"); ref.Exists() {
			if object := w.objects.find("ConfigMap", namespace, ref.Get("name").Text()); object != nil {
				if entry := object.Node.Get("data").Get(ref.Get("key").Text()); entry.Exists() {
					s.text, s.known = entry.Text(), true
				}
			}
		}
		if name := item.Get("name").Text(); name != "" {
			e.values[name] = s
		}
	}
	return e
}

// serviceEnvironment is that of a Compose service: what it adds to that of the image.
func (w *world) serviceEnvironment(s *binding.Service) environment {
	e := environment{map[string]setting{}, !s.Partial}
	for _, f := range s.EnvFiles() {
		file := w.Projects.EnvFiles[f.Path]
		if file == nil {
			e.complete = false
			continue
		}
		for _, v := range file.Variables {
			e.values[v.Name] = setting{v.Value, v.Known, v.NameAt}
		}
	}
	for _, entry := range s.Get("environment").Entries {
		e.values[entry.Name] = setting{entry.Value.Text, entry.Value.Known && entry.Value.IsScalar(), entry.At()}
	}
	return e
}

// mount is one mount of a container, whoever runs it.
type mount struct {
	path string
	at   finding.Location
	// kind is the key of the volume ("emptyDir", "configMap", …), "" when it is not known.
	kind   string
	volume string
	node   kubernetes.Node // of the volume
	// single says that it puts one file there.
	single bool
}

// mounts of a container.
func mounts(c *binding.Container) []mount {
	volumes := map[string]kubernetes.Node{}
	for _, v := range c.Workload.Pod.Get("volumes").Items() {
		volumes[v.Get("name").Text()] = v
	}
	for _, v := range c.Workload.Node.Get("spec").Get("volumeClaimTemplates").Items() {
		volumes[v.Get("metadata").Get("name").Text()] = v
	}
	var all []mount
	for _, m := range c.Node.Get("volumeMounts").Items() {
		one := mount{path: m.Get("mountPath").Text(), at: m.Get("mountPath").At(), volume: m.Get("name").Text(), single: m.Get("subPath").Exists() || m.Get("subPathExpr").Exists()}
		one.node = volumes[one.volume]
		for _, e := range one.node.Entries() {
			if key := e.Key.Text(); key != "name" && one.kind == "" {
				one.kind = key
			}
		}
		if one.path != "" {
			all = append(all, one)
		}
	}
	return all
}

// covers says whether a path is at or below a directory. /var/run leads to /run in
// every image that has it.
func covers(dir, name string) bool {
	dir, name = run(strings.TrimSuffix(dir, "/")), run(name)
	return name == dir || strings.HasPrefix(name, dir+"/")
}

func run(name string) string {
	if name == "/var/run" || strings.HasPrefix(name, "/var/run/") {
		return strings.TrimPrefix(name, "/var")
	}
	return name
}

// covered says whether a mount or tmpfs of a service covers a path.
func covered(s *compose.Service, name string) bool {
	for _, m := range s.Mounts() {
		if covers(m.Target, name) {
			return true
		}
	}
	tmpfs := s.Get("tmpfs")
	for _, v := range tmpfs.Words() {
		target, _, _ := strings.Cut(v.Text, ":")
		if covers(target, name) {
			return true
		}
	}
	return false
}

// replicas are how many pods a workload runs, where that is written.
func replicas(w *kubernetes.Workload) string { return w.Node.Get("spec").Get("replicas").Text() }

// texts are the items of a list.
func texts(items []kubernetes.Node) []string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = item.Text()
	}
	return all
}
