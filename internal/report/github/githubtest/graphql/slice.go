//go:build ignore

// Command slice cuts what the fake serves out of GitHub's GraphQL schema. Run by
// hand when a field is added or the schema is renewed:
//
//	npm pack @octokit/graphql-schema@15.26.1 && tar xzf octokit-graphql-schema-15.26.1.tgz
//	go run slice.go package/schema.graphql > schema.graphql
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// wanted is the fields of each type that the fake serves; nothing named is all.
// Scalars and enums come along with the fields that have them.
var wanted = map[string]string{
	"Query":                    "id viewer repository node rateLimit",
	"Mutation":                 "minimizeComment unminimizeComment",
	"RateLimit":                "cost limit remaining resetAt used",
	"Node":                     "id",
	"Actor":                    "login url",
	"Minimizable":              "isMinimized minimizedReason viewerCanMinimize",
	"User":                     "id login url",
	"Bot":                      "id login url databaseId",
	"Repository":               "id name nameWithOwner isPrivate pullRequest",
	"PullRequest":              "id number locked headRefOid comments",
	"IssueComment":             "id databaseId fullDatabaseId author body isMinimized minimizedReason viewerDidAuthor viewerCanDelete viewerCanUpdate viewerCanMinimize url",
	"IssueCommentConnection":   "nodes edges pageInfo totalCount",
	"IssueCommentEdge":         "cursor node",
	"IssueCommentOrder":        "",
	"PageInfo":                 "",
	"MinimizeCommentInput":     "",
	"MinimizeCommentPayload":   "clientMutationId minimizedComment",
	"UnminimizeCommentInput":   "",
	"UnminimizeCommentPayload": "clientMutationId unminimizedComment",
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: slice schema.graphql")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	whole, err := parser.ParseSchema(&ast.Source{Name: args[0], Input: string(raw)})
	if err != nil {
		return err
	}
	slice := &ast.SchemaDocument{}
	leaves := map[string]bool{}
	for _, d := range whole.Definitions {
		fields, keep := wanted[d.Name]
		if !keep {
			continue
		}
		d.Description, d.Directives = "", nil
		d.Interfaces = slices.DeleteFunc(d.Interfaces, func(name string) bool { _, keep := wanted[name]; return !keep })
		d.Fields = slices.DeleteFunc(d.Fields, func(f *ast.FieldDefinition) bool {
			return fields != "" && !slices.Contains(strings.Fields(fields), f.Name)
		})
		for _, f := range d.Fields {
			f.Description, f.Directives = "", nil
			leaves[f.Type.Name()] = true
			for _, a := range f.Arguments {
				a.Description, a.Directives = "", nil
				leaves[a.Type.Name()] = true
			}
		}
		slice.Definitions = append(slice.Definitions, d)
	}
	for _, d := range whole.Definitions {
		if leaves[d.Name] && (d.Kind == ast.Scalar || d.Kind == ast.Enum) {
			d.Description, d.Directives = "", nil
			for _, value := range d.EnumValues {
				value.Description, value.Directives = "", nil
			}
			slice.Definitions = append(slice.Definitions, d)
		} else if _, keep := wanted[d.Name]; leaves[d.Name] && !keep {
			return fmt.Errorf("a field has the type %s, which is not wanted", d.Name)
		}
	}
	formatter.NewFormatter(out).FormatSchemaDocument(slice)
	return nil
}
