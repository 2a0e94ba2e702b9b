package kubernetes

import "strings"

// Reference is a name by which an object needs another one.
type Reference struct {
	// Group, Kind and Name are those of what is needed, in the namespace of who needs
	// it unless the kind has none.
	Group, Kind, Name string
	// Key is the one that must be in it; empty where all of it is meant.
	Key string
	// Optional says that it is no error when it is missing.
	Optional bool
	// At is where the name stands, and KeyAt where the key does.
	At, KeyAt Node
	// Path is where that is inside the object.
	Path string
}

// References lists what the pods of w need.
func (w *Workload) References() []Reference {
	var all []Reference
	add := func(r Reference, name Node, path string) {
		if r.Name = name.Text(); r.Name != "" {
			r.At, r.Path = name, path
			all = append(all, r)
		}
	}
	for _, c := range w.Containers() {
		for _, env := range c.Node.Get("env").Items() {
			path := c.Path + ".env[" + env.Get("name").Text() + "]"
			for _, from := range []struct{ field, kind string }{{"configMapKeyRef", "ConfigMap"}, {"secretKeyRef", "Secret"}} {
				ref := env.Get("valueFrom").Get(from.field)
				add(Reference{Kind: from.kind, Key: ref.Get("key").Text(), KeyAt: ref.Get("key"), Optional: isTrue(ref.Get("optional"))}, ref.Get("name"), path)
			}
		}
		for _, env := range c.Node.Get("envFrom").Items() {
			for _, from := range []struct{ field, kind string }{{"configMapRef", "ConfigMap"}, {"secretRef", "Secret"}} {
				ref := env.Get(from.field)
				add(Reference{Kind: from.kind, Optional: isTrue(ref.Get("optional"))}, ref.Get("name"), c.Path+".envFrom")
			}
		}
	}
	for _, volume := range w.Pod.Get("volumes").Items() {
		path := w.path + ".volumes[" + volume.Get("name").Text() + "]"
		all = append(all, mounted(volume, "ConfigMap", "configMap", "name", path)...)
		all = append(all, mounted(volume, "Secret", "secret", "secretName", path)...)
		for _, source := range volume.Get("projected").Get("sources").Items() {
			all = append(all, mounted(source, "ConfigMap", "configMap", "name", path)...)
			all = append(all, mounted(source, "Secret", "secret", "name", path)...)
		}
		add(Reference{Kind: "PersistentVolumeClaim"}, volume.Get("persistentVolumeClaim").Get("claimName"), path)
		add(Reference{Kind: "Secret"}, volume.Get("csi").Get("nodePublishSecretRef").Get("name"), path)
		add(Reference{Kind: "Secret"}, volume.Get("azureFile").Get("secretName"), path)
	}
	for _, secret := range w.Pod.Get("imagePullSecrets").Items() {
		add(Reference{Kind: "Secret"}, secret.Get("name"), w.path+".imagePullSecrets")
	}
	account := w.Pod.Get("serviceAccountName")
	if account.Text() == "" {
		account = w.Pod.Get("serviceAccount")
	}
	add(Reference{Kind: "ServiceAccount"}, account, w.path+".serviceAccountName")
	add(Reference{Group: "scheduling.k8s.io", Kind: "PriorityClass"}, w.Pod.Get("priorityClassName"), w.path+".priorityClassName")
	return all
}

// References lists what an object of any known kind needs.
func (o *Object) References() []Reference {
	var all []Reference
	add := func(kind string, name Node) {
		if name.Text() != "" {
			all = append(all, Reference{Kind: kind, Name: name.Text(), At: name})
		}
	}
	if w, ok := o.Workload(); ok {
		all = w.References()
		if o.Kind == "StatefulSet" {
			add("Service", o.Node.Get("spec").Get("serviceName"))
		}
		return all
	}
	switch o.Kind {
	case "RoleBinding":
		if ref := o.Node.Get("roleRef"); o.Group() == rbac && ref.Get("kind").Text() == "Role" {
			all = append(all, Reference{Group: rbac, Kind: "Role", Name: ref.Get("name").Text(), At: ref.Get("name")})
		}
	case "Ingress":
		for _, tls := range o.Node.Get("spec").Get("tls").Items() {
			add("Secret", tls.Get("secretName"))
		}
	case "ServiceAccount":
		for _, key := range []string{"secrets", "imagePullSecrets"} {
			for _, secret := range o.Node.Get(key).Items() {
				add("Secret", secret.Get("name"))
			}
		}
	case "Gateway":
		for _, listener := range o.Node.Get("spec").Get("listeners").Items() {
			for _, ref := range listener.Get("tls").Get("certificateRefs").Items() {
				add("Secret", ref.Get("name"))
			}
		}
	}
	return all
}

