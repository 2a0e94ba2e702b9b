package image

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

var buildTools = check{
	Rule: finding.Rule{
		ID: "IMG-1.b", Name: "build-tools", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Compilers stay in a stage that does not ship",
		Also:    []string{"tally/prefer-multi-stage-build", "tally/gpu/prefer-runtime-final-stage"},
	},
	run: func(p *pass) {
		if !p.starts() || p.toolchain() || len(p.survey.compilers) == 0 {
			return
		}
		var names []string
		for _, f := range p.survey.compilers {
			names = append(names, strconv.Quote(path.Base(f.Path)))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		first := slices.MinFunc(p.survey.compilers, func(a, b layer.File) int { return a.Layer.Index - b.Layer.Index })
		p.tell(problem{
			layer: &first.Layer, subject: path.Base(first.Path), path: "compiler",
			message: fmt.Sprintf("the image ships compilers: %s; build in a stage of its own, and copy what it made onto a base without them", some(names)),
		})
	},
}

// cacheBytes is what a package manager may leave: the lock files and empty indices
// of a base are no cache.
const cacheBytes = 1 << 20

var packageCache = check{
	Rule: finding.Rule{
		ID: "IMG-1.a", Name: "package-cache", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No layer of the final image keeps what a package manager downloaded",
		Also: []string{
			"DL3009", "DL3019", "DL3032", "DL3036", "DL3040", "DL3042", "DKL-DI-0004", "DKL-DI-0005",
			"DS-0015", "DS-0019", "DS-0020", "DS-0025", "DS-0027",
		},
	},
	run: func(p *pass) {
		for _, kind := range slices.Sorted(maps.Keys(p.survey.caches)) {
			c := p.survey.caches[kind]
			if c.bytes < cacheBytes {
				continue
			}
			at := c.largest.Layer
			severity := finding.Medium
			if p.fromBase(at) || kind == "npm" {
				severity = finding.Low
			}
			p.tell(problem{
				layer: &at, subject: "cache", path: "cache[" + kind + "]", severity: severity,
				message: fmt.Sprintf("what %s downloaded is in the image, %s, most of it in %q; remove it in the RUN that downloads it, or mount a cache", kind, printable.Size(c.bytes), "/"+path.Dir(c.largest.Path)),
			})
		}
	},
}

// What later layers hide counts from this many bytes, and from this part of all.
const (
	hiddenLeast = 10 << 20
	hiddenPart  = 10
)

var hiddenBytes = check{
	Rule: finding.Rule{
		ID: "IMG-1.j", Name: "hidden-bytes", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Layers do not carry what later layers delete or replace",
	},
	run: func(p *pass) {
		var hidden, all int64
		worst := -1
		layers := p.image.Layers()
		for n, l := range layers {
			all += l.Bytes
			if p.fromBase(l.Layer) {
				continue // only another base mends it
			}
			hidden += l.Hidden
			if worst < 0 || l.Hidden > layers[worst].Hidden {
				worst = n
			}
		}
		if hidden < hiddenLeast || hidden < all/hiddenPart {
			return
		}
		l := layers[worst]
		message := fmt.Sprintf("%s of %s in the layers are deleted or replaced by later ones, and pulled all the same; most in this layer, %s", printable.Size(hidden), printable.Size(all), printable.Size(l.Hidden))
		advice := "; delete in the RUN that makes, and set owner and mode with COPY --chown and --chmod"
		if len(l.Gone) > 0 {
			message += fmt.Sprintf(", of which %s are %q", printable.Size(l.Gone[0].Size), "/"+l.Gone[0].Path)
		}
		p.tell(problem{layer: &l.Layer, subject: "layers", path: "hidden", message: message + advice})
	},
}

// managers are programs that install packages.
var managers = []string{"apt-get", "apk", "dnf", "microdnf", "yum", "tdnf", "zypper", "pacman", "npm", "yarn", "pnpm", "corepack", "pip", "pip3", "gem", "composer"}

var packageManager = check{
	Rule: finding.Rule{
		ID: "IMG-1.g", Name: "package-manager", Points: []string{"IMG-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The image that ships holds no package manager",
	},
	run: func(p *pass) {
		if !p.strict() || !p.starts() || p.toolchain() {
			return // only the founding document asks for it
		}
		var names []string
		var first *layer.Layer
		for _, name := range managers {
			if f, ok := p.image.LookPath(name); ok {
				if names = append(names, strconv.Quote(name)); first == nil {
					first = &f.Layer
				}
			}
		}
		if len(names) > 0 {
			p.tell(problem{layer: first, subject: "packages", path: "managers", message: fmt.Sprintf("the image ships what installs packages: %s; build on a distroless image, or remove them", some(names))})
		}
	},
}

var imageLabels = check{
	Rule: finding.Rule{
		ID: "OBS-3.d", Name: "image-labels", Points: []string{"OBS-3"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The image says which source and revision it was made from",
		Also:    []string{"DL3049"},
	},
	run: func(p *pass) {
		if missing := unlabelled(p.image); len(missing) > 0 && p.starts() {
			p.tell(problem{path: "labels", severity: p.lowByDefault(), message: "the image has no label or annotation " + some(missing) + "; set what it was made from when it is built"})
		}
	},
}

// unlabelled are the labels that an image lacks, quoted.
func unlabelled(img *contents.Image) []string {
	var missing []string
	for _, label := range []string{"org.opencontainers.image.source", "org.opencontainers.image.revision"} {
		if img.Config.Labels[label] == "" && img.Annotations[label] == "" {
			missing = append(missing, strconv.Quote(label))
		}
	}
	return missing
}
