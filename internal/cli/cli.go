// Package cli is the program: arguments, environment and streams in, an exit code
// out. There is one file per command.
//
// The rules of what is printed: results go to standard output, everything else
// to standard error. Errors are one line that begins with "plimsoll: ", lower
// case, without a full stop, and say what to do. Progress is a live display on a
// terminal and plain lines elsewhere.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// Exit codes (docs/cli.md).
const (
	ExitPass          = 0
	ExitFail          = 1
	ExitUsage         = 2
	ExitIndeterminate = 3
	ExitSignal        = 130
)

// command is one verb.
type command struct {
	name    string
	operand string // as it stands in the usage line
	short   string
	example string
	needs   func(Deps) bool // nil: always there
	run     func(context.Context, *environment, *config.Config, []string) (int, error)
}

// commands lists what this program can do.
func commands(deps Deps) []command {
	return slices.DeleteFunc(allCommands(), func(c command) bool { return c.needs != nil && !c.needs(deps) })
}

func allCommands() []command {
	return []command{
		{name: "gate", operand: "[PATH]", short: "look, decide, act, tell", example: "plimsoll gate --tags=ghcr.io/acme/app:1.2.0 .", needs: Deps.full, run: runGate},
		{name: "lint", operand: "[PATH...]", short: "Dockerfiles, Compose files, Kubernetes manifests, workflows, scripts", example: "plimsoll lint deploy Dockerfile", run: runLint},
		{name: "build", operand: "[PATH]", short: "an image into an OCI layout, its digest on standard output", example: "plimsoll build --output=image .", needs: Deps.builds, run: runBuild},
		{name: "scan", operand: "IMAGE", short: "vulnerabilities and secrets of a registry reference, OCI layout or docker archive", example: "plimsoll scan alpine:3.20", needs: Deps.full, run: runScan},
		{name: "verify", operand: "IMAGE", short: "the signatures of an image against a public key", example: "plimsoll verify --verification-key=cosign.pub ghcr.io/acme/app:1.2.0", needs: Deps.full, run: runVerify},
		{name: "promote", operand: "SRC DST...", short: "a signed image with its evidence to where it will run, the tags last", example: "plimsoll promote --verification-key=cosign.pub --mutable-tags=production ghcr.io/acme/app@sha256:… ghcr.io/acme/live:production", needs: Deps.full, run: runPromote},
		{name: "report", operand: "FILE", short: "a saved report.json as text, markdown or json", example: "plimsoll report --format=markdown report.json", run: runReport},
		{name: "explain", operand: "[RULE]", short: "a rule's page; all rules without one", example: "plimsoll explain USR-1.a", run: runExplain},
		{name: "version", short: "the version, and what it was built from", example: "plimsoll version", run: runVersion},
	}
}

// Run is the program. It returns the exit code and never calls os.Exit.
func Run(ctx context.Context, args []string, host Host, deps Deps) int {
	env := newEnvironment(host, deps)
	if len(args) == 0 && env.runner != nil {
		args = []string{fromAction(env.getenv)}
	}
	if len(args) == 0 {
		fmt.Fprint(env.stderr, usage(deps))
		return ExitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case build.ServeCommand:
		return env.serve(ctx, host)
	case "help", "-h", "--help", "-help":
		return help(env, rest)
	case "--version", "-version":
		name = "version"
	}
	all := commands(deps)
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return env.fail(unknownCommand(name))
	}
	code, err := env.guarded(ctx, all[i], rest)
	switch {
	case ctx.Err() != nil && (err != nil || code != ExitPass):
		fmt.Fprintln(env.stderr, "plimsoll: stopped by a signal; no tag was moved after it")
		return ExitSignal
	case err != nil:
		return env.fail(err)
	default:
		return code
	}
}

// guarded makes a panic of a command an error: Go's own end would be exit 2, which
// says that the call was wrong.
func (env *environment) guarded(ctx context.Context, c command, args []string) (code int, err error) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(env.stderr, "%s\n", debug.Stack())
			code, err = ExitIndeterminate, fmt.Errorf("the command panicked: %v; this is a bug of plimsoll, please report it", p)
		}
	}()
	return env.invoke(ctx, c, args)
}

