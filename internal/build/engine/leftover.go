package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// ending is the end of a container.
type ending struct {
	done chan struct{}
	code int64 // once done is closed
	err  error // why the engine could not say the code
}

// await waits for the end of a container from now on, and until it is removed.
func (e *Engine) await(ctx context.Context, id string) *ending {
	end := &ending{done: make(chan struct{})}
	go func() {
		defer close(end.done)
		waited := e.api.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionRemoved})
		select {
		case result := <-waited.Result:
			end.code = result.StatusCode
		case end.err = <-waited.Error:
		case <-ctx.Done():
			end.err = ctx.Err()
		}
	}()
	return end
}

// discard removes a container by force and waits until the engine says that it is
// gone; when ctx has ended, within three seconds.
func (e *Engine) discard(ctx context.Context, id string) error {
	ctx, cancel := e.tidy(ctx)
	defer cancel()
	for {
		_, err := e.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case cerrdefs.IsNotFound(err):
			return nil
		case err != nil && !cerrdefs.IsConflict(err): // conflict: it is being removed already
			return fmt.Errorf("removing the sibling container: %w", err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("removing the sibling container %.12s: %w", id, context.Cause(ctx))
		}
	}
}

// youngest is the age below which a container that does not run may be between its
// creation and its start.
const youngest = 2 * time.Minute

// Sweep removes what earlier runs left behind because they were killed: siblings
// that never started or whose owner is gone, and images that were to be saved.
func (e *Engine) Sweep(ctx context.Context) error {
	ctx, cancel := e.short(ctx)
	defer cancel()
	found, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelSibling)})
	if err != nil {
		return fmt.Errorf("looking for siblings that were left behind: %w", err)
	}
	var failed error
	for _, c := range found.Items {
		abandoned := c.State != container.StateRunning && time.Since(time.Unix(c.Created, 0)) > youngest
		if owner := c.Labels[labelOwner]; !abandoned && c.State == container.StateRunning && owner != "" {
			_, err := e.api.ContainerInspect(ctx, owner, client.ContainerInspectOptions{})
			abandoned = cerrdefs.IsNotFound(err)
		}
		if abandoned {
			failed = errors.Join(failed, e.discard(ctx, c.ID))
		}
	}
	return errors.Join(failed, e.sweepImages(ctx))
}

// Bounds on what is kept of a sibling's standard error.
const (
	maxLine = 4096 // bytes
	maxLast = 20   // lines
)

// lines cuts a stream into lines, tells them, and keeps the last.
type lines struct {
	tell    func(string)
	mu      sync.Mutex
	partial []byte
	kept    []string
}

// Write takes a piece of the stream, which ends anywhere. It never fails.
func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range data {
		if b != '\n' {
			l.partial = append(l.partial, b)
		}
		if b == '\n' || len(l.partial) == maxLine {
			l.line()
		}
	}
	return len(data), nil
}

func (l *lines) line() {
	text := string(l.partial)
	l.partial = l.partial[:0]
	l.kept = append(l.kept, text)
	l.kept = l.kept[max(len(l.kept)-maxLast, 0):]
	if l.tell != nil {
		l.tell(text)
	}
}

// last is the kept lines and what came after them.
func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.kept
	if len(l.partial) > 0 {
		all = append(slices.Clip(all), string(l.partial))
	}
	return strings.Join(all, "\n")
}
