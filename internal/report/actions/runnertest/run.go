package runnertest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Options say what a workflow asks for and what its runner is like.
type Options struct {
	Action string            // path of action.yml
	With   map[string]string // inputs, as written in a workflow
	Env    map[string]string // env: of the step, the job and the workflow
	// GitHub replaces values of the github context, by their names there ("event_name").
	GitHub map[string]string
	Event  []byte // the event file; {} by default
	// Services replaces ACTIONS_… variables: the runtime token, and with `id-token: write`
	// ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN.
	Services map[string]string
	// Workspace is the directory that is checked out; an empty one by default.
	Workspace string
	Debug     bool // ACTIONS_STEP_DEBUG
	Old       bool // a runner before GITHUB_ARTIFACTS
	Start     Starter
}

// Result is what a runner knows after a step.
type Result struct {
	*Step
	ExitCode       int
	Stdout, Stderr []byte // raw
	Root           string // what the runner prepared; removed by the caller
	Argv           []string
}

// Success says that the step is green.
func (r *Result) Success() bool { return r.ExitCode == 0 && len(r.Failed) == 0 }

// Text is the log as a person sees it.
func (r *Result) Text() string { return strings.Join(r.Log, "\n") + "\n" }

// Starter is a way to start the action: Docker, Kubernetes or Process.
type Starter interface {
	// start gives the command that runs the action, and what undoes its preparations.
	start(ctx context.Context, m *Manifest, e *environment) (*exec.Cmd, func(), error)
}

// Run runs an action as one step of a job, with what the runner prepares below root.
// Its error is about the running; that of the action is in the Result.
func Run(ctx context.Context, root string, o Options) (*Result, error) {
	m, err := ReadManifest(o.Action)
	if err != nil {
		return nil, err
	}
	e, err := prepare(root, m, o)
	if err != nil {
		return nil, err
	}
	command, undo, err := o.Start.start(ctx, m, e)
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	// On a cancelled job the runner sends SIGINT, 7.5 s later SIGTERM, then kills
	// (src/Runner.Sdk/ProcessInvoker.cs).
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	err = command.Run()
	undo()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok && ctx.Err() == nil {
		return nil, fmt.Errorf("starting the action: %w", err)
	}
	r := &Result{Step: e.step, ExitCode: command.ProcessState.ExitCode(), Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Root: root, Argv: command.Args}
	// The runner reads both streams side by side, in no order that could be relied on.
	r.Stream(r.Stdout)
	r.Stream(r.Stderr)
	if err := r.files(e.files); err != nil {
		return nil, fmt.Errorf("reading the files of the step: %w", err)
	}
	return r, nil
}

// Process starts a program directly, with the paths of this machine where a
// container would see its own: quick, and without an engine.
type Process struct {
	Program string
	Args    []string // instead of those of action.yml
	Path    string   // PATH; that of a plain image when empty
}

//nolint:unparam // as the other starters
func (p Process) start(ctx context.Context, m *Manifest, e *environment) (*exec.Cmd, func(), error) {
	args := p.Args
	if args == nil {
		args = arguments(m, e)
	}
	command := exec.CommandContext(ctx, p.Program, args...) //nolint:gosec // the program of a test
	command.Dir = e.workspace
	const plain = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	command.Env = append(list(e.vars), "GITHUB_ACTIONS=true", "PATH="+cmp.Or(p.Path, plain))
	if _, ok := e.vars["CI"]; !ok {
		command.Env = append(command.Env, "CI=true")
	}
	return command, func() {}, nil
}

func arguments(m *Manifest, e *environment) []string {
	var args []string
	for _, a := range m.Args {
		args = append(args, evaluate(a, func(_, name string) string { return e.vars["INPUT_"+strings.ToUpper(name)] }))
	}
	return args
}

func list(vars map[string]string) []string {
	all := make([]string, 0, len(vars))
	for name, value := range vars {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}

// Socket says what a container finds at /var/run/docker.sock.
type Socket int

// What a container may find. The runner mounts the path blindly; where its machine
// has none, Docker makes an empty directory of it.
const (
	NoSocket Socket = iota // nothing is mounted; no runner does this, an engine's policy may
	RealSocket
	EmptyDirectory
)

// Docker starts the action by the runner's line (ContainerActionHandler.cs,
// Container/DockerCommandManager.cs).
type Docker struct {
	Image   string // instead of the one in action.yml
	Socket  Socket
	Network string   // of a job with services
	Owner   int      // uid that owns the workspace; 0 leaves it
	Extra   []string // further flags, which no runner gives
}

func (d Docker) start(ctx context.Context, m *Manifest, e *environment) (*exec.Cmd, func(), error) {
	if err := own(d.Owner, e); err != nil {
		return nil, nil, err
	}
	image := d.Image
	if image == "" {
		image = strings.TrimPrefix(m.Image, "docker://")
	}
	vars := e.inside()
	name := "plimsoll_runnertest_" + strings.ToLower(rand.Text()[:12])
	args := []string{"run", "--name", name, "--label", "5588e4", "--workdir", "/github/workspace", "--rm"}
	for _, pair := range list(vars) {
		variable, _, _ := strings.Cut(pair, "=")
		args = append(args, "-e", variable) // the value comes by the environment of the docker command
	}
	args = append(args, "-e", "GITHUB_ACTIONS=true")
	if _, ok := vars["CI"]; !ok {
		args = append(args, "-e", "CI=true")
	}
	if m.Entrypoint != "" {
		args = append(args, "--entrypoint", m.Entrypoint)
	}
	if d.Network != "" {
		args = append(args, "--network", d.Network)
	}
	const socket = "/var/run/docker.sock"
	switch d.Socket {
	case RealSocket:
		args = append(args, "-v", socket+":"+socket)
	case EmptyDirectory:
		empty := filepath.Join(e.temp, "..", "docker.sock")
		if err := os.MkdirAll(empty, 0o755); err != nil {
			return nil, nil, err
		}
		args = append(args, "-v", empty+":"+socket)
	case NoSocket:
	}
	for _, mount := range slices.Backward(e.mounts) {
		args = append(args, "-v", mount.Host+":"+mount.Container)
	}
	args = append(append(append(args, d.Extra...), image), arguments(m, e)...)
	command := exec.CommandContext(ctx, "docker", args...) //nolint:gosec // as the runner does
	command.Env = list(vars)
	return command, func() { remove(ctx, name) }, nil
}

// remove removes a container that may be gone already.
func remove(ctx context.Context, name string) {
	_ = exec.CommandContext(context.WithoutCancel(ctx), "docker", "rm", "-f", "-v", name).Run() //nolint:gosec // its own container
}

func own(uid int, e *environment) error {
	if uid == 0 {
		return nil
	}
	for _, root := range []string{e.workspace, e.temp} {
		if err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(name, uid, uid)) //nolint:gosec // nothing runs there yet
		}); err != nil {
			return fmt.Errorf("giving the workspace to uid %d (root only): %w", uid, err)
		}
	}
	return nil
}