func (env *environment) invoke(ctx context.Context, c command, args []string) (int, error) {
	if err := env.happened(); err != nil {
		return ExitUsage, err
	}
	var err error
	if env.scratch, err = os.MkdirTemp("", "plimsoll-*"); err != nil {
		return ExitIndeterminate, fmt.Errorf("making a temporary directory: %w", err)
	}
	defer os.RemoveAll(env.scratch)
	cfg, operands, err := env.load(ctx, c.name, args)
	if errors.Is(err, config.ErrHelp) {
		fmt.Fprint(env.stdout, usageOf(c))
		return ExitPass, nil
	}
	if err != nil {
		return ExitUsage, err
	}
	if env.getenv("RUNNER_DEBUG") == "1" {
		cfg.Debug = true
	}
	env.mask(cfg)
	if err := env.book.open(cfg); err != nil {
		return ExitUsage, err
	}
	if env.runner != nil && len(operands) == 0 {
		if operands, err = operandsFromAction(c.name, cfg); err != nil {
			return ExitUsage, err
		}
	}
	return c.run(ctx, env, cfg, operands)
}

// fail prints an error the one way errors are printed and says how it ends.
func (env *environment) fail(err error) int {
	fmt.Fprintf(env.stderr, "plimsoll: %s\n", printableError(err))
	if _, ok := errors.AsType[*config.UsageError](err); ok {
		return ExitUsage
	}
	return ExitIndeterminate
}

func unknownCommand(name string) error {
	err := fmt.Errorf("%q is not a command; plimsoll help lists them", name)
	if slices.ContainsFunc(allCommands(), func(c command) bool { return c.name == name }) {
		err = fmt.Errorf("%q needs the full program; this is the lite one, which lints, explains and re-renders reports", name)
	}
	return &config.UsageError{Where: "command line", Err: err}
}

func help(env *environment, args []string) int {
	if len(args) > 0 {
		for _, c := range commands(env.deps) {
			if c.name == args[0] {
				fmt.Fprint(env.stdout, usageOf(c))
				return ExitPass
			}
		}
		return env.fail(unknownCommand(args[0]))
	}
	fmt.Fprint(env.stdout, usage(env.deps))
	return ExitPass
}

func usage(deps Deps) string {
	var b strings.Builder
	b.WriteString("Plimsoll decides whether a container may leave port.\n\nusage: plimsoll COMMAND [FLAGS] [OPERANDS]\n\n")
	for _, c := range commands(deps) {
		fmt.Fprintf(&b, "  %-20s %s\n", strings.TrimSpace(c.name+" "+c.operand), c.short)
	}
	b.WriteString("\nplimsoll help COMMAND lists its flags. Exit: 0 pass, 1 fail, 2 usage, 3 indeterminate\nor an act that failed, 130 stopped by a signal.\n")
	if deps.full() {
		b.WriteString("\nexample: plimsoll gate .\n")
	} else {
		b.WriteString("\nexample: plimsoll lint .\n")
	}
	return b.String()
}

func usageOf(c command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nusage: plimsoll %s\n\nexample: %s\n", c.short, strings.TrimSpace(c.name+" [FLAGS] "+c.operand), c.example)
	group := ""
	for _, s := range config.Settings() {
		if !s.Takes(c.name) || s.InputOnly || s.FileOnly {
			continue
		}
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		fmt.Fprintf(&b, "  --%-22s %s%s\n", s.Name, s.Usage, defaultOf(s))
	}
	return b.String()
}

func defaultOf(s config.Setting) string {
	switch {
	case len(s.Allowed) > 0 && s.Default != "":
		return fmt.Sprintf(" (%s; default %s)", strings.Join(s.Allowed, ", "), s.Default)
	case s.Default != "" && s.Default != "false":
		return fmt.Sprintf(" (default %s)", s.Default)
	default:
		return ""
	}
}
