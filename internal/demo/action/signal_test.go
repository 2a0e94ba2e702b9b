package action

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// sleeping is a repository whose build takes its time.
func sleeping(seconds string) map[string]string {
	return map[string]string{"Dockerfile": "FROM HOST/alpine:3.11 AS build\nRUN mkdir /out && echo " + rand.Text() + " && sleep " + seconds + `
FROM scratch
COPY --from=build /out /
USER 65532:65532
`}
}

// started is a step that runs, and its container.
type started struct {
	container string
	ended     chan step
	stop      context.CancelFunc // as a runner does whose job is cancelled
}

// start starts a step and waits until its build runs.
func (d *dock) start(t *testing.T, workspace map[string]string, o runnertest.Options) started {
	t.Helper()
	label := "plimsoll-test=" + rand.Text()
	if o.Start == nil {
		o.Start = runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket, Extra: []string{"--label", label}}
	}
	ctx, stop := context.WithCancel(t.Context())
	s := started{ended: make(chan step, 1), stop: stop}
	t.Cleanup(stop)
	go func() {
		defer close(s.ended)
		s.ended <- d.runIn(ctx, t, workspace, o)
	}()
	eventually(t, "the step has a container", func() bool {
		s.container, _ = docker("ps", "--quiet", "--no-trunc", "--filter", "label="+label)
		return s.container != ""
	})
	eventually(t, "its sibling runs", func() bool { return d.siblingOf(t, s.container) != "" })
	// Give the build time to come to its RUN; nothing depends on it.
	time.Sleep(2 * time.Second)
	return s
}

// siblingOf is the container that another one started, "" when there is none.
func (d *dock) siblingOf(t *testing.T, owner string) string {
	t.Helper()
	out, err := docker("ps", "--all", "--quiet", "--filter", "label=ci.plimsoll.owner="+owner)
	check(t, err)
	return out
}

// eventually waits until something is so, and says how long it took.
func eventually(t *testing.T, what string, so func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < time.Minute {
		if so() {
			return time.Since(began).Round(10 * time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("not within a minute: %s", what)
	return 0
}

// However a job ends, no sibling stays, and nothing is published.
func TestKilledJobs(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	for name, test := range map[string]struct {
		kill func(started) error
		code int
		says string
	}{
		"cancelled":  {func(s started) error { s.stop(); return nil }, 130, "stopped by a signal"},
		"terminated": {func(s started) error { _, err := docker("kill", "--signal=TERM", s.container); return err }, 130, "stopped by a signal"},
		"killed":     {func(s started) error { _, err := docker("kill", "--signal=KILL", s.container); return err }, 137, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repository := "killed/" + name
			running := d.start(t, sleeping("100"), push(t, d.host+"/"+repository+":1"))
			check(t, test.kill(running))
			began := time.Now()
			s := <-running.ended
			s.exits(test.code)
			s.says(test.says)
			ended := time.Since(began).Round(10 * time.Millisecond)
			gone := eventually(t, "the sibling is gone", func() bool { return d.siblingOf(t, running.container) == "" })
			t.Logf("the step ended after %s, its sibling was gone %s later", ended, gone)
			if writes := d.written(repository); len(writes) > 0 {
				t.Errorf("the registry saw %v", writes)
			}
		})
	}
}

// A raw write to the descriptors of our process goes the same way as our own words.
func TestRawWrites(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	running := d.start(t, sleeping("5"), runnertest.Options{})
	_, err := docker("exec", running.container, "sh", "-c", `printf '%s\n' '::error::forged' 'x ##[add-mask]pass' >/proc/1/fd/2; printf '%s\n' '::add-mask::pass' >/proc/1/fd/1`)
	check(t, err)
	s := <-running.ended
	s.exits(0)
	s.forged()
	if !strings.Contains(s.Text(), "add-mask") {
		t.Errorf("what was written is not in the log:\n%s", s.Text())
	}
}
