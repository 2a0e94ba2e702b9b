// Package workflow is the positioned model of GitHub's workflows and of actions
// that are made of steps. Other services' pipelines are not read.
package workflow

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// maxNodes bounds the values of one file with every alias followed: the largest
// workflows that people generate come to some 20,000.
const maxNodes = 100_000

// File is one workflow or action.
type File struct {
	Source *source.File
	Root   yaml.Node
	// Action says that it is an action: it has no triggers, and one job without a
	// name when it is made of steps.
	Action bool
	// Triggers are the events that start a workflow, in order.
	Triggers []Trigger
	Jobs     []*Job

	yaml     *yaml.File
	masked   []finding.Location
	comments []source.Comment
}

// Trigger is one event that starts a workflow, with its filters if it has any.
type Trigger struct {
	Event string
	At    finding.Location
	Value yaml.Node
}

// Job is one job of a workflow.
type Job struct {
	File *File
	ID   string
	At   finding.Location // of its id
	Root yaml.Node
	// Calls is the workflow that the job is, when it has no steps of its own.
	Calls Uses
	Steps []*Step
}

// IsAction knows the names of actions.
func IsAction(name string) bool {
	base := path.Base(name)
	return base == "action.yml" || base == "action.yaml"
}

// Comments are those that begin with source.Marker, those inside of scripts too.
func (f *File) Comments() []source.Comment { return f.comments }

// Masked are the places of values that may be secrets and are never shown.
func (f *File) Masked() []finding.Location { return f.masked }

// Name is what other workflows call this one by.
func (f *File) Name() string {
	if name := f.Root.Get("name").Text(); name != "" {
		return name
	}
	return f.Source.Path
}

// On returns the trigger of an event, and whether there is one.
func (f *File) On(event string) (Trigger, bool) {
	i := slices.IndexFunc(f.Triggers, func(t Trigger) bool { return t.Event == event })
	if i < 0 {
		return Trigger{}, false
	}
	return f.Triggers[i], true
}

// Subject names a job of the file for findings; the workflow itself when j is nil.
func (f *File) Subject(j *Job) string {
	if j == nil || j.ID == "" {
		return f.Source.Path
	}
	return f.Source.Path + "#" + j.ID
}

// Parse reads one file. It is nil when it holds nothing that can be judged; the
// records, if there are any, say why.
func Parse(src *source.File) (*File, []finding.Unread) {
	parsed, unread := yaml.Parse(src, maxNodes)
	if parsed == nil || len(unread) > 0 {
		for i := range unread {
			// Every workflow looks like a template; GitHub takes it as it stands.
			if cause, _, ok := strings.Cut(unread[i].Cause, "; it looks like a template"); ok {
				unread[i].Cause = cause + "; mend the YAML here or just above, which GitHub refuses, too"
			}
		}
		return nil, unread
	}
	switch {
	case len(parsed.Documents) == 0:
		return nil, nil
	case len(parsed.Documents) > 1:
		return nil, []finding.Unread{src.Unread(parsed.Documents[1].At().Line, "begins a second document, which GitHub does not take; split it")}
	}
	f := &File{Source: src, Root: parsed.Documents[0], Action: IsAction(src.Path), yaml: parsed}
	if !f.Root.IsMap() {
		return nil, []finding.Unread{src.Unread(f.Root.At().Line, "holds no mapping; it is no workflow")}
	}
	if f.Action {
		if steps := f.Root.Get("runs").Get("steps"); steps.IsList() {
			j := &Job{File: f, Root: f.Root.Get("runs")}
			j.steps(steps)
			f.Jobs = append(f.Jobs, j)
		}
	} else {
		f.triggers(f.Root.Get("on"))
		for _, e := range f.Root.Get("jobs").Entries() {
			f.job(e)
		}
	}
	f.mask(f.Root)
	f.collectComments()
	return f, nil
}

// maxTriggers bounds the events of a workflow: GitHub knows some 35.
const maxTriggers = 100

func (f *File) triggers(on yaml.Node) {
	add := func(name, value yaml.Node) {
		if len(f.Triggers) == maxTriggers {
			return
		}
		f.Triggers = append(f.Triggers, Trigger{Event: name.Text(), At: name.At(), Value: value})
	}
	switch {
	case on.IsScalar():
		add(on, yaml.Node{})
	case on.IsList():
		for _, item := range on.Items() {
			add(item, yaml.Node{})
		}
	default:
		for _, e := range on.Entries() {
			add(e.Key, e.Value)
		}
	}
}

func (f *File) job(e yaml.Entry) {
	if !e.Value.IsMap() {
		return
	}
	j := &Job{File: f, ID: e.Key.Text(), At: e.Key.At(), Root: e.Value}
	if uses := e.Value.Get("uses"); uses.IsScalar() {
		j.Calls = parseUses(uses)
	}
	j.steps(e.Value.Get("steps"))
	f.Jobs = append(f.Jobs, j)
}

// mask collects the places of literal values whose names say that they are secret.
func (f *File) mask(n yaml.Node) {
	for _, e := range n.Entries() {
		value := e.Value
		if value.IsScalar() && value.Text() != "" && !strings.Contains(value.Text(), "${{") &&
			source.SecretName(e.Key.Text()) == source.LikelySecret && !source.Harmless(value.Text()) {
			f.masked = append(f.masked, value.Resolved().At())
			continue
		}
		if value.IsMap() || value.IsList() {
			f.mask(value)
		}
	}
	for _, item := range n.Items() {
		if item.IsMap() {
			f.mask(item)
		}
	}
}

func (f *File) collectComments() {
	f.comments = slices.Clone(f.yaml.Comments())
	for _, j := range f.Jobs {
		for _, s := range j.Steps {
			for _, script := range s.scripts {
				f.comments = append(f.comments, script.Comments...)
			}
		}
	}
}
