package contents

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// MissingProgram says whether a command line, as an image's config or a manifest
// has it after overrides, cannot start in the image as that user, and why: the
// cause is a clause in lower case that quotes what is missing. It judges the
// program, what "#!" or the ELF header of it name, what tini, env and their like
// hand over to, the commands of `sh -c` that run for certain, and the file that
// an interpreter is given. What it cannot tell is not bad.
//
// What lies on a mount is not in the image: the caller leaves out commands whose
// program, or whose working directory, a mount covers.
func MissingProgram(i *Image, u User, argv []string) (cause string, bad bool) {
	if !i.Linux() {
		return "", false
	}
	return missing(i, u, argv, 0)
}

func missing(i *Image, u User, argv []string, depth int) (cause string, bad bool) {
	for ; len(argv) > 0 && depth < maxWrappers; depth++ {
		f, cause, known := i.program(u, argv[0])
		if cause != "" || !known {
			return cause, cause != ""
		}
		if cause := i.starts(u, f); cause != "" {
			return cause, true
		}
		next, as, ok := i.handsOver(u, argv)
		if !ok {
			cause := i.operand(u, f, argv, depth)
			return cause, cause != ""
		}
		argv, u = next, as
	}
	return "", false
}

// maxWrappers is how many programs that hand over to others are followed.
const maxWrappers = 8

// program finds what the first word of a command line is, or why nothing is.
func (i *Image) program(u User, name string) (f layer.File, cause string, known bool) {
	if name == "" {
		return f, "the name of its program is empty", false
	}
	if outside(i.Abs(name)) && strings.Contains(name, "/") || strings.ContainsAny(name, "$") {
		return f, "", false
	}
	var denied string
	for _, p := range i.candidates(name) {
		f, ok := i.Lookup(p)
		switch {
		case !ok:
		case f.Mode.IsDir():
			if strings.Contains(name, "/") {
				return f, fmt.Sprintf("%q is a directory", name), false
			}
		case !f.Mode.IsRegular():
			return f, "", false
		case i.Can(u, f, false, false, true):
			return f, "", true
		case denied == "":
			denied = p
		}
	}
	switch {
	case denied != "":
		f, _ := i.Lookup(denied)
		return f, i.denied(u, denied, f), false
	case strings.Contains(name, "/") && i.volume(i.Abs(name)):
		return f, "", false
	case strings.Contains(name, "/"):
		return f, fmt.Sprintf("%q is not in the image", name), false
	}
	return f, fmt.Sprintf("%q is in no directory of the image's PATH", name), false
}

// denied says why a user may not execute a file.
func (i *Image) denied(u User, p string, f layer.File) string {
	if f.Mode&0o111 == 0 {
		return fmt.Sprintf("%q is not executable", p)
	}
	return fmt.Sprintf("%q may not be executed by %s (%s)", p, u.who(), i.barrier(u, f))
}

// barrier tells what keeps a user from a file: a directory above it, or its mode.
func (i *Image) barrier(u User, f layer.File) string {
	parts := names(path.Dir(f.Path))
	for n := range parts {
		if above, ok := i.index.Lookup(path.Join(parts[:n+1]...)); ok && above.Mode.IsDir() && !permits(u, above, false, false, true) {
			return fmt.Sprintf("%q is %s", "/"+above.Path, owned(above))
		}
	}
	return "it is " + owned(f)
}

func quoted(s string) string { return strconv.Quote(s) }

func (u User) who() string {
	if u.Name != "" {
		return fmt.Sprintf("user %d (%s)", u.UID, u.Name)
	}
	return fmt.Sprintf("user %d", u.UID)
}

// owned is how a mode is talked about.
func owned(f layer.File) string {
	return fmt.Sprintf("%04o of %d:%d", f.Mode.Perm(), f.UID, f.GID)
}

// outside says whether a path is in what runtimes mount over every image.
func outside(p string) bool {
	for _, dir := range []string{"/proc", "/sys", "/dev"} {
		if p == dir || strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}

// volume says whether a path lies in a volume that the image declares: what is not
// there in the image may be in what is mounted.
func (i *Image) volume(p string) bool {
	for dir := range i.Config.Volumes {
		if dir = path.Clean("/" + dir); p == dir || strings.HasPrefix(p, dir+"/") {
			return true
		}
	}
	return false
}

// starts says why the kernel would not start a program that may be executed.
func (i *Image) starts(u User, f layer.File) string {
	for depth := range 4 { // the kernel's own bound on interpreters of interpreters
		p := i.Program(f)
		if p.Kind == KindText {
			if depth > 0 {
				return ""
			}
			return fmt.Sprintf("%q is text without a \"#!\" line, which only a shell can run", "/"+f.Path)
		}
		if cause := i.foreign(f, p); cause != "" {
			return cause
		}
		if p.Kind != KindELF && p.Kind != KindScript || p.Interpreter == "" {
			return ""
		}
		what, hint := "loader", ""
		if p.Kind == KindScript {
			what = "interpreter"
			if strings.HasSuffix(p.Interpreter, "\r") || strings.HasSuffix(p.Argument, "\r") {
				hint = " (its lines end as those of Windows do)"
			}
		} else if i.musl() && strings.Contains(p.Interpreter, "ld-linux") {
			hint = " (of glibc, while the image has musl)"
		}
		at := i.Abs(p.Interpreter)
		if outside(at) {
			return ""
		}
		next, ok := i.Lookup(at)
		if !ok {
			return fmt.Sprintf("the %s of %q, %q%s, is not in the image", what, "/"+f.Path, p.Interpreter, hint)
		}
		if !i.Can(u, next, false, false, true) {
			return fmt.Sprintf("the %s of %q cannot start: %s", what, "/"+f.Path, i.denied(u, "/"+next.Path, next))
		}
		if p.Kind == KindELF {
			return ""
		}
		if path.Base(p.Interpreter) == "env" {
			return i.throughEnv(u, f, p.Argument)
		}
		f = next
	}
	return ""
}

// throughEnv judges "#!/usr/bin/env name", which looks name up.
func (i *Image) throughEnv(u User, script layer.File, argument string) string {
	words := strings.Fields(strings.TrimPrefix(argument, "-S"))
	for len(words) > 0 && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	if len(words) == 0 || strings.HasPrefix(words[0], "-") {
		return ""
	}
	name := words[0]
	if strings.HasSuffix(argument, "\r") && len(words) == 1 {
		return fmt.Sprintf("the interpreter of %q, %q (its lines end as those of Windows do), is not in the image", "/"+script.Path, argument)
	}
	if _, cause, _ := i.program(u, name); cause != "" {
		return fmt.Sprintf("the interpreter of %q: %s", "/"+script.Path, cause)
	}
	return ""
}

// foreign says that a program is for other processors than the image.
func (i *Image) foreign(f layer.File, p Program) string {
	fit, ok := machines[i.Architecture]
	if !ok || p.Machine == 0 || slices.Contains(fit, p.Machine) {
		return ""
	}
	return fmt.Sprintf("%q is a program for %s and the image is for %s", "/"+f.Path, strings.ToLower(strings.TrimPrefix(p.Machine.String(), "EM_")), i.Architecture)
}

// musl says whether the C library of the image is musl.
func (i *Image) musl() bool {
	for f := range i.Below("lib") {
		if strings.HasPrefix(path.Base(f.Path), "ld-musl-") {
			return true
		}
	}
	return false
}
