package workflow

import (
	"regexp"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Step is one step of a job.
type Step struct {
	Job  *Job
	Root yaml.Node
	At   finding.Location
	// Uses is the action that the step is, the zero Uses when it runs a script.
	Uses Uses
	// Script is what a shell runs, or the command that an action for kubectl runs; nil
	// when the step runs none or one of another language.
	Script *script.Script
	// Remote is what an action runs by ssh on another machine, nil for most.
	Remote *script.Script

	scripts []*script.Script
}

// Uses is a reference to an action or workflow.
type Uses struct {
	Text string
	At   finding.Location
	// Local says that it lies in the same repository, Image that it is an image.
	Local, Image bool
	// Owner, Repository, Path and Ref are the parts of "owner/repository/path@ref".
	Owner, Repository, Path, Ref string
	// Version is the comment behind the reference, "v1.2.3" as bots write it.
	Version string
}

// Name is the action without its version: "actions/checkout".
func (u Uses) Name() string {
	if u.Owner == "" {
		return u.Text
	}
	return u.Owner + "/" + u.Repository
}

// Exists says that something is used.
func (u Uses) Exists() bool { return u.Text != "" }

// Is says whether it is one of the actions, whatever its version and the case of
// its letters, as for GitHub.
func (u Uses) Is(names ...string) bool {
	for _, name := range names {
		if strings.EqualFold(u.Name(), name) {
			return true
		}
	}
	return false
}

var sha = regexp.MustCompile(`^[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?$`)

// Pinned says that the reference names one commit for ever.
func (u Uses) Pinned() bool { return sha.MatchString(u.Ref) }

var versionComment = regexp.MustCompile(`^\s*["']?\s*#\s*(?:[a-z]+[:=@ ]\s*)?(v?[0-9][0-9A-Za-z.+-]*)`)

func parseUses(n yaml.Node) Uses {
	u := Uses{Text: n.Text(), At: n.At()}
	if line, ok := n.Source().Line(u.At.EndLine); ok {
		if end := n.Source().Offset(u.At.EndLine, u.At.EndColumn) - n.Source().LineStart(u.At.EndLine); end <= len(line) {
			if m := versionComment.FindStringSubmatch(line[end:]); m != nil {
				u.Version = m[1]
			}
		}
	}
	switch {
	case strings.HasPrefix(u.Text, "./"):
		u.Local = true
		return u
	case strings.HasPrefix(u.Text, "docker://"):
		u.Image = true
		return u
	}
	name, ref, _ := strings.Cut(u.Text, "@")
	parts := strings.SplitN(name, "/", 3)
	if len(parts) < 2 {
		return u
	}
	u.Owner, u.Repository, u.Ref = parts[0], parts[1], ref
	if len(parts) == 3 {
		u.Path = parts[2]
	}
	return u
}

func (j *Job) steps(list yaml.Node) {
	for _, item := range list.Items() {
		if !item.IsMap() {
			continue
		}
		s := &Step{Job: j, Root: item, At: item.At()}
		if uses := item.Get("uses"); uses.IsScalar() {
			s.Uses = parseUses(uses)
			s.remote()
			if args := item.Get("with").Get("args"); s.Uses.Repository == "kubectl" && args.IsScalar() {
				s.Script = s.command("kubectl ", args)
			}
		}
		if run := item.Get("run"); run.IsScalar() && j.shell(item) {
			s.Script = s.read(run)
		}
		j.Steps = append(j.Steps, s)
	}
}

// remote reads the script of the actions that bring one to another machine.
func (s *Step) remote() {
	for _, name := range []string{"appleboy/ssh-action", "fifsky/ssh-action", "garygrossgarten/github-action-ssh", "D3rHase/ssh-command-action"} {
		if !s.Uses.Is(name) {
			continue
		}
		for _, key := range []string{"script", "command"} {
			if text := s.Root.Get("with").Get(key); text.IsScalar() {
				s.Remote = s.read(text)
			}
		}
	}
}

// shell says whether the script of a step is one of the shells that are read here.
func (j *Job) shell(step yaml.Node) bool {
	shell := step.Get("shell").Text()
	for _, root := range []yaml.Node{j.Root, j.File.Root} {
		if shell == "" {
			shell = root.Get("defaults").Get("run").Get("shell").Text()
		}
	}
	if shell != "" {
		return script.IsShell(strings.Fields(shell + " x")[0])
	}
	return !strings.Contains(strings.ToLower(j.Root.Get("runs-on").Text()), "windows") && !onWindows.MatchString(step.Get("if").Text())
}

var onWindows = regexp.MustCompile(`(?i)runner\.os\s*==\s*'windows'|\bmatrix\.[a-z_-]+,\s*'windows|matrix\.[a-z_-]+\s*==\s*'windows`)

// read reads the script in a scalar.
func (s *Step) read(n yaml.Node) *script.Script {
	n = n.Resolved()
	text := masked(n.Text())
	var from []int
	if len(text) <= script.MaxSize {
		from = n.Offsets()
	}
	var read *script.Script
	if len(from) == len(text) && len(from) > 0 {
		read = script.Read(n.Source(), text, from)
	} else {
		read = script.ReadAt(n.Source(), text, n.At())
	}
	s.scripts = append(s.scripts, read)
	return read
}

// command reads the arguments of a program in a scalar.
func (s *Step) command(program string, n yaml.Node) *script.Script {
	n = n.Resolved()
	read := script.ReadAt(n.Source(), program+masked(n.Text()), n.At())
	s.scripts = append(s.scripts, read)
	return read
}

// masked puts a variable that nobody knows, of the same length, in the place of each
// expression: GitHub replaces it before a shell sees the text.
func masked(text string) string {
	var b strings.Builder
	last := 0
	for _, e := range expressions(text) {
		b.WriteString(text[last:e.start] + "${" + strings.Repeat("_", e.end-e.start-3) + "}")
		last = e.end
	}
	return b.String() + text[last:]
}

// Name is what people call the step: its name, id or action.
func (s *Step) Name() string {
	for _, name := range []string{s.Root.Get("name").Text(), s.Root.Get("id").Text(), s.Uses.Text} {
		if name != "" {
			return name
		}
	}
	return ""
}
