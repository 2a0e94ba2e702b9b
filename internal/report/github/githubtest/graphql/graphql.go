// Package graphql holds the part of GitHub's GraphQL schema that the fake serves,
// and answers documents from values. The schema is schema.graphql, cut by slice.go;
// its licence is beside it (LICENSE, MIT).
package graphql

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

//go:embed schema.graphql
var slice string

var load = sync.OnceValues(func() (*ast.Schema, error) {
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: slice})
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's schema: %w", err)
	}
	return schema, nil
})

// Object is a value of an object type: each field's value, or a Resolver. Every
// object says its "__typename". Nil is null.
type Object map[string]any

// Resolver computes a field from its arguments. Its error becomes one of the
// answer's and the field null.
type Resolver func(arguments map[string]any) (any, *Error)

// Error is one of the answer's, which comes with status 200.
type Error struct {
	Type    string `json:"type"` // FORBIDDEN, NOT_FOUND, RATE_LIMITED, …
	Path    []any  `json:"path"`
	Message string `json:"message"`
}

// Query is a document that has been checked against the schema.
type Query struct {
	schema    *ast.Schema
	operation *ast.OperationDefinition
	variables map[string]any
}

// Parse checks a document and its variables.
func Parse(document, operation string, variables map[string]any) (*Query, error) {
	schema, err := load()
	if err != nil {
		return nil, err
	}
	parsed, list := gqlparser.LoadQueryWithRules(schema, document, nil)
	if len(list) > 0 {
		return nil, fmt.Errorf("checking a GraphQL document: %w", list)
	}
	q := &Query{schema: schema, operation: parsed.Operations.ForName(operation)}
	if q.operation == nil {
		return nil, fmt.Errorf("checking a GraphQL document: no operation %q", operation)
	}
	if q.variables, err = validator.VariableValues(schema, q.operation, variables); err != nil {
		return nil, fmt.Errorf("checking the variables of a GraphQL document: %w", err)
	}
	return q, nil
}

// Mutation says that the document writes.
func (q *Query) Mutation() bool { return q.operation.Operation == ast.Mutation }

// Answer resolves the document's fields from root.
func (q *Query) Answer(root Object) (map[string]any, []*Error) {
	a := &answering{Query: q}
	return a.object(q.operation.SelectionSet, root, nil), a.errors
}

type answering struct {
	*Query
	errors []*Error
}

func (a *answering) object(set ast.SelectionSet, from Object, path []any) map[string]any {
	to := map[string]any{}
	a.fields(set, from, path, to)
	return to
}

func (a *answering) fields(set ast.SelectionSet, from Object, path []any, to map[string]any) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			at := append(slices.Clone(path), any(selection.Alias))
			to[selection.Alias] = a.value(selection, from[selection.Name], at)
		case *ast.InlineFragment:
			if a.matches(selection.TypeCondition, from) {
				a.fields(selection.SelectionSet, from, path, to)
			}
		case *ast.FragmentSpread:
			if a.matches(selection.Definition.TypeCondition, from) {
				a.fields(selection.Definition.SelectionSet, from, path, to)
			}
		}
	}
}

func (a *answering) matches(condition string, from Object) bool {
	name, _ := from["__typename"].(string)
	return condition == "" || condition == name ||
		slices.ContainsFunc(a.schema.PossibleTypes[condition], func(d *ast.Definition) bool { return d.Name == name })
}

func (a *answering) value(field *ast.Field, v any, path []any) any {
	switch v := v.(type) {
	case Resolver:
		resolved, failure := v(field.ArgumentMap(a.variables))
		if failure != nil {
			failure.Path = path
			a.errors = append(a.errors, failure)
			return nil
		}
		return a.value(field, resolved, path)
	case Object:
		if v == nil {
			return nil
		}
		return a.object(field.SelectionSet, v, path)
	case []Object:
		list := make([]any, len(v))
		for i, o := range v {
			list[i] = a.object(field.SelectionSet, o, append(slices.Clone(path), i))
		}
		return list
	}
	return v
}
