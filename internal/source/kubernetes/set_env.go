package kubernetes

import (
	"regexp"
)

// Variable is one variable of a container's environment.
type Variable struct {
	Name string
	// Value is what it is set to; empty where it comes from a Secret or is not known.
	Value string
	// Known says that the value is in the manifests.
	Known bool
	// Node is where it is set: the item of env, or the item of envFrom that brings it.
	Node Node
	// From is what brings it: "env", "ConfigMap app", "Secret app".
	From string
	// ValueAt is where the value stands.
	ValueAt Node
}

// Environment is what sets the variables of a container.
type Environment struct {
	// Variables are in the order in which they are set: those of envFrom first, and a
	// later one of the same name wins.
	Variables []Variable
	// Open are the items of envFrom whose keys are not in the manifests.
	Open []Node
}

// variable is a name that a shell can use; Kubernetes took only such ones from
// ConfigMaps and Secrets until it allowed all that is printable.
var variable = regexp.MustCompile(`^[-._a-zA-Z][-._a-zA-Z0-9]*$`)

// EnvironmentOf assembles the environment of a container.
func (s *Set) EnvironmentOf(c *Container) Environment {
	var e Environment
	for _, item := range c.Node.Get("envFrom").Items() {
		prefix := item.Get("prefix").Text()
		for _, from := range []struct{ field, kind string }{{"configMapRef", "ConfigMap"}, {"secretRef", "Secret"}} {
			ref := item.Get(from.field)
			name := ref.Get("name").Text()
			if name == "" {
				continue
			}
			// Two of the same name are for two places, and only one of them counts here.
			objects := s.sure(c.Workload.Object, s.Find(c.Workload.Namespace, "", from.kind, name))
			if len(objects) != 1 {
				e.Open = append(e.Open, item)
				continue
			}
			for _, section := range []string{"data", "binaryData", "stringData"} {
				for _, entry := range objects[0].Node.Get(section).Entries() {
					key := prefix + entry.Key.Text()
					v := Variable{Name: key, Node: ref.Get("name"), From: from.kind + " " + name, ValueAt: entry.Value}
					if from.kind == "ConfigMap" && section == "data" {
						v.Value, v.Known = entry.Value.Text(), true
					}
					e.Variables = append(e.Variables, v)
				}
			}
		}
	}
	for _, item := range c.Node.Get("env").Items() {
		v := Variable{Name: item.Get("name").Text(), Node: item.Get("name"), From: "env", ValueAt: item.Get("value")}
		if from := item.Get("valueFrom"); from.IsNull() {
			v.Value, v.Known = item.Get("value").Text(), true
		} else if ref := from.Get("configMapKeyRef"); !ref.IsNull() {
			objects := s.sure(c.Workload.Object, s.Find(c.Workload.Namespace, "", "ConfigMap", ref.Get("name").Text()))
			if len(objects) == 1 {
				if value := objects[0].Node.Get("data").Get(ref.Get("key").Text()); value.Exists() {
					v.Value, v.Known, v.ValueAt = value.Text(), true, value
				}
			}
		}
		e.Variables = append(e.Variables, v)
	}
	return e
}

// sure leaves those that are together with an object.
func (s *Set) sure(with *Object, objects []*Object) []*Object {
	var all []*Object
	for _, o := range objects {
		if s.Together(with, o) {
			all = append(all, o)
		}
	}
	return all
}

// VariableName says whether a key of a ConfigMap or Secret can be the name of a
// variable.
func VariableName(key string) bool { return variable.MatchString(key) }
