package runnertest

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
)

// Annotation is what the runner hands to GitHub.
type Annotation struct {
	Level   string // error, warning, notice
	Message string // cut at 4,096 UTF-16 units
	// File is relative to the workspace where it lies inside.
	File       string
	Properties map[string]string // all of the command's, validated: line, endline, col, endcolumn, title
}

// Step is what a runner knows of one step: what its log looks like and what it did.
// Lines of two streams may be given side by side.
type Step struct {
	// Workspace on the runner's machine, and Mounts from there (keys) into the container.
	Workspace string
	Mounts    []Mount

	mu          sync.Mutex
	Commands    []Command    // those obeyed, in order
	Annotations []Annotation // those kept: at most 10 of a level
	Dropped     []Annotation // those beyond
	Log         []string     // as a person sees it, with masks applied
	Debug       []string     // what a person sees with debug logging only
	Outputs     map[string]string
	State       map[string]string
	Env         map[string]string
	Paths       []string
	Masks       []string
	Summary     string
	Artifacts   map[string]string // reference → digest
	Failed      []string          // why the runner failed the step whatever its exit code
	stop        string
	stopped     bool
	echo        bool
}

// Mount is a directory of the runner's machine inside the container.
type Mount struct{ Host, Container string }

// maxOfLevel and maxMessage are _maxCountPerIssueType and _maxIssueMessageLength of
// src/Runner.Worker/ExecutionContext.cs.
const (
	maxOfLevel = 10
	maxMessage = 4096
)

// registered are the commands of src/Runner.Worker/ActionCommandManager.cs that an
// action may use; internal-set-repo-path is for plugins of the runner itself.
var registered = []string{
	"stop-commands", "set-env", "set-output", "save-state", "add-mask", "add-path", "add-matcher", "remove-matcher",
	"debug", "warning", "error", "notice", "group", "endgroup", "echo",
}

func (s *Step) registered(name string) bool {
	return slices.Contains(registered, name) || s.stopped && name == strings.ToLower(s.stop)
}

// IsCommand says that the runner would obey a line.
func IsCommand(line string) bool {
	_, ok := Parse(line, (&Step{}).registered)
	return ok
}

// Stream gives all that a process wrote to one descriptor: it is decoded and cut into
// lines as .NET's StreamReader does, at LF, CR and CRLF (src/Runner.Sdk/ProcessInvoker.cs).
func (s *Step) Stream(b []byte) {
	for _, line := range Lines(b) {
		s.Line(line)
	}
}

