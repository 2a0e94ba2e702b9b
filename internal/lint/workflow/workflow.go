// Package workflow holds the checks on what runs in pipelines: GitHub's workflows and
// actions, shell scripts and Makefiles. One file each.
package workflow

import (
	"context"
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
	"github.com/plimsoll-ci/plimsoll/internal/source/workflow"
)

// Pages are the rules' pages and fixtures.
//
//go:embed *.txtar
var Pages embed.FS

// checks is ordered by name.
var checks = []lint.Check[*file]{
	actionUnpinned,
	imperativeChange,
	insecureCommands,
	permissionsMissing,
	permissionsWriteAll,
	pipelineVerificationOff,
	pushedLatestOnly,
	scriptInjection,
	secretForAllSteps,
	untrustedCheckout,
	workflowImageDigest,
	workflowInstaller,
	workflowSecretLiteral,
}

// Linter judges workflows, actions, scripts and Makefiles.
func Linter() lint.Linter { return lint.New(source.Workflow, parse, checks) }

// file is what the checks look at: a workflow or action, or a script.
type file struct {
	*workflow.File // nil for a script
	script         *script.File
	// scopes are the commands that may change what ships, by job or target.
	scopes []scope
	// named are the workflows of the tree, by what others call them.
	named map[string]*workflow.File
	// environments are what flows into variables, by who sets them.
	environments map[any]map[string][]string
}

func (f *file) source() *source.File {
	if f.File != nil {
		return f.Source
	}
	return f.script.Source
}

// jobs are those of a workflow or action, none for a script.
func (f *file) jobs() []*workflow.Job {
	if f.File == nil {
		return nil
	}
	return f.Jobs
}

func parse(ctx context.Context, listing *source.Listing, _ lint.Options) (lint.Set[*file], error) {
	set := lint.Set[*file]{Documents: map[*source.File]lint.Document{}}
	files := make([]file, len(listing.Files))
	unread := make([][]finding.Unread, len(listing.Files))
	err := lint.Each(ctx, len(files), func(i int) {
		src := listing.Files[i]
		switch {
		case isWorkflow(src.Path):
			files[i].File, unread[i] = workflow.Parse(src)
		case relevant(src.Text):
			files[i].script = script.Parse(src)
		}
	})
	var model []*workflow.File
	pipelines := pipelines{named: map[string]*workflow.File{}, scripts: map[string]bool{}, targets: map[string]bool{}}
	for i := range files {
		src, f := listing.Files[i], &files[i]
		switch {
		case f.File != nil:
			set.Linted.Workflows++
			set.Documents[src] = f.File
			pipelines.add(f.File)
			model = append(model, f.File)
			set.Notes = append(set.Notes, unparsed(f.File)...)
		case f.script != nil:
			set.Linted.Scripts++
			set.Documents[src] = f.script
		case len(unread[i]) == 0 && !isWorkflow(src.Path):
			set.Linted.Scripts++
			continue
		case len(unread[i]) > 0 && !src.Named && !active(src.Path):
			set.Unjudged++
			set.Notes = append(set.Notes, src.Path+" "+unread[i][0].Cause+"; GitHub does not run it from there, and it was not judged")
			continue
		default:
			set.Unread = append(set.Unread, unread[i]...)
			continue
		}
		f.named, f.environments = pipelines.named, map[any]map[string][]string{}
		set.Units = append(set.Units, lint.Unit[*file]{File: src, Doc: f})
	}
	set.Model = model
	for _, unit := range set.Units {
		unit.Doc.scopes = pipelines.scopes(unit.Doc)
		if s := unit.Doc.script; s != nil && pipelines.runs(s) {
			for _, at := range s.Unparsed {
				if relevant(unit.File.Slice(at)) || !s.Make() {
					set.Notes = append(set.Notes, fmt.Sprintf("%s:%d: no shell that is known here reads this script; it was not judged", at.Path, at.Line))
				}
			}
		}
	}
	return set, err
}

func isWorkflow(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// active says that GitHub takes a workflow or action from this place: what lies in a
// template for other repositories need not even be YAML.
func active(name string) bool {
	return path.Dir(name) == ".github/workflows" || workflow.IsAction(name) && !strings.ContainsAny(name, "{}")
}

// tools are what commands that can change what ships begin with, and an excuse.
var tools = []string{"kubectl", "docker", "helm", "podman", "buildah", "skopeo", "crane", "cosign", "oc ", "oras", "curl", "wget", "git ", source.Marker}

// relevant says whether a script can hold anything that is judged.
func relevant(text string) bool {
	for _, tool := range tools {
		if strings.Contains(text, tool) {
			return true
		}
	}
	return source.HasToken(text)
}

// unparsed tells of the steps whose scripts could not be read, and might matter.
func unparsed(f *workflow.File) (notes []string) {
	for _, j := range f.Jobs {
		if strings.Contains(j.Root.Get("runs-on").Text(), "${{") {
			continue // it may be Windows, whose shell is another
		}
		for _, s := range j.Steps {
			if s.Script != nil && !s.Script.Parsed && relevant(s.Root.Get("run").Text()) {
				notes = append(notes, fmt.Sprintf("%s:%d: no shell that is known here reads the script of this step; it was not judged", f.Source.Path, s.Root.Get("run").At().Line))
			}
		}
	}
	return notes
}

// guards are the conditions under which a step runs, its job's and its own.
func guards(s *workflow.Step) string {
	return s.Job.Root.Get("if").Text() + " && " + s.Root.Get("if").Text()
}

// quotedList joins names as people do: "a", "b" and "c".
func quotedList(names []string) string {
	var b strings.Builder
	for i, n := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", n)
	}
	return b.String()
}
