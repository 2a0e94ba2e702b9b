package cli

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/event"
	"github.com/plimsoll-ci/plimsoll/internal/policy"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions"
	"github.com/plimsoll-ci/plimsoll/internal/report/github"
)

// Host is what the program runs on.
type Host struct {
	Getenv config.Getenv
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Log is set in a container action only: it is what standard output and standard
	// error were redirected into before anything else ran.
	Log *actions.Log
}

// environment is what a command may touch.
type environment struct {
	getenv config.Getenv
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	deps   Deps
	runner *actions.Runner // nil outside of a container action
	event  event.Event
	rules  policy.Rules
	asked  *github.Client // made when it is first needed
	// scratch is a directory that goes when the command ends.
	scratch string
	former  *former  // nil when there is no commit to compare with
	hidden  []string // what nothing may tell
	book    rulebook
}

func newEnvironment(h Host, deps Deps) *environment {
	env := &environment{getenv: h.Getenv, stdin: h.Stdin, stdout: h.Stdout, stderr: h.Stderr, deps: deps}
	switch {
	case h.Log != nil:
		env.runner = actions.New(h.Getenv, h.Log)
		env.stdout, env.stderr = h.Log.Text(), h.Log.Text()
	case actions.InActions(h.Getenv):
		// A script of a workflow: what goes to standard output may be data for the next
		// program, and what goes to standard error is read by people and the runner.
		env.stderr = actions.NewSanitiser(h.Stderr)
	}
	return env
}

// happened reads what set the run off. In a container action that must be known,
// because it decides what may be done; a script of a workflow is like a laptop.
func (env *environment) happened() error {
	if env.runner == nil {
		env.rules = policy.For(event.Event{})
		return nil
	}
	e, err := event.Read(env.getenv, func(name string) (io.ReadCloser, error) { return os.Open(name) })
	if err != nil {
		return &config.UsageError{Where: "the event of this run", Err: err}
	}
	env.event, env.rules = e, policy.For(e)
	return nil
}

// fromAction is the command that an action without arguments runs, and its operands.
func fromAction(getenv config.Getenv) string { return cmp.Or(getenv("INPUT_COMMAND"), "gate") }

// operandsFromAction are what a person would have typed behind the command.
func operandsFromAction(command string, cfg *config.Config) ([]string, error) {
	switch command {
	case "scan", "verify":
		named := cmp.Or(cfg.Input, cfg.ImageRef)
		if named == "" {
			return nil, &config.UsageError{Where: "input image-ref", Err: fmt.Errorf("%s needs an image; name one", command)}
		}
		return []string{named}, nil
	default: // the context, or what each input names
		return nil, nil
	}
}

// mask hides what the settings hold that the runner does not know to be secret. It
// comes before anything is said about them.
func (env *environment) mask(cfg *config.Config) {
	unmasked := env.conceal(env.secretTexts(cfg)...)
	for _, a := range cfg.RegistryAuths {
		if a.Password != "" {
			env.hidden = append(env.hidden, base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Password)))
		}
	}
	if env.runner == nil {
		return
	}
	for _, variable := range []string{"ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"} {
		if token := env.getenv(variable); token != "" {
			env.hidden = append(env.hidden, token) // the runner masks its own
		}
	}
	for _, a := range cfg.RegistryAuths {
		unmasked += env.runner.MaskLogin(a.Username, a.Password)
	}
	if unmasked > 0 {
		fmt.Fprintln(env.stderr, "plimsoll: a secret that is shorter than 6 characters, or an everyday word, cannot be masked in the log")
	}
}

// reportTime bounds telling: rule of the way, "Report runs on a fresh context".
const reportTime = 30 * time.Second

// telling is the context of what is told after the verdict, which must be told
// although the run's own time may be over. A signal leaves it the time to end what it
// is at: a comment that was posted and not heard of would be posted again.
func telling(run context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(context.WithoutCancel(run))
	ctx, cancel := context.WithTimeoutCause(ctx, reportTime, errors.New("GitHub took longer than 30 s"))
	stop := context.AfterFunc(run, func() {
		time.AfterFunc(grace, func() { end(errors.New("stopped by a signal")) })
	})
	return ctx, func() { stop(); cancel(); end(nil) }
}
