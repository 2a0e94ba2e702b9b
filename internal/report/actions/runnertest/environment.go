package runnertest

import (
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// commandFiles are the files of src/Runner.Worker/FileCommandManager.cs and its two
// later kin, by the name in the github context.
var commandFiles = map[string]string{
	"path": "add_path_", "env": "set_env_", "step_summary": "step_summary_", "state": "save_state_", "output": "set_output_",
	"artifacts": "artifacts_", "artifacts_list": "artifacts_list_",
}

// environment is what a runner prepares on its machine for one step.
type environment struct {
	temp, workspace string
	mounts          []Mount           // the last added is tried first
	files           map[string]string // name in the github context → file of a command
	vars            map[string]string // as on the runner's machine; not yet translated
	step            *Step
}

// defaults of the github context: a push to the default branch.
func defaults() map[string]string {
	return map[string]string{ //nolint:gosec // a token that never was one
		"action": "__plimsoll-ci_plimsoll", "action_ref": "v1", "action_repository": "plimsoll-ci/plimsoll", "actor": "octocat", "actor_id": "583231",
		"api_url": "https://api.github.com", "base_ref": "", "event_name": "push", "graphql_url": "https://api.github.com/graphql",
		"head_ref": "", "job": "gate", "ref": "refs/heads/main", "ref_name": "main", "ref_protected": "false", "ref_type": "branch",
		"repository": "octo-org/octo-repo", "repository_id": "1296269", "repository_owner": "octo-org", "repository_owner_id": "9919",
		"retention_days": "90", "run_attempt": "1", "run_id": "1658821493", "run_number": "3",
		"server_url": "https://github.com", "sha": "ffac537e6cbbf934b08745a378932722df287a53", "triggering_actor": "octocat",
		"workflow": "ci", "workflow_ref": "octo-org/octo-repo/.github/workflows/ci.yml@refs/heads/main",
		"workflow_sha": "ffac537e6cbbf934b08745a378932722df287a53",
		"token":        "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
	}
}

// hidden are names of the github context that no variable is made of: the rest of the
// allow-list of src/Runner.Worker/GitHubContext.cs.
var hidden = []string{"token", "event"}

// prepare makes directories, files and variables below root, as
// ContainerActionHandler, FileCommandManager and ExecutionContext do.
func prepare(root string, m *Manifest, o Options) (*environment, error) {
	github := defaults()
	maps.Copy(github, o.GitHub)
	_, repository, _ := strings.Cut(github["repository"], "/")
	work := filepath.Join(root, "_work")
	e := &environment{temp: filepath.Join(work, "_temp"), workspace: o.Workspace, files: map[string]string{}, vars: map[string]string{}, step: &Step{}}
	if e.workspace == "" {
		e.workspace = filepath.Join(work, repository, repository)
	}
	home, workflow, commands := filepath.Join(e.temp, "_github_home"), filepath.Join(e.temp, "_github_workflow"), filepath.Join(e.temp, "_runner_file_commands")
	for _, directory := range []string{e.workspace, home, workflow, commands} {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return nil, fmt.Errorf("preparing the runner: %w", err)
		}
	}
	e.mounts = []Mount{
		{e.workspace, "/github/workspace"},
		{commands, "/github/file_commands"},
		{workflow, "/github/workflow"},
		{home, "/github/home"},
		{e.temp, "/github/runner_temp"},
	}
	e.step.Workspace, e.step.Mounts = e.workspace, e.mounts

	suffix := rand.Text()
	for name, prefix := range commandFiles {
		if o.Old && strings.HasPrefix(name, "artifacts") {
			continue
		}
		file := filepath.Join(commands, prefix+suffix)
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			return nil, fmt.Errorf("preparing the runner: %w", err)
		}
		e.files[name], github[name] = file, file
	}
	event := o.Event
	if event == nil {
		event = []byte("{}\n")
	}
	github["event_path"], github["workspace"] = filepath.Join(workflow, "event.json"), e.workspace
	if err := os.WriteFile(github["event_path"], event, 0o644); err != nil {
		return nil, fmt.Errorf("preparing the runner: %w", err)
	}

	// In the order of the runner: what comes later replaces what came before.
	maps.Copy(e.vars, o.Env)
	inputs := e.inputs(m, o, github)
	for name, value := range inputs {
		e.vars["INPUT_"+strings.ToUpper(strings.ReplaceAll(name, " ", "_"))] = value
	}
	for _, p := range m.Env {
		if _, ok := e.vars[p.Key]; !ok {
			e.vars[p.Key] = evaluate(p.Value, func(_, name string) string { return inputs[name] })
		}
	}
	e.vars["HOME"] = home
	for name, value := range github {
		if !slices.Contains(hidden, name) {
			e.vars["GITHUB_"+strings.ToUpper(name)] = value
		}
	}
	e.runner(o, filepath.Dir(e.workspace))
	if token := github["token"]; token != "" {
		e.step.Masks = append(e.step.Masks, token) // secrets of a job are masked from its start
	}
	return e, nil
}

// inputs are those given and the defaults of the others. An unknown one is passed on,
// and costs one of the step's ten warnings (src/Runner.Worker/ActionRunner.cs).
func (e *environment) inputs(m *Manifest, o Options, github map[string]string) map[string]string {
	inputs := map[string]string{}
	for name, value := range o.With {
		inputs[strings.ToLower(name)] = value
	}
	var valid, unexpected []string
	for _, in := range m.Inputs {
		valid = append(valid, in.Name)
		if _, ok := inputs[strings.ToLower(in.Name)]; !ok {
			inputs[strings.ToLower(in.Name)] = evaluate(in.Default, func(context, name string) string {
				if context == "github" {
					return github[name]
				}
				return ""
			})
		}
	}
	for name := range o.With {
		if !slices.ContainsFunc(valid, func(v string) bool { return strings.EqualFold(v, name) }) {
			unexpected = append(unexpected, name)
		}
	}
	if slices.Sort(unexpected); len(unexpected) > 0 {
		e.step.issue(Annotation{Level: "warning", Message: fmt.Sprintf("Unexpected input(s) '%s', valid inputs are ['%s']", strings.Join(unexpected, "', '"), strings.Join(valid, "', '"))})
	}
	return inputs
}

// runner sets the variables of the runner context and of its services.
func (e *environment) runner(o Options, directory string) {
	maps.Copy(e.vars, map[string]string{
		"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_NAME": "runner-1", "RUNNER_ENVIRONMENT": "github-hosted",
		"RUNNER_TOOL_CACHE": "/opt/hostedtoolcache", "RUNNER_TEMP": e.temp, "RUNNER_WORKSPACE": directory,
		"ACTIONS_RUNTIME_URL": "https://pipelines.actions.invalid/", "ACTIONS_RUNTIME_TOKEN": "runtime-token-0123456789",
		"ACTIONS_RESULTS_URL": "https://results.actions.invalid/", "ACTIONS_CACHE_URL": "https://cache.actions.invalid/",
	})
	if o.Debug {
		e.vars["RUNNER_DEBUG"] = "1"
	}
	maps.Copy(e.vars, o.Services)
}

// inside gives the variables as the container sees them.
func (e *environment) inside() map[string]string {
	vars := map[string]string{}
	for name, value := range e.vars {
		vars[name] = toContainer(value, e.mounts)
	}
	return vars
}
