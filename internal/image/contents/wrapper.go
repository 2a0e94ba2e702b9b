package contents

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// handsOver is the command line that a program runs in its turn, and as whom. It
// knows the programs that images put in front of others; ok is false for all else,
// and where their options are not understood.
func (i *Image) handsOver(u User, argv []string) (next []string, as User, ok bool) {
	rest := argv[1:]
	switch path.Base(argv[0]) {
	case "tini", "tini-static", "docker-init", "catatonit":
		rest, ok = options(rest, "epl", "sgvwh")
	case "dumb-init":
		rest, ok = options(rest, "r", "cv")
	case "env":
		rest, ok = options(rest, "", "")
		for ok && len(rest) > 0 && strings.Contains(rest[0], "=") {
			if strings.HasPrefix(rest[0], "PATH=") {
				return nil, u, false
			}
			rest = rest[1:]
		}
	case "nohup", "setsid":
		rest, ok = options(rest, "", "cfw")
	case "gosu", "su-exec", "s6-setuidgid":
		if rest, ok = options(rest, "", ""); !ok || len(rest) < 2 || strings.Contains(rest[0], "$") {
			return nil, u, false
		}
		var err error
		if as, err = i.User(rest[0]); err != nil {
			return nil, u, false
		}
		return rest[1:], as, true
	}
	return rest, u, ok && len(rest) > 0
}

// options takes one-letter options off the front of words: those in valued have a
// value, attached or as the next word, those in plain have none. Any other is not ok.
func options(words []string, valued, plain string) (rest []string, ok bool) {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		w := words[0]
		words = words[1:]
		switch {
		case w == "--":
			return words, true
		case len(w) < 2 || w[1] == '-':
			return nil, false
		}
		for at := 1; at < len(w); at++ {
			switch {
			case strings.ContainsRune(plain, rune(w[at])):
				continue
			case !strings.ContainsRune(valued, rune(w[at])):
				return nil, false
			case at == len(w)-1 && len(words) == 0:
				return nil, false
			case at == len(w)-1:
				words = words[1:]
			}
			break
		}
	}
	return words, true
}

// operand says why an interpreter cannot run the file, or a shell the commands,
// that it is given. What it is given is not understood for every interpreter.
func (i *Image) operand(u User, f layer.File, argv []string, depth int) string {
	if slices.Contains(shells, path.Base(argv[0])) {
		return i.shell(u, f, argv, depth)
	}
	name, endings := script(argv)
	return i.file(u, name, endings...)
}

// script is the file that an interpreter is told to run, empty when it is not
// known, and what may be left out at its end.
func script(argv []string) (name string, endings []string) {
	switch program := path.Base(argv[0]); {
	case program == "node" || program == "nodejs":
		return nodeScript(argv[1:]), []string{".js", ".json", ".node", ".mjs", ".cjs", "/index.js", "/package.json"}
	case strings.HasPrefix(program, "python"):
		return pythonScript(argv[1:]), nil
	case program == "java":
		return jar(argv[1:]), nil
	case program == "dotnet" && len(argv) > 1 && strings.HasSuffix(argv[1], ".dll"):
		return argv[1], nil
	case (program == "ruby" || program == "php" || program == "perl") && len(argv) > 1 && !strings.HasPrefix(argv[1], "-"):
		return argv[1], nil
	case slices.Contains(shells, program) && len(argv) > 1 && !strings.HasPrefix(argv[1], "-"):
		return argv[1], nil
	}
	return "", nil
}

// Started are the files that a command line starts: the programs that hand over to
// each other, and the file that the last one interprets.
func (i *Image) Started(argv []string) []layer.File {
	var files []layer.File
	for depth := 0; len(argv) > 0 && depth < maxWrappers; depth++ {
		f, ok := i.LookPath(argv[0])
		if !ok {
			return files
		}
		files = append(files, f)
		next, _, ok := i.handsOver(User{}, argv)
		if ok {
			argv = next
			continue
		}
		name, endings := script(argv)
		for _, ending := range append([]string{""}, endings...) {
			if f, ok := i.Lookup(i.Abs(name) + ending); ok && name != "" && f.Mode.IsRegular() {
				return append(files, f)
			}
		}
		return files
	}
	return files
}

// file says why an interpreter cannot read the file that it is given. What it may
// be without its ending counts as it.
func (i *Image) file(u User, name string, endings ...string) string {
	if name == "" || strings.Contains(name, "$") || outside(i.Abs(name)) {
		return ""
	}
	for _, ending := range append([]string{""}, endings...) {
		f, ok := i.Lookup(i.Abs(name) + ending)
		switch {
		case !ok:
			continue
		case !i.Can(u, f, true, false, f.Mode.IsDir()):
			return quoted(name) + " may not be read by " + u.who() + " (" + i.barrier(u, f) + ")"
		}
		return ""
	}
	if i.volume(i.Abs(name)) {
		return ""
	}
	if path.IsAbs(name) {
		return quoted(name) + " is not in the image"
	}
	return quoted(name) + " is not in the image's working directory, " + quoted(path.Join("/", i.Config.WorkingDir))
}

// nodeScript is the file that node is told to run, empty when it is not known.
func nodeScript(words []string) string {
	plain := []string{
		"--no-", "--experimental-", "--trace-", "--enable-", "--expose", "--preserve-", "--use-", "--inspect", "--abort-",
		"--throw-", "--disable-", "--force-", "--pending-", "--insecure-", "--zero-fill-",
	}
	for len(words) > 0 {
		w := words[0]
		words = words[1:]
		switch {
		case w == "--" && len(words) > 0:
			return words[0]
		case slices.Contains([]string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"}, w) && len(words) > 0:
			words = words[1:]
		case !strings.HasPrefix(w, "-"):
			if w == "inspect" {
				return ""
			}
			return w
		case strings.HasPrefix(w, "--eval") || strings.HasPrefix(w, "--print"):
			return ""
		case strings.HasPrefix(w, "--") && strings.Contains(w, "="):
		case slices.ContainsFunc(plain, func(prefix string) bool { return strings.HasPrefix(w, prefix) }):
		default:
			return ""
		}
	}
	return ""
}

// pythonScript is the file that Python is told to run, empty when it is not known.
func pythonScript(words []string) string {
	rest, ok := options(words, "WX", "bBdEiIOPqRsSuvx")
	if !ok || len(rest) == 0 {
		return ""
	}
	return rest[0]
}

// jar is the archive that java is told to run, empty when it runs a class.
func jar(words []string) string {
	for n := 0; n < len(words); n++ {
		switch w := words[n]; {
		case w == "-jar" && n+1 < len(words):
			return words[n+1]
		case slices.Contains([]string{"-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens", "--add-exports", "--add-reads", "--upgrade-module-path", "--limit-modules"}, w):
			n++
		case !strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "@"):
			return ""
		}
	}
	return ""
}