// Lines decodes and cuts what a process wrote.
func Lines(b []byte) []string {
	text := strings.TrimPrefix(strings.ToValidUTF8(string(b), "\ufffd"), "\ufeff")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// Line gives one line (OnDataReceived of src/Runner.Worker/Handlers/OutputManager.cs).
// Problem matchers, which other actions may have added to the job, are left out.
func (s *Step) Line(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := Parse(line, s.registered); ok && s.process(line, c) {
		return
	}
	line = strings.NewReplacer("##[start-action", `##[\start-action`, "##[end-action", `##[\end-action`).Replace(line)
	s.output(line)
}

func (s *Step) output(line string) { s.Log = append(s.Log, Mask(line, s.Masks)) }

func (s *Step) fail(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	s.Failed = append(s.Failed, message)
	s.issue(Annotation{Level: "error", Message: message})
}

// process is the rest of TryProcessCommand. False: the line is printed.
func (s *Step) process(line string, c Command) bool {
	name := strings.ToLower(c.Name)
	if s.stopped {
		if name != strings.ToLower(s.stop) {
			return false
		}
		s.output(line)
		s.stopped, s.stop = false, ""
		return true
	}
	s.Commands = append(s.Commands, c)
	if s.echo && slices.Contains([]string{"set-env", "set-output", "save-state", "add-path", "add-matcher", "remove-matcher", "group", "endgroup", "echo"}, name) {
		s.output(line)
	}
	switch name {
	case "stop-commands":
		s.stopCommands(line, c.Data)
	case "set-env", "add-path":
		s.fail("Unable to process command '%s' successfully: it is disabled", line)
	case "set-output":
		s.pair(&s.Outputs, line, c)
	case "save-state":
		s.pair(&s.State, line, c)
	case "add-mask":
		s.addMask(c.Data)
	case "debug":
		s.Debug = append(s.Debug, Mask(c.Data, s.Masks))
	case "warning", "error", "notice":
		s.annotate(name, c)
	case "group":
		s.output("##[group]" + c.Data)
	case "endgroup":
		s.output("##[endgroup]")
	case "echo":
		switch strings.ToUpper(strings.TrimSpace(c.Data)) {
		case "ON":
			s.echo = true
		case "OFF":
			s.echo = false
		default:
			s.fail("Invalid echo command value. Possible values can be: 'on', 'off'. Current value is: '%s'.", c.Data)
		}
	}
	return true
}

func (s *Step) stopCommands(line, token string) {
	if token == "" || strings.EqualFold(token, "pause-logging") || slices.Contains(registered, strings.ToLower(token)) {
		s.fail("Unable to process command 'stop-commands' successfully: the token %q is not allowed", token)
		return
	}
	s.stop, s.stopped = token, true
	if len(token) > 6 {
		s.Masks = append(s.Masks, token)
	}
	s.output(line)
}

func (s *Step) pair(to *map[string]string, line string, c Command) {
	key := c.Properties["name"]
	if key == "" {
		s.fail("Unable to process command '%s' successfully: required field 'name' is missing", line)
		return
	}
	if *to == nil {
		*to = map[string]string{}
	}
	(*to)[key] = c.Data
}

// addMask is AddMaskCommandExtension. The runner masks encodings of the value too
// (base64, JSON), which is left out.
func (s *Step) addMask(value string) {
	if strings.TrimSpace(value) == "" {
		s.issue(Annotation{Level: "warning", Message: "Can't add secret mask for empty string in ##[add-mask] command."})
		return
	}
	s.Masks = append(s.Masks, value)
	for _, line := range strings.FieldsFunc(value, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if line = strings.TrimSpace(line); line != "" {
			s.Masks = append(s.Masks, line)
		}
	}
}

// Mask hides values as src/Sdk/DTLogging/Logging/SecretMasker.cs does: places that
// overlap or touch become one "***".
func Mask(text string, values []string) string {
	type span struct{ from, to int }
	var spans []span
	for _, v := range values {
		if v == "" {
			continue
		}
		for at := 0; at < len(text); at++ {
			i := strings.Index(text[at:], v)
			if i < 0 {
				break
			}
			at += i
			spans = append(spans, span{at, at + len(v)})
		}
	}
	if len(spans) == 0 {
		return text
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for i := 0; i < len(spans); {
		from, to := spans[i].from, spans[i].to
		for i++; i < len(spans) && spans[i].from <= to; i++ {
			to = max(to, spans[i].to)
		}
		b.WriteString(text[done:from] + "***")
		done = to
	}
	return b.String() + text[done:]
}

// annotate is IssueCommandExtension.
func (s *Step) annotate(level string, c Command) {
	ValidateLinesAndColumns(c.Properties)
	a := Annotation{Level: level, Message: c.Data, Properties: c.Properties}
	if file := c.Properties["file"]; file != "" {
		a.File = makeRelative(s.toHost(file), s.Workspace)
	}
	s.issue(a)
}

// issue is AddIssue of src/Runner.Worker/ExecutionContext.cs.
func (s *Step) issue(a Annotation) {
	a.Message = Mask(a.Message, s.Masks)
	if units := utf16.Encode([]rune(a.Message)); len(units) > maxMessage {
		a.Message = text(units[:maxMessage])
	}
	count := 0
	for _, other := range s.Annotations {
		if other.Level == a.Level {
			count++
		}
	}
	if count < maxOfLevel {
		s.Annotations = append(s.Annotations, a)
	} else {
		s.Dropped = append(s.Dropped, a)
	}
	if a.Message != "" {
		s.output("##[" + a.Level + "]" + a.Message)
	}
}

// ValidateLinesAndColumns removes and completes what does not fit together, as the
// method of that name of src/Runner.Worker/ActionCommandManager.cs does.
func ValidateLinesAndColumns(p map[string]string) {
	line, hasLine := number(p["line"])
	endLine, hasEndLine := number(p["endline"])
	column, hasColumn := number(p["col"])
	endColumn, hasEndColumn := number(p["endcolumn"])
	lines := [2]string{p["line"], p["endline"]}
	columns := hasColumn || hasEndColumn
	if hasEndLine && !hasLine {
		p["line"], lines[0], hasLine = lines[1], lines[1], true
	}
	if hasEndColumn && !hasColumn {
		p["col"], hasColumn = p["endcolumn"], true
	}
	if columns && (!hasLine || hasEndLine && lines[0] != lines[1]) {
		delete(p, "col")
		delete(p, "endcolumn")
	}
	if hasLine && hasEndLine && endLine < line {
		delete(p, "line")
		delete(p, "endline")
	}
	if hasColumn && hasEndColumn && endColumn < column {
		delete(p, "col")
		delete(p, "endcolumn")
	}
}

func number(s string) (int, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	return int(n), err == nil
}

// toHost and toContainer are TranslateToHostPath and TranslateToContainerPath of
// src/Runner.Worker/Container/ContainerInfo.cs.
func (s *Step) toHost(name string) string {
	for _, m := range s.Mounts {
		if rest, ok := below(name, m.Container); ok {
			return m.Host + rest
		}
	}
	return name
}

func toContainer(value string, mounts []Mount) string {
	for _, m := range mounts {
		if rest, ok := below(value, m.Host); ok {
			return m.Container + rest
		}
	}
	return value
}

func below(name, directory string) (string, bool) {
	rest, ok := strings.CutPrefix(name, directory)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// makeRelative is IOUtil.MakeRelative: it looks at the text only.
func makeRelative(name, folder string) string {
	if rest, ok := below(name, strings.TrimSuffix(folder, "/")); ok && folder != "" {
		return strings.TrimPrefix(rest, "/")
	}
	return path.Clean(name)
}
