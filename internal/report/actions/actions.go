// Package actions speaks the protocol of GitHub's runner: commands in the log,
// files for outputs and the job summary, and a log through which nothing foreign
// reaches the runner raw. The facts are those of actions/runner v2.336.0; package
// runnertest holds the runner's side of them.
package actions

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sethvargo/go-githubactions"
)

// InActions says that a runner of GitHub Actions started this process, as a
// container action or in a script of a workflow.
func InActions(getenv func(string) string) bool { return getenv("GITHUB_ACTIONS") == "true" }

// AsAction says that this process is the container action itself: what it prints is
// read by the runner and by nobody else. In a script (`run: plimsoll … > file`)
// standard output may be data, which must stay as it is. A container action finds its
// workspace at /github/workspace (src/Runner.Worker/Handlers/ContainerActionHandler.cs)
// and gets the defaults of action.yml as INPUT_ variables.
func AsAction(getenv func(string) string) bool {
	return InActions(getenv) && (getenv("GITHUB_WORKSPACE") == "/github/workspace" || getenv("INPUT_COMMAND") != "")
}

// Runner tells GitHub's runner what to do. Only what a Runner writes is a command.
// Safe for concurrent use.
type Runner struct {
	getenv func(string) string
	log    *Log
	action *githubactions.Action
}

// New returns a Runner that writes to log and finds the files of the step by getenv.
func New(getenv func(string) string, log *Log) *Runner {
	return &Runner{
		getenv: getenv, log: log,
		action: githubactions.New(githubactions.WithGetenv(getenv), githubactions.WithWriter(commands{log})),
	}
}

// Log returns where r writes, for text.
func (r *Runner) Log() *Log { return r.log }

// commands never fails: the protocol library would panic.
type commands struct{ log *Log }

func (c commands) Write(p []byte) (int, error) {
	c.log.command(p)
	return len(p), nil
}

// Group begins a part of the log that people unfold, titled title. Groups do not nest:
// the next one ends it, as EndGroup does.
func (r *Runner) Group(title string) { r.action.Group(oneLine(title)) }

// EndGroup ends the group.
func (r *Runner) EndGroup() { r.action.EndGroup() }

// Debug writes a line that people see when they ask for debug logs.
func (r *Runner) Debug(text string) { r.action.Debugf("%s", oneLine(text)) }

// shortest is the length in code points from which a value is masked, shortestLine
// that of a line of a secret of many lines: PEM has short and common ones.
const (
	shortest     = 6
	shortestLine = 16
)

// common reports words of logs and outputs that are no secrets wherever they came
// from. A masked word disappears from every later line of the job, and an output that
// holds one is not handed to other jobs.
func common(word string) bool {
	switch strings.ToLower(word) {
	case "passed", "failed", "indeterminate", "password", "secret", "github", "docker", "localhost", "plimsoll", "latest",
		"production", "sha256", "username", "x-access-token", "github-actions", "github-actions[bot]", "anonymous":
		return true
	}
	return false
}

// Mask makes the runner write "***" for values wherever the job prints them, and
// every Text of the log too. It is called before a value is used. Not masked, and
// counted in what is returned, is a value of under 6 code points and a word of every
// log ("password", "localhost"). Empty values are skipped. Of a value of several lines
// each line of at least 16 code points is masked by itself: given the whole, the
// runner would mask its short lines too (AddMaskCommandExtension).
func (r *Runner) Mask(values ...string) (unmasked int) {
	var secrets []string
	for _, value := range values {
		lines := slices.DeleteFunc(strings.FieldsFunc(value, isBreak), func(l string) bool { return strings.TrimSpace(l) == "" })
		least := shortest
		if len(lines) > 1 {
			least = shortestLine
		}
		kept := 0
		for _, l := range lines {
			l = strings.TrimSpace(l)
			if utf8.RuneCountInString(l) >= least && !common(l) {
				secrets = append(secrets, l)
				kept++
			}
		}
		if len(lines) > 0 && kept == 0 {
			unmasked++
		}
	}
	for _, s := range secrets {
		r.action.AddMask(s)
	}
	r.log.forget(secrets)
	return unmasked
}

func isBreak(c rune) bool { return c == '\n' || c == '\r' }

// MaskLogin masks a password and the form in which HTTP's basic authentication and
// Docker's configuration carry it with its user.
func (r *Runner) MaskLogin(user, password string) (unmasked int) {
	if password == "" {
		return 0
	}
	return r.Mask(password, basic(user, password))
}

// oneLine makes text the content of a command: one line that breaks nothing. A mark
// that would combine with the "::" before it gets a space to stand on, else the runner
// would not see the "::".
func oneLine(s string) string {
	s = Line(strings.Join(strings.FieldsFunc(s, isBreak), " "))
	if first, _ := utf8.DecodeRuneInString(s); unicode.Is(unicode.M, first) {
		s = " " + s
	}
	return s
}
