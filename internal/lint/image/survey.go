package image

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// survey is what one pass over all files of an image came to.
type survey struct {
	setuid    []layer.File
	writable  []layer.File // by everybody
	compilers []layer.File
	histories []layer.File // what every repository of a version control system has
	caches    map[string]*cache
}

// cache is what one package manager downloaded.
type cache struct {
	bytes   int64
	largest layer.File
	layers  map[int]int64
}

func look(img *contents.Image) *survey {
	s := &survey{caches: map[string]*cache{}}
	for f := range img.All() {
		s.modes(f)
		if dir, name := path.Split(f.Path); strings.HasSuffix(dir, "bin/") && compiler(name) {
			s.compiles(img, f)
		}
		if !f.Mode.IsRegular() {
			continue
		}
		if history(f.Path) {
			s.histories = append(s.histories, f)
		}
		if kind := cacheOf(f.Path); kind != "" {
			s.cached(kind, f)
		}
	}
	return s
}

// compiles keeps a compiler under the name that it was found by: distributions
// link it to the one of a version. Links of busybox are none.
func (s *survey) compiles(img *contents.Image, f layer.File) {
	target, ok := img.Lookup(f.Path)
	if ok && target.Mode.IsRegular() && target.Mode&0o111 != 0 && path.Base(target.Path) != "busybox" {
		s.compilers = append(s.compilers, f)
	}
}

// modes keeps what opens a file to others than its owner.
func (s *survey) modes(f layer.File) {
	switch {
	case f.Mode&fs.ModeSymlink != 0 || f.HardLink:
	case f.Mode.IsRegular() && f.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 && f.Mode&0o111 != 0:
		s.setuid = append(s.setuid, f)
	case f.Mode&0o002 == 0 || f.Mode&fs.ModeSticky != 0 || !f.Mode.IsRegular() && !f.Mode.IsDir():
	case scratch(f.Path):
	default:
		s.writable = append(s.writable, f)
	}
}

// scratch says whether a path is for everybody on purpose, or covered by a mount
// when a container runs.
func scratch(p string) bool {
	return slices.ContainsFunc([]string{"tmp", "var/tmp", "run", "var/run", "var/lock", "dev", "proc", "sys"}, func(dir string) bool {
		return p == dir || strings.HasPrefix(p, dir+"/")
	})
}

func (s *survey) cached(kind string, f layer.File) {
	c := s.caches[kind]
	if c == nil {
		c = &cache{layers: map[int]int64{}}
		s.caches[kind] = c
	}
	c.bytes += f.Size
	c.layers[f.Layer.Index] += f.Size
	if f.Size > c.largest.Size {
		c.largest = f
	}
}

// compiler says whether a program of that name builds others. What interprets is
// none, and neither are assemblers and linkers, which come with debuggers.
func compiler(name string) bool {
	switch name {
	case "gcc", "cc", "g++", "c++", "clang", "clang++", "go", "cargo", "rustc", "javac", "ghc", "swiftc", "kotlinc", "gfortran", "cmake", "ocamlopt", "zig", "tcc":
		return true
	}
	// Versions beside or instead of the plain name: "gcc-12", "x86_64-linux-gnu-gcc-12".
	for _, tool := range []string{"gcc", "g++", "clang"} {
		if rest, ok := strings.CutPrefix(name, tool+"-"); ok && rest != "" && strings.Trim(rest, "0123456789.") == "" {
			return true
		}
	}
	return false
}

// history says whether a path is a file that every repository has.
func history(p string) bool {
	for _, file := range []string{".git/HEAD", ".hg/requires", ".svn/wc.db"} {
		if p == file || strings.HasSuffix(p, "/"+file) {
			return true
		}
	}
	return false
}

// cacheOf names the package manager that keeps downloads at a path, empty when
// none does.
func cacheOf(p string) string {
	switch {
	case strings.HasPrefix(p, "var/lib/apt/lists/"), strings.HasPrefix(p, "var/cache/apt/"):
		return "apt"
	case strings.HasPrefix(p, "var/cache/apk/"), strings.HasPrefix(p, "etc/apk/cache/"):
		return "apk"
	case strings.HasPrefix(p, "var/cache/dnf/"), strings.HasPrefix(p, "var/cache/yum/"), strings.HasPrefix(p, "var/cache/libdnf5/"):
		return "dnf"
	case strings.HasPrefix(p, "var/cache/zypp/"):
		return "zypper"
	case strings.HasPrefix(p, "var/cache/pacman/pkg/"):
		return "pacman"
	}
	for _, known := range homeCaches {
		if strings.HasPrefix(p, known.dir) || strings.Contains(p, "/"+known.dir) {
			return known.kind
		}
	}
	return ""
}

// homeCaches lie below the home of whoever built the image.
var homeCaches = []struct{ dir, kind string }{
	{".cache/pip/", "pip"},
	{".cache/uv/", "uv"},
	{".cache/pypoetry/cache/", "poetry"},
	{".cache/pypoetry/artifacts/", "poetry"},
	{".npm/_cacache/", "npm"},
	{".cache/yarn/", "yarn"},
	{".yarn/berry/cache/", "yarn"},
	{".cache/go-build/", "go"},
	{".cargo/registry/cache/", "cargo"},
	{"usr/local/cargo/registry/cache/", "cargo"},
	{".composer/cache/", "composer"},
	{".cache/composer/", "composer"},
	{".gradle/caches/", "gradle"},
	{"usr/local/bundle/cache/", "bundler"},
}