// mounted lists what a volume or one of its sources takes, key by key where it
// names keys.
func mounted(n Node, kind, field, nameKey, path string) []Reference {
	source := n.Get(field)
	r := Reference{Kind: kind, Name: source.Get(nameKey).Text(), At: source.Get(nameKey), Path: path, Optional: isTrue(source.Get("optional"))}
	if r.Name == "" {
		return nil
	}
	items := source.Get("items").Items()
	if len(items) == 0 {
		return []Reference{r}
	}
	all := make([]Reference, 0, len(items))
	for _, item := range items {
		one := r
		one.Key, one.KeyAt = item.Get("key").Text(), item.Get("key")
		all = append(all, one)
	}
	return all
}

func isTrue(n Node) bool {
	on, _ := n.Bool()
	return on
}

// Account is the name of the ServiceAccount that the pods of w run as.
func (w *Workload) Account() string {
	for _, key := range []string{"serviceAccountName", "serviceAccount"} {
		if name := w.Pod.Get(key).Text(); name != "" {
			return name
		}
	}
	return "default"
}

// Keys are those of a ConfigMap or Secret.
func (o *Object) Keys() map[string]Node {
	keys := map[string]Node{}
	for _, section := range []string{"data", "binaryData", "stringData"} {
		for _, e := range o.Node.Get(section).Entries() {
			keys[e.Key.Text()] = e.Value
		}
	}
	return keys
}

// Resolve returns what a reference of an object may mean, the hash of a
// kustomization aside.
func (s *Set) Resolve(from *Object, r Reference) []*Object {
	namespace := from.Namespace
	if r.Kind == "PriorityClass" || r.Kind == "ClusterRole" {
		namespace = ""
	}
	return s.Find(namespace, r.Group, r.Kind, r.Name)
}

// Given says that something which is not in the manifests is in every cluster,
// or made by what is in them.
func (s *Set) Given(r Reference) bool {
	switch r.Kind {
	case "ServiceAccount":
		if r.Name == "default" {
			return true
		}
	case "ConfigMap":
		if r.Name == "kube-root-ca.crt" || r.Name == "openshift-service-ca.crt" {
			return true
		}
	case "Role":
		if strings.HasPrefix(r.Name, "system:") || r.Name == "extension-apiserver-authentication-reader" {
			return true
		}
	case "PriorityClass":
		if r.Name == "system-cluster-critical" || r.Name == "system-node-critical" {
			return true
		}
	}
	// A program that may make Secrets makes some when it starts.
	if r.Kind == "Secret" && s.May("create", "secrets") || r.Kind == "ConfigMap" && s.May("create", "configmaps") {
		return true
	}
	return Placeholder(r.Name) || s.MayMake(r.Name) || s.index.certified[r.Name]
}

// Used says whether an object of the set names a ConfigMap or Secret of this
// name, or something that nobody here knows may.
func (s *Set) Used(kind, name string) bool {
	if s == nil {
		return true
	}
	return s.index.used[named{kind, unhashed(name)}] || s.index.foreign.words[name]
}

// Said says whether the command or the environment of a container names something
// that a program then looks for itself.
func (s *Set) Said(name string) bool { return s == nil || s.index.said[name] }

// NamedWorkloads returns the workloads that bear a name, in whatever namespace.
func (s *Set) NamedWorkloads(name string) []*Workload {
	if s == nil {
		return nil
	}
	return s.index.workloads[name]
}

// words splits what may be names out of a text.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}
