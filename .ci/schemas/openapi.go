package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// document is one file of api/openapi-spec/v3: a group and version.
type document struct {
	Paths map[string]struct {
		Post *struct {
			Action string `json:"x-kubernetes-action"`
			Kind   kind   `json:"x-kubernetes-group-version-kind"`
		} `json:"post"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

// kind is a group, version and kind.
type kind struct{ Group, Version, Kind string }

// apiVersion is what objects say.
func (k kind) apiVersion() string { return strings.TrimPrefix(k.Group+"/"+k.Version, "/") }

// schema is the part of OpenAPI that Kubernetes uses. Descriptions, defaults and
// examples are left out by not being here, so that properties of these names stay.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Additional *schema            `json:"additionalProperties"`
	AllOf      []*schema          `json:"allOf"`
	OneOf      []*schema          `json:"oneOf"`
	Kinds      []kind             `json:"x-kubernetes-group-version-kind"`
	MapKeys    []string           `json:"x-kubernetes-list-map-keys"`
	Preserve   bool               `json:"x-kubernetes-preserve-unknown-fields"`
}

// read returns what one minor describes: its schemas by name, and the kinds that
// can be created with whether they live in a namespace.
func read(dir string) (map[string]*schema, map[kind]bool, error) {
	names, err := filepath.Glob(filepath.Join(dir, "api", "openapi-spec", "v3", "*.json"))
	if err != nil || len(names) == 0 {
		return nil, nil, fmt.Errorf("finding api/openapi-spec/v3 in %s: %w", dir, err)
	}
	schemas, kinds := map[string]*schema{}, map[kind]bool{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		var d document
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", name, err)
		}
		maps.Copy(schemas, d.Components.Schemas)
		for path, item := range d.Paths {
			// Subresources ("pods/{name}/binding") are nothing that anybody applies.
			if p := item.Post; p != nil && p.Action == "post" && !strings.Contains(path, "{name}") {
				kinds[p.Kind] = kinds[p.Kind] || strings.Contains(path, "/namespaces/{namespace}/")
			}
		}
	}
	return schemas, kinds, nil
}

// short is the name that a schema has in our file: "core.v1.PodSpec".
func short(name string) string {
	name = strings.TrimPrefix(name, "#/components/schemas/")
	for _, prefix := range []string{"io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg.api.", "io.k8s.apimachinery.pkg.", "io.k8s.apiextensions-apiserver.pkg.apis.", "io.k8s.kube-aggregator.pkg.apis."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest
		}
	}
	return name
}

// scalars are the schemas that stand for a type of their own, above all scalars.
var scalars = map[string]string{
	"apiextensions.v1.JSON":                         "*",
	"apiextensions.v1.JSONSchemaPropsOrArray":       "*",
	"apiextensions.v1.JSONSchemaPropsOrBool":        "*",
	"apiextensions.v1.JSONSchemaPropsOrStringArray": "*",
	"resource.Quantity":                             "q",
	"util.intstr.IntOrString":                       "x",
	"meta.v1.Time":                                  "t",
	"meta.v1.MicroTime":                             "t",
}

// typeOf writes a schema as the type of a field:
//
//	s string · b boolean · i 32-bit and l 64-bit integer · n number · q quantity
//	x integer or string · t time · y base64 · * anything · o any mapping
//	[]T list · {}T mapping · @name another schema
func typeOf(s *schema) (string, error) {
	if len(s.AllOf) == 1 {
		s = s.AllOf[0]
	}
	switch {
	case s.Ref != "":
		if scalar, ok := scalars[short(s.Ref)]; ok {
			return scalar, nil
		}
		return "@" + short(s.Ref), nil
	case s.Type == "array":
		item, err := typeOf(s.Items)
		if len(s.MapKeys) > 0 {
			return "[" + strings.Join(s.MapKeys, ",") + "]" + item, err
		}
		return "[]" + item, err
	case s.Type == "object" && s.Additional != nil:
		value, err := typeOf(s.Additional)
		return "{}" + value, err
	case s.Type == "object" && len(s.Properties) == 0:
		return "o", nil
	case s.Type == "" && len(s.OneOf) == 0:
		return "*", nil
	}
	name, ok := map[string]string{
		"string": "s", "string byte": "y", "string date-time": "t", "boolean": "b",
		"integer": "l", "integer int32": "i", "integer int64": "l", "number": "n", "number double": "n",
	}[strings.TrimSpace(s.Type+" "+s.Format)]
	if !ok {
		return "", fmt.Errorf("a field of type %q and format %q; teach typeOf", s.Type, s.Format)
	}
	return name, nil
}

// refs lists the schemas that one refers to.
func refs(s *schema) []string {
	var all []string
	var walk func(*schema)
	walk = func(s *schema) {
		if s == nil {
			return
		}
		if s.Ref != "" {
			all = append(all, s.Ref)
		}
		for _, p := range slices.Sorted(maps.Keys(s.Properties)) {
			walk(s.Properties[p])
		}
		for _, sub := range slices.Concat(s.AllOf, s.OneOf) {
			walk(sub)
		}
		walk(s.Items)
		walk(s.Additional)
	}
	walk(s)
	return all
}
