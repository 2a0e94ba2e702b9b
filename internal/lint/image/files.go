package image

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

var openPermissions = check{
	Rule: finding.Rule{
		ID: "USR-1.d", Name: "open-permissions", Points: []string{"USR-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No file of the final image may be written by everybody or lends its owner's rights",
		Also:    []string{"CIS-DI-0008", "tally/world-writable-state-path-workaround"},
	},
	run: func(p *pass) {
		for _, files := range byLayer(p.survey.setuid) {
			p.tell(problem{
				layer: &files[0].Layer, subject: files[0].Path, path: "setuid", severity: finding.Low,
				message: fmt.Sprintf("%s with the rights of the owner or group whoever runs them: %s; take the bit off with \"chmod a-s\", or leave the package out", plural(len(files), "file runs", "files run"), paths(files)),
			})
		}
		for _, files := range byLayer(p.survey.writable) {
			severity := finding.Medium
			if p.fromBase(files[0].Layer) {
				severity = finding.Low
			}
			p.tell(problem{
				layer: &files[0].Layer, subject: files[0].Path, path: "writable", severity: severity,
				message: fmt.Sprintf("everybody may write %s: %s; take the bit off with \"chmod o-w\"", plural(len(files), "file or directory", "files or directories"), paths(files)),
			})
		}
	},
}

var writableProgram = check{
	Rule: finding.Rule{
		ID: "USR-4.d", Name: "writable-program", Points: []string{"USR-4"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The program cannot be changed by the user who runs it",
	},
	run: func(p *pass) {
		if p.userErr != nil || p.user.Root() {
			return
		}
		for _, f := range p.image.Started(slices.Concat(p.image.Config.Entrypoint, p.image.Config.Cmd)) {
			dir, ok := p.image.Lookup(path.Dir(f.Path))
			switch {
			case p.image.Can(p.user, f, false, true, false):
			case ok && dir.Mode&fs.ModeSticky == 0 && p.image.Can(p.user, dir, false, true, true):
			default:
				continue
			}
			p.tell(problem{
				layer: &f.Layer, subject: f.Path, path: "owner", severity: p.lowByDefault(),
				message: fmt.Sprintf("%q, which the container starts, can be changed or replaced by user %d, who runs it; leave it and its directory to root, without the right to write for others", "/"+f.Path, p.user.UID),
			})
			return
		}
	},
}

var vcsData = check{
	Rule: finding.Rule{
		ID: "IMG-1.i", Name: "vcs-data", Points: []string{"IMG-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The image holds no history of its sources",
		Also:    []string{"DKL-LI-0003"},
	},
	run: func(p *pass) {
		for _, f := range p.survey.histories {
			dir := path.Dir(f.Path)
			if _, ok := p.image.Lookup(dir + "/objects"); path.Base(dir) == ".git" && !ok {
				continue // a submodule's, or what is left of one
			}
			severity := finding.High
			if p.fromBase(f.Layer) || !p.ours(path.Dir(dir)) {
				severity = finding.Medium // a tool that was installed by cloning it
			}
			p.tell(problem{
				layer: &f.Layer, subject: dir, path: "history", severity: severity,
				message: fmt.Sprintf("the image holds the history in %q, with all that was ever committed; leave it out with .dockerignore", "/"+dir),
			})
		}
	},
}

// ours says whether a directory is that of the program: the working directory, or
// one above it.
func (p *pass) ours(dir string) bool {
	at := strings.TrimPrefix(path.Join("/", p.image.Config.WorkingDir), "/")
	return dir == "." || dir == at || strings.HasPrefix(at, dir+"/")
}

// byLayer groups files, the lowest layer first.
func byLayer(files []layer.File) [][]layer.File {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b layer.File) int { return cmp.Compare(a.Layer.Index, b.Layer.Index) })
	var all [][]layer.File
	for n, f := range files {
		if n == 0 || f.Layer.Index != files[n-1].Layer.Index {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], f)
	}
	return all
}

// paths names the first of some files.
func paths(files []layer.File) string {
	list := make([]string, 0, len(files))
	for _, f := range files {
		list = append(list, strconv.Quote("/"+f.Path))
	}
	return some(list)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
