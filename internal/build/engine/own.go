package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// Own is the container that we run in, as the engine knows it.
type Own struct {
	ID    string
	Image string // id: sha256:…
	// Network is a user-defined network that it is on, or "none"; else empty. GitHub's
	// runner puts us on the network of a job's services.
	Network string
}

// Own finds the container we run in. Outside of one, or in one that another engine
// runs (a pod, say), it returns a *build.UnavailableError.
func (e *Engine) Own(ctx context.Context) (Own, error) {
	candidates, err := traces()
	if err != nil {
		return Own{}, err
	}
	for _, c := range candidates {
		own, err := e.own(ctx, c)
		if err != nil || own.ID != "" {
			return own, err
		}
	}
	cause := "plimsoll does not run in a container, so that there is no image of it to start"
	if len(candidates) > 0 {
		cause = "the engine does not know the container that plimsoll runs in, so that there is no image of it to start"
	}
	return Own{}, &build.UnavailableError{
		Door: build.DoorSibling, Cause: cause,
		WaysOut: []string{"run plimsoll's image with the engine's socket mounted: docker run -v /var/run/docker.sock:/var/run/docker.sock"},
	}
}

// own asks the engine about one candidate; a zero Own is one that is not us.
func (e *Engine) own(ctx context.Context, c candidate) (Own, error) {
	ctx, cancel := e.short(ctx)
	defer cancel()
	found, err := e.api.ContainerInspect(ctx, c.id, client.ContainerInspectOptions{})
	switch {
	case cerrdefs.IsNotFound(err), cerrdefs.IsInvalidArgument(err):
		return Own{}, nil
	case err != nil:
		return Own{}, fmt.Errorf("asking the engine about our own container: %w", err)
	}
	is := found.Container
	if !strings.HasPrefix(is.ID, c.id) || is.State == nil || !is.State.Running || is.Config == nil || is.Image == "" {
		return Own{}, nil
	}
	if c.hostname && is.Config.Hostname != c.id {
		return Own{}, nil
	}
	own := Own{ID: is.ID, Image: is.Image}
	if is.HostConfig != nil {
		own.Network = shared(is.HostConfig.NetworkMode)
	}
	return own, nil
}

// shared is the network that a sibling joins: one by name, so that RUN reaches the
// services of a job, or none where we have none. It never joins the host's, where
// its rights would count for more, nor our own namespace, which ends with us.
func shared(mode container.NetworkMode) string {
	if mode.IsUserDefined() || mode.IsNone() {
		return string(mode)
	}
	return ""
}

// candidate is what may be the id of our own container.
type candidate struct {
	id       string
	hostname bool // it is the host's name, which anybody can choose
}

// Where engines leave a container's id: the files they mount into it (Docker,
// Podman), and the name of its cgroup (version 1).
var (
	mountTrace  = regexp.MustCompile(`/(?:containers|overlay-containers)/([0-9a-f]{64})/\S* /etc/(?:hostname|hosts|resolv\.conf) `)
	cgroupTrace = regexp.MustCompile(`[/-]([0-9a-f]{64})(?:\.scope)?(?:/|$)`)
	shortID     = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

// maxTraces is how much of a file of /proc is read, in bytes.
const maxTraces = 1 << 20

// traces lists candidates, the surest first.
func traces() ([]candidate, error) {
	mounts, err := readTraces("/proc/self/mountinfo", mountTrace)
	if err != nil {
		return nil, err
	}
	groups, err := readTraces("/proc/self/cgroup", cgroupTrace)
	if err != nil {
		return nil, err
	}
	all := slices.Concat(mounts, groups)
	if name, err := os.Hostname(); err == nil && shortID.MatchString(name) {
		all = append(all, candidate{id: name, hostname: true})
	}
	var once []candidate
	for _, c := range all {
		if !slices.Contains(once, c) {
			once = append(once, c)
		}
	}
	return once, nil
}

func readTraces(path string, pattern *regexp.Regexp) ([]candidate, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // not on Linux
	}
	if err != nil {
		return nil, fmt.Errorf("looking for our own container: %w", err)
	}
	defer f.Close()
	return scanTraces(io.LimitReader(f, maxTraces), pattern)
}

func scanTraces(r io.Reader, pattern *regexp.Regexp) ([]candidate, error) {
	var all []candidate
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTraces)
	for lines.Scan() {
		for _, match := range pattern.FindAllStringSubmatch(lines.Text(), -1) {
			all = append(all, candidate{id: match[1]})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("looking for our own container: %w", err)
	}
	return all, nil
}
