package contents

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// shells are those whose command line and language are read here.
var shells = []string{"sh", "ash", "bash", "dash", "ksh", "mksh"}

// scriptBytes is how long a script is that is read.
const scriptBytes = 64 << 10

// shell says why a shell cannot run the file or the commands that it is given.
func (i *Image) shell(u User, shell layer.File, argv []string, depth int) string {
	words, login := argv[1:], false
	for len(words) > 0 && (strings.HasPrefix(words[0], "-") || strings.HasPrefix(words[0], "+")) {
		w := words[0]
		words = words[1:]
		if w == "--" {
			break
		}
		if strings.HasPrefix(w, "--") || len(w) < 2 || strings.Contains(w, "s") {
			return ""
		}
		login = login || strings.Contains(w, "l")
		if strings.HasSuffix(w, "o") && len(words) > 0 {
			words = words[1:]
		}
		if strings.Contains(w, "c") {
			if len(words) > 0 && strings.HasPrefix(words[0], "-") || len(words) == 0 || login {
				return "" // a login shell may set another PATH
			}
			return i.commands(u, shell, words[0], depth)
		}
	}
	if len(words) == 0 {
		return ""
	}
	if _, ok := i.LookPath(words[0]); ok && !strings.Contains(words[0], "/") {
		return ""
	}
	return i.file(u, words[0])
}

// commands says why one of the commands that a script runs for certain cannot start.
func (i *Image) commands(u User, shell layer.File, script string, depth int) string {
	for _, argv := range certain(script) {
		if path.Base(shell.Path) == "busybox" && slices.Contains(applets, argv[0]) {
			continue // some builds of busybox run them without looking for a file
		}
		if cause, bad := missing(i, u, argv, depth+1); bad {
			return cause
		}
	}
	return ""
}

// applets are those of busybox that health checks and entrypoints use.
var applets = []string{
	"awk", "base64", "basename", "cat", "chmod", "chown", "cp", "cut", "date", "df", "dirname", "du", "env", "expr", "find", "free", "grep", "egrep",
	"head", "hostname", "id", "install", "ip", "ls", "md5sum", "mkdir", "mkfifo", "mktemp", "mv", "nc", "netstat", "nohup", "nproc", "nslookup", "od", "pgrep",
	"pidof", "ping", "pkill", "printenv", "ps", "readlink", "realpath", "rm", "rmdir", "sed", "seq", "setsid", "sh", "sha256sum", "sleep", "sort", "stat",
	"stty", "su", "tail", "tar", "tee", "telnet", "timeout", "touch", "tr", "uname", "uniq", "wc", "wget", "which", "whoami", "xargs", "yes",
}

// builtins are what shells do themselves, of all of them together.
var builtins = []string{
	":", "[", "[[", "alias", "bg", "break", "builtin", "caller", "cd", "compgen", "complete", "compopt", "continue", "declare", "dirs", "disown", "echo",
	"enable", "export", "false", "fc", "fg", "getopts", "hash", "help", "history", "jobs", "kill", "let", "local", "logout", "mapfile", "popd", "print",
	"printf", "pushd", "pwd", "read", "readarray", "readonly", "set", "shift", "shopt", "suspend", "test", "times", "trap", "true", "type", "typeset",
	"ulimit", "umask", "unalias", "unset", "wait",
}

// tests are commands whose failure is an answer.
var tests = []string{"[", "[[", "test", "command", "type", "which", "hash", "false", "grep", "pgrep", "pidof"}

// certain lists the commands that a script runs whatever happens and whose
// absence makes it fail, as far as their words are written out. A script that
// cannot be read has none.
func certain(script string) [][]string {
	if len(script) > scriptBytes {
		return nil
	}
	file, err := parse(script)
	if err != nil {
		return nil
	}
	r := &runs{own: map[string]bool{}}
	r.all(file.Stmts)
	return r.commands
}

// parse reads a script. The text comes from outside: what the parser makes of it
// must not end the program.
func parse(script string) (file *syntax.File, err error) {
	defer func() {
		if recover() != nil {
			err = syntax.ParseError{}
		}
	}()
	return syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
}

// runs collects what a script runs.
type runs struct {
	commands [][]string
	own      map[string]bool // functions
	moved    bool            // the working directory is another
	done     bool            // what follows is not certain
}

func (r *runs) all(list []*syntax.Stmt) {
	for _, s := range list {
		if r.done {
			return
		}
		r.statement(s)
	}
}

