package runnertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Kubernetes starts the action as actions/runner-container-hooks does in a pod (commit
// cf62bccba0d59addaf08a115f96ebcd81fb499d8, packages/k8s/src/hooks/run-container-step.ts
// and src/k8s/utils.ts), with a container of a local engine for the pod: the image
// runs `tail -f /dev/null`, the work directory is copied in, and `sh -e script` runs
// the entrypoint of action.yml. There is no socket of an engine.
type Kubernetes struct {
	Image string // action.yml must name one: an image that would have to be built is refused
}

func (k Kubernetes) start(ctx context.Context, m *Manifest, e *environment) (*exec.Cmd, func(), error) {
	switch {
	case m.Entrypoint == "":
		return nil, nil, errors.New("action.yml has no entrypoint, which the hooks ask for")
	case k.Image == "" && !strings.HasPrefix(m.Image, "docker://"):
		return nil, nil, errors.New("action.yml names a Dockerfile, which the hooks do not build")
	}
	image := k.Image
	if image == "" {
		image = strings.TrimPrefix(m.Image, "docker://")
	}
	work := filepath.Dir(e.temp)
	var script strings.Builder
	script.WriteString("#!/bin/sh -l\nrm \"$0\" # remove script after running\n" +
		"mv /__w/_temp/_github_home /github/home && mv /__w/_temp/_github_workflow /github/workflow && " +
		"mv /__w/_temp/_runner_file_commands /github/file_commands || true && " +
		"mv /__w/repo/repo/ /github/workspace && cd /github/workspace && exec env")
	vars := e.inside()
	vars["GITHUB_ACTIONS"] = "true"
	if _, ok := vars["CI"]; !ok {
		vars["CI"] = "true"
	}
	for _, pair := range list(vars) {
		script.WriteString(` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`").Replace(pair) + `"`)
	}
	script.WriteString("  " + m.Entrypoint + " " + strings.Join(arguments(m, e), " ") + "\n")
	file := filepath.Join(e.temp, "step.sh")
	if err := os.WriteFile(file, []byte(script.String()), 0o644); err != nil {
		return nil, nil, fmt.Errorf("writing the step's script: %w", err)
	}
	docker := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput() //nolint:gosec // the engine of a test
		if err != nil {
			return "", fmt.Errorf("docker %s: %w: %s", args[0], err, out)
		}
		return strings.TrimSpace(string(out)), nil
	}
	pod, err := docker("create", "--workdir", "/__w", "-v", "/github", "--entrypoint", "tail", image, "-f", "/dev/null")
	if err != nil {
		return nil, nil, err
	}
	undo := func() {
		// What the step wrote lies in the pod; the hooks copy it back.
		for name, host := range e.files {
			_, _ = docker("cp", pod+":/github/file_commands/"+filepath.Base(host), e.files[name])
		}
		remove(ctx, pod)
	}
	for _, step := range [][]string{
		{"start", pod},
		{"cp", work + "/.", pod + ":/__w"},
		{"exec", pod, "mkdir", "-p", "/__w/repo/repo"},
		{"cp", e.workspace + "/.", pod + ":/__w/repo/repo"},
	} {
		if _, err := docker(step...); err != nil {
			remove(ctx, pod)
			return nil, nil, err
		}
	}
	return exec.CommandContext(ctx, "docker", "exec", pod, "sh", "-e", "/__w/_temp/step.sh"), undo, nil //nolint:gosec // the same
}
