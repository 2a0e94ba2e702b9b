package actions

import (
	"path"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Annotation is a remark that GitHub shows beside the line it is about.
type Annotation struct {
	Level string // error, warning or notice; anything else is a notice
	// Path of the file, relative to the workspace or inside of it. Empty, or outside:
	// the annotation belongs to no file.
	Path string
	// Line and Column count from 1; columns in code points. 0 is unknown. Columns are
	// told for one line only: the runner drops the others (ValidateLinesAndColumns).
	Line, EndLine, Column, EndColumn int
	Title                            string // cut to 255 bytes, the limit of a check run's annotation
	Message                          string // cut to 600 bytes; the runner cuts at 4,096 characters
}

// maxOfLevel is how many annotations of a level are told. The runner keeps the first
// 10 of a step (ExecutionContext.cs, _maxCountPerIssueType); the last is left for what
// must not be lost: the runner's own remark on an unknown input, our own fatal error,
// and the notice that says how many there are beyond.
const (
	maxOfLevel = 9
	maxTitle   = 255
	maxMessage = 600
)

// Annotate tells the first 9 of each level, in the order given, and how many there
// are beyond in one notice.
func (r *Runner) Annotate(list []Annotation) {
	told, left := map[string]int{}, map[string]int{}
	for _, a := range list {
		if level := levelOf(a); told[level] < maxOfLevel {
			told[level]++
			r.annotate(level, a)
		} else {
			left[level]++
		}
	}
	if len(left) > 0 {
		r.action.Noticef("%s", beyond(left))
	}
}

// Fatal is an annotation for which room is always left.
func (r *Runner) Fatal(title, message string) {
	r.annotate("error", Annotation{Title: title, Message: message})
}

func levelOf(a Annotation) string {
	switch a.Level {
	case "error", "warning":
		return a.Level
	default:
		return "notice"
	}
}

func beyond(left map[string]int) string {
	var parts []string
	for _, level := range []string{"error", "warning", "notice"} {
		if n := left[level]; n > 0 {
			parts = append(parts, printable.Count(n, "more "+level))
		}
	}
	return strings.Join(parts, ", ") + ": see the job summary"
}

func (r *Runner) annotate(level string, a Annotation) {
	fields := r.place(a)
	if title := oneLine(printable.Fold(a.Title, maxTitle)); title != "" {
		fields["title"] = title
	}
	at := r.action.WithFieldsMap(fields)
	message := oneLine(printable.Fold(a.Message, maxMessage))
	switch level {
	case "error":
		at.Errorf("%s", message)
	case "warning":
		at.Warningf("%s", message)
	default:
		at.Noticef("%s", message)
	}
}

// place says where an annotation stands, in the properties that the runner keeps.
func (r *Runner) place(a Annotation) map[string]string {
	fields := map[string]string{}
	file := r.relative(a.Path)
	if file == "" {
		return fields
	}
	fields["file"] = file
	if a.Line < 1 {
		return fields
	}
	fields["line"] = strconv.Itoa(a.Line)
	if a.EndLine > a.Line {
		fields["endLine"] = strconv.Itoa(a.EndLine)
		return fields
	}
	if a.Column > 0 {
		fields["col"] = strconv.Itoa(a.Column)
		if a.EndColumn >= a.Column {
			fields["endColumn"] = strconv.Itoa(a.EndColumn)
		}
	}
	return fields
}

// relative gives a path below the workspace, with slashes, or "". A name that does
// not print, or holds a break, is no name that GitHub could find: it is dropped too.
func (r *Runner) relative(name string) string {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if workspace := r.getenv("GITHUB_WORKSPACE"); path.IsAbs(name) {
		rest, ok := strings.CutPrefix(name, path.Clean(workspace)+"/")
		if workspace == "" || !ok {
			return ""
		}
		name = rest
	}
	if name == "." || name == ".." || strings.HasPrefix(name, "../") || oneLine(name) != name {
		return ""
	}
	return name
}