func (r *runs) statement(s *syntax.Stmt) {
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		r.call(c)
	case *syntax.BinaryCmd:
		r.binary(c)
	case *syntax.Block:
		r.all(c.Stmts)
	case *syntax.Subshell:
		inner := &runs{own: r.own, moved: r.moved}
		inner.all(c.Stmts)
		r.commands = append(r.commands, inner.commands...)
	case *syntax.FuncDecl:
		r.own[c.Name.Value] = true
	case nil, *syntax.TestClause, *syntax.ArithmCmd, *syntax.LetClause:
	default:
		r.done = r.done || leaves(c)
	}
}

func (r *runs) binary(c *syntax.BinaryCmd) {
	switch c.Op {
	case syntax.OrStmt:
		if fails(c.Y) {
			r.statement(c.X)
		} else {
			r.done = r.done || leaves(c.X.Cmd) || leaves(c.Y.Cmd)
		}
	case syntax.AndStmt:
		r.statement(c.X)
		switch {
		case r.done:
		case asks(c.X):
			r.done = leaves(c.Y.Cmd)
		default:
			r.statement(c.Y)
		}
	default:
		for _, side := range []*syntax.Stmt{c.X, c.Y} {
			inner := &runs{own: r.own, moved: r.moved}
			inner.statement(side)
			r.commands = append(r.commands, inner.commands...)
		}
	}
}

func (r *runs) call(c *syntax.CallExpr) {
	for _, a := range c.Assigns {
		if a.Name != nil && a.Name.Value == "PATH" {
			r.done = r.done || len(c.Args) == 0
			return
		}
	}
	words := make([]string, 0, len(c.Args))
	for n, w := range c.Args {
		text, ok := literal(w)
		if !ok {
			if n == 0 {
				return
			}
			text = "$" // known not to be known
		}
		words = append(words, text)
	}
	if len(words) == 0 {
		return
	}
	switch name := words[0]; {
	case name == "exec":
		r.done = len(words) > 1
		words = words[1:]
		if len(words) == 0 || strings.HasPrefix(words[0], "-") {
			return
		}
	case name == "exit" || name == "return" || name == "." || name == "source" || name == "eval" || name == "logout":
		r.done = true
		return
	case name == "cd" || name == "pushd" || name == "popd":
		r.moved = true
		return
	case name == "command" || name == "alias" || r.own[name] || slices.Contains(builtins, name):
		return
	}
	if r.moved {
		// Files that it is given count from somewhere else.
		if words = words[:1]; strings.Contains(words[0], "/") && !path.IsAbs(words[0]) {
			return
		}
	}
	r.commands = append(r.commands, words)
}

// literal is the text of a word that no variable, pattern or command takes part in.
func literal(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "*?[~\\") && p.Value != "[" {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok || strings.Contains(lit.Value, "\\") {
					return "", false
				}
				b.WriteString(lit.Value)
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// first is the name of a statement's command, empty when it has none.
func first(s *syntax.Stmt) string {
	if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 {
		return call.Args[0].Lit()
	}
	return ""
}

// fails says whether a statement always fails: "exit 1", "false".
func fails(s *syntax.Stmt) bool {
	call, ok := s.Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	switch first(s) {
	case "false":
		return true
	case "exit":
		return len(call.Args) > 1 && call.Args[1].Lit() != "" && call.Args[1].Lit() != "0"
	}
	return false
}

// asks says whether a statement is there for its answer.
func asks(s *syntax.Stmt) bool {
	if s.Negated {
		return true
	}
	switch c := s.Cmd.(type) {
	case *syntax.TestClause, *syntax.ArithmCmd:
		return true
	case *syntax.BinaryCmd:
		return asks(c.X) || asks(c.Y)
	}
	return slices.Contains(tests, first(s))
}

// leaves says whether a command may end the script, or change what its words mean.
func leaves(c syntax.Command) bool {
	found := false
	if c == nil {
		return false
	}
	syntax.Walk(c, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			if len(n.Args) > 0 {
				found = found || slices.Contains([]string{"exit", "return", "exec", "cd", "eval", ".", "source", "alias"}, n.Args[0].Lit())
			}
		case *syntax.Assign:
			found = found || n.Name != nil && n.Name.Value == "PATH"
		case *syntax.FuncDecl:
			found = true
		}
		return !found
	})
	return found
}
