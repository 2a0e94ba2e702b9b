// Package openapi holds the part of GitHub's own description of its API that the
// fake serves, and checks requests and answers against it. The description is
// openapi.json, cut by slice.go; its licence is beside it (LICENSE, MIT).
package openapi

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

//go:embed openapi.json
var slice string

var load = sync.OnceValues(func() (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	spec, err := loader.LoadFromData([]byte(slice))
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's description: %w", err)
	}
	if err := spec.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("checking GitHub's description: %w", err)
	}
	return spec, nil
})

// Operation is one method of one path.
type Operation struct {
	// Docs is the page that GitHub's errors about it point to.
	Docs string

	route *routers.Route
}

// Lookup finds an operation by its method and its path as the description has
// it, "/repos/{owner}/{repo}". It is an error when the slice lacks it.
func Lookup(method, path string) (*Operation, error) {
	spec, err := load()
	if err != nil {
		return nil, err
	}
	item := spec.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil {
		return nil, fmt.Errorf("GitHub's description, as it is cut, has no %s %s", method, path)
	}
	o := &Operation{route: &routers.Route{Spec: spec, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)}}
	if docs := o.route.Operation.ExternalDocs; docs != nil {
		o.Docs = docs.URL
	}
	return o, nil
}

// Request says what is wrong with a request: its parameters or body are not as
// described, or it says things that the description does not know and GitHub
// would ignore. params are the values in its path.
func (o *Operation) Request(ctx context.Context, r *http.Request, params map[string]string, body []byte) error {
	r = r.Clone(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	err := openapi3filter.ValidateRequest(ctx, &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: o.route,
		Options: &openapi3filter.Options{
			MultiError: true, SkipSettingDefaults: true,
			AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc,
			RejectWhenRequestBodyNotSpecified: true,
		},
	})
	if err != nil {
		return terse("checking the request", err)
	}
	for name := range r.URL.Query() {
		if o.route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("the description knows no parameter %q", name)
		}
	}
	return o.unknown(body)
}

// unknown finds keys of a body that the description does not have.
func (o *Operation) unknown(body []byte) error {
	if o.route.Operation.RequestBody == nil || len(body) == 0 {
		return nil
	}
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		return fmt.Errorf("reading the request's body: %w", err)
	}
	described := o.route.Operation.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties
	for _, key := range slices.Sorted(maps.Keys(sent)) {
		if _, ok := described[key]; !ok {
			return fmt.Errorf("the description knows no key %q in the body", key)
		}
	}
	return nil
}

// Operations lists what the slice holds, as method and path.
func Operations() ([]string, error) {
	spec, err := load()
	if err != nil {
		return nil, err
	}
	var all []string
	for path, item := range spec.Paths.Map() {
		for method := range item.Operations() {
			all = append(all, method+" "+path)
		}
	}
	slices.Sort(all)
	return all, nil
}

// schema of the JSON answer with a status; nil when the description has none.
func (o *Operation) schema(status int) *openapi3.Schema {
	response := o.route.Operation.Responses.Status(status)
	if response == nil || response.Value == nil {
		return nil
	}
	media := response.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	return media.Schema.Value
}

// Fill adds to v what the description requires of an answer with this status and
// v does not say: null, an empty or zero value, or the first word allowed.
func (o *Operation) Fill(status int, v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing an answer: %w", err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		return nil, fmt.Errorf("reading an answer back: %w", err)
	}
	if s := o.schema(status); s != nil {
		return fill(s, plain), nil
	}
	return plain, nil
}

// Answer says what is wrong with an answer, as Fill returned it.
func (o *Operation) Answer(status int, v any) error {
	s := o.schema(status)
	if s == nil {
		return nil // errors are not described for every operation
	}
	if err := s.VisitJSON(v, openapi3.VisitAsResponse(), openapi3.MultiErrors()); err != nil {
		return terse("checking the answer", err)
	}
	return nil
}

// terse leaves the schemas and values out, which fill screens.
func terse(doing string, err error) error {
	var lines []string
	var walk func(error)
	walk = func(err error) {
		if all, ok := errors.AsType[openapi3.MultiError](err); ok {
			for _, one := range all {
				walk(one)
			}
			return
		}
		where := ""
		if parameter, ok := errors.AsType[*openapi3filter.RequestError](err); ok && parameter.Parameter != nil {
			where = "parameter " + parameter.Parameter.Name + ": "
		}
		if one, ok := errors.AsType[*openapi3.SchemaError](err); ok {
			lines = append(lines, where+"/"+strings.Join(one.JSONPointer(), "/")+": "+one.Reason)
			return
		}
		lines = append(lines, where+err.Error())
	}
	walk(err)
	return fmt.Errorf("%s: %s", doing, strings.Join(lines, "; "))
}

func fill(s *openapi3.Schema, v any) any {
	for _, part := range s.AllOf {
		v = fill(part.Value, v)
	}
	for _, option := range slices.Concat(s.AnyOf, s.OneOf) {
		if filled := fill(option.Value, clone(v)); option.Value.VisitJSON(filled) == nil {
			return filled
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for name, property := range s.Properties {
			if value, ok := v[name]; ok {
				v[name] = fill(property.Value, value)
			} else if slices.Contains(s.Required, name) {
				v[name] = zero(property.Value)
			}
		}
	case []any:
		if s.Items != nil {
			for i := range v {
				v[i] = fill(s.Items.Value, v[i])
			}
		}
	}
	return v
}

func clone(v any) any {
	if m, ok := v.(map[string]any); ok {
		m = maps.Clone(m)
		for key, value := range m {
			m[key] = clone(value)
		}
		return m
	}
	return v
}

func zero(s *openapi3.Schema) any {
	switch {
	case s.Nullable:
		return nil
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AllOf) > 0:
		return fill(s, map[string]any{})
	case len(s.AnyOf) > 0:
		return zero(s.AnyOf[0].Value)
	case len(s.OneOf) > 0:
		return zero(s.OneOf[0].Value)
	case s.Type.Is("array"):
		return []any{}
	case s.Type.Is("boolean"):
		return false
	case s.Type.Is("integer"), s.Type.Is("number"):
		return 0.0
	case s.Type.Is("string"):
		return zeroText(s)
	}
	return fill(s, map[string]any{})
}

func zeroText(s *openapi3.Schema) string {
	switch s.Format {
	case "date-time":
		return "1970-01-01T00:00:00Z"
	case "uri":
		return "https://unmodelled.invalid/"
	}
	return strings.Repeat("0", int(s.MinLength)) //nolint:gosec // a handful
}
