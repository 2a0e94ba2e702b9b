//go:build ignore

// Command slice cuts the endpoints that the fake serves out of GitHub's OpenAPI
// description, with all that they refer to, without prose and examples. Run by
// hand when an endpoint is added or the description is renewed:
//
//	npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
//	go run slice.go package/generated/api.github.com.json > openapi.json
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
)

// wanted is every operation that the fake serves.
var wanted = map[string][]string{
	"/user":                       {"get"},
	"/repos/{owner}/{repo}":       {"get"},
	"/repos/{owner}/{repo}/pulls": {"get"},
	"/repos/{owner}/{repo}/pulls/{pull_number}":                   {"get"},
	"/repos/{owner}/{repo}/pulls/{pull_number}/files":             {"get"},
	"/repos/{owner}/{repo}/pulls/{pull_number}/reviews":           {"get", "post"},
	"/repos/{owner}/{repo}/pulls/{pull_number}/comments":          {"get"},
	"/repos/{owner}/{repo}/pulls/comments/{comment_id}":           {"delete"},
	"/repos/{owner}/{repo}/issues/{issue_number}/comments":        {"get", "post"},
	"/repos/{owner}/{repo}/issues/comments/{comment_id}":          {"get", "patch", "delete"},
	"/repos/{owner}/{repo}/commits/{ref}":                         {"get"},
	"/repos/{owner}/{repo}/commits/{commit_sha}/pulls":            {"get"},
	"/repos/{owner}/{repo}/git/commits/{commit_sha}":              {"get"},
	"/repos/{owner}/{repo}/compare/{basehead}":                    {"get"},
	"/repos/{owner}/{repo}/contents/{path}":                       {"get"},
	"/repos/{owner}/{repo}/tarball/{ref}":                         {"get"},
	"/repos/{owner}/{repo}/check-runs":                            {"post"},
	"/repos/{owner}/{repo}/check-runs/{check_run_id}":             {"get", "patch"},
	"/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations": {"get"},
	"/repos/{owner}/{repo}/code-scanning/sarifs":                  {"post"},
}

// prose is left out wherever it is not the name of a property.
var prose = []string{"description", "example", "examples", "summary", "x-github", "x-octokit", "x-multi-segment", "tags", "deprecated", "x-github-breaking-changes"}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: slice api.github.com.json")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var whole map[string]any
	if err := json.Unmarshal(raw, &whole); err != nil {
		return err
	}
	paths := map[string]any{}
	for path, methods := range wanted {
		item, ok := whole["paths"].(map[string]any)[path].(map[string]any)
		if !ok {
			return fmt.Errorf("the description has no %s", path)
		}
		kept := map[string]any{}
		for _, method := range methods {
			if item[method] == nil {
				return fmt.Errorf("the description has no %s %s", method, path)
			}
			kept[method] = item[method]
		}
		paths[path] = strip(kept, false)
	}
	slice := map[string]any{
		"openapi":    whole["openapi"],
		"info":       strip(whole["info"], false),
		"servers":    []any{map[string]any{"url": "/"}},
		"paths":      paths,
		"components": map[string]any{},
	}
	for more := true; more; {
		more = false
		for ref := range refs(slice) {
			parts := strings.Split(ref, "/")
			if len(parts) != 4 {
				return fmt.Errorf("an unusual reference: %s", ref)
			}
			kind, name := parts[2], parts[3]
			components := slice["components"].(map[string]any)
			if components[kind] == nil {
				components[kind] = map[string]any{}
			}
			if components[kind].(map[string]any)[name] == nil {
				component := strip(whole["components"].(map[string]any)[kind].(map[string]any)[name], false)
				if kind == "responses" {
					component.(map[string]any)["description"] = ""
				}
				components[kind].(map[string]any)[name] = component
				more = true
			}
		}
	}
	// GitHub sends null for the repository of a head whose fork was deleted; its
	// description does not say so.
	for _, name := range []string{"pull-request", "pull-request-simple"} {
		head := at(slice, "components", "schemas", name, "properties", "head", "properties")
		head["repo"] = map[string]any{"$ref": "#/components/schemas/nullable-repository"}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(slice)
}

// at follows keys down.
func at(v map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		v = v[key].(map[string]any)
	}
	return v
}

// strip drops prose. names says that the keys of v are names of properties,
// parameters' values or the like, which stay whatever they are called.
func strip(v any, names bool) any {
	switch v := v.(type) {
	case map[string]any:
		v = maps.Clone(v)
		if !names {
			for _, key := range prose {
				if _, text := v["responses"]; key == "description" && text {
					continue
				}
				delete(v, key)
			}
			if _, response := v["content"]; response {
				v["description"] = "" // required of a response
			}
		}
		for key, value := range v {
			v[key] = strip(value, !names && (key == "properties" || key == "responses" || key == "paths" || key == "headers"))
			if key == "responses" {
				for _, answer := range v[key].(map[string]any) {
					if answer := answer.(map[string]any); answer["$ref"] == nil {
						answer["description"] = ""
					}
				}
			}
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = strip(v[i], false)
		}
		return out
	}
	return v
}

func refs(v any) map[string]bool {
	found := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				found[ref] = true
			}
			for _, value := range v {
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		}
	}
	walk(v)
	return found
}
