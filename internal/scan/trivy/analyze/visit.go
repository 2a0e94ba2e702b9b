package analyze

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	xio "github.com/aquasecurity/trivy/pkg/x/io"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// visit looks at one image. It is used from one goroutine, as layer.Visitor says.
type visit struct {
	ctx    context.Context
	img    image.Image
	opts   scan.Options
	router *router
	skip   skips
	dir    string // for files of post-analyzers; removed by Close

	at      *current
	blobs   []ftypes.BlobInfo
	secrets []secret
	unread  *ledger
	systems system
	// found are the paths that gave packages, and the directories above them.
	found map[string]struct{}
	done  bool
}

// current is the layer at hand.
type current struct {
	layer  layer.Layer
	base   bool
	sink   *sink
	group  analyzer.AnalyzerGroup
	ctx    context.Context
	opaque []string
	gone   []string // deleted or replaced
	order  []string
	files  map[string]*analyzer.AnalysisResult
	posts  posts
}

// secret is what the scanner found in one file of one layer.
type secret struct {
	diffID string
	ftypes.Secret
}

// BeginLayer is part of layer.Visitor.
func (v *visit) BeginLayer(l layer.Layer) error {
	base := l.Index < v.opts.BaseLayers
	s := &sink{}
	group, err := v.router.group(s, analyzer.AnalyzerOptions{
		Parallel:          1,
		DisabledAnalyzers: disabled(base, v.opts.Packages, v.opts.Secrets),
		DetectionPriority: ftypes.PriorityPrecise,
	})
	if err != nil {
		return fmt.Errorf("preparing the analyzers: %w", err)
	}
	v.at = &current{
		layer: l, base: base, sink: s, group: group, ctx: within(v.ctx, s),
		files: map[string]*analyzer.AnalysisResult{}, posts: posts{dir: v.dir},
	}
	return nil
}

// Visit is part of layer.Visitor.
func (v *visit) Visit(e layer.Entry, open layer.Opener) error {
	v.supersede(e)
	if !e.Regular() || v.skip.skip(e.Path) {
		return nil
	}
	if v.opts.Packages {
		v.systems.see(e.Path)
		v.countJar(e.Path)
	}
	info := plainInfo(e)
	if err := v.analyze(e.Path, info, open); err != nil {
		return err
	}
	if v.opts.Packages {
		if err := v.inspect(e.Path, open); err != nil {
			return v.refused(e.Path, err)
		}
	}
	if tooLarge(e.Path, info) {
		return nil
	}
	if types := v.at.group.RequiredPostAnalyzers(e.Path, info); len(types) > 0 {
		if err := v.at.posts.keep(types, e.Path, info, open); err != nil {
			return v.refused(e.Path, err)
		}
	}
	return nil
}

// supersede applies to what lower layers gave what e does to their files.
func (v *visit) supersede(e layer.Entry) {
	switch e.Whiteout {
	case "opaque":
		v.at.opaque = append(v.at.opaque, e.Path)
		v.unread.replace(e.Path, e.Layer.Index, false)
		v.systems.forget(e.Path, false)
		return
	case "file":
		v.at.gone = append(v.at.gone, e.Path)
	default:
		if e.Header.Typeflag == tar.TypeDir {
			return
		}
		if _, ok := v.found[e.Path]; ok {
			v.at.gone = append(v.at.gone, e.Path)
		}
	}
	v.unread.replace(e.Path, e.Layer.Index, true)
	v.systems.forget(e.Path, true)
}

// plainInfo describes a file to analyzers. Mode bits that claim another type
// than the entry has are dropped: they would make analyzers pass over a file
// that a container runtime creates.
func plainInfo(e layer.Entry) fs.FileInfo {
	h := *e.Header
	h.Typeflag, h.Mode = tar.TypeReg, h.Mode&0o7777
	h.Name = e.Path
	return h.FileInfo()
}

// analyze shows one file to the analyzers that want it, and waits for them: what
// they log about it is then known to be about it.
func (v *visit) analyze(name string, info fs.FileInfo, open layer.Opener) error {
	result := analyzer.NewAnalysisResult()
	var refused error
	opener := func() (xio.ReadSeekCloserAt, error) {
		c, err := open()
		if err != nil {
			refused = err
		}
		return c, err
	}
	var off []analyzer.Type
	if tooLarge(name, info) {
		off = manifests()
		v.lose(name, &layer.LimitError{What: "bytes in a manifest", Limit: manifestBytes})
	}
	group, ctx := errgroup.WithContext(v.at.ctx)
	err := v.at.group.AnalyzeFile(ctx, group, semaphore.NewWeighted(4), result, "", name, info, opener, off, options())
	if waited := group.Wait(); waited != nil {
		err = waited
	}
	switch {
	case v.ctx.Err() != nil:
		return v.ctx.Err()
	case refused != nil:
		return v.refused(name, refused)
	case err != nil:
		v.lose(name, err)
	}
	for _, r := range v.at.sink.take() {
		v.lose(name, r.err)
	}
	for _, s := range result.Secrets {
		v.secrets = append(v.secrets, secret{diffID: v.at.layer.DiffID.String(), Secret: s})
	}
	result.Secrets = nil
	_, again := v.at.files[name] // a name that comes twice in a layer counts as it came last
	if again || !empty(result) {
		v.at.files[name] = result
	}
	if !again && !empty(result) {
		v.at.order = append(v.at.order, name)
	}
	return nil
}

// manifestBytes is the largest file that is taken for a manifest: parsers read
// one into memory as a whole, and the largest honest ones have a few megabytes.
const manifestBytes = 64 << 20

// tooLarge says whether a file is taken for a manifest, by its name as analyzers
// do, and larger than one may be.
func tooLarge(name string, info fs.FileInfo) bool {
	return info.Size() > manifestBytes && hasSuffix(strings.ToLower(name),
		".json", ".toml", ".lock", ".props", ".gemspec", "/metadata", "pkg-info", ".egg-info", ".egg", ".spdx", ".cdx", "lib/apk/db/installed", "dpkg/status")
}

// options are those of every analysis.
func options() analyzer.AnalysisOptions { return analyzer.AnalysisOptions{Offline: true} }

// empty says whether an analysis gave nothing.
func empty(r *analyzer.AnalysisResult) bool {
	return r.OS == (ftypes.OS{}) && r.Repository == nil && len(r.PackageInfos) == 0 && len(r.Applications) == 0 &&
		len(r.SystemInstalledFiles) == 0 && r.BuildInfo == nil && len(r.CustomResources) == 0
}

// refused records a file that is larger than the walk allows to open, or that
// has no place among others. Any other refusal ends the walk, which knows of it.
func (v *visit) refused(name string, err error) error {
	var limit *layer.LimitError
	var tree *treeError
	if errors.As(err, &limit) || errors.As(err, &tree) {
		v.lose(name, err)
		return nil
	}
	return err
}

// lose records a file that could not be read.
func (v *visit) lose(name string, err error) {
	kind := kindOf(name)
	text := err.Error()
	what := "cannot be read"
	if kind == finding.UnreadOS {
		what = "cannot be read as the package database or release of an operating system"
	}
	v.unread.add(loss{path: name, kind: kind, layer: v.at.layer.Index, cause: fmt.Sprintf("%s: %s", what, shorten(text))})
}

// shorten drops the text that Trivy repeats around an error, and bounds it.
func shorten(text string) string {
	const most = 300
	text = strings.ToValidUTF8(text, "�")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " …"
	}
	return text
}

// EndLayer is part of layer.Visitor.
func (v *visit) EndLayer(l layer.Layer) error {
	merged := analyzer.NewAnalysisResult()
	for _, name := range v.at.order {
		merged.Merge(v.at.files[name])
	}
	if err := v.postAnalyze(merged); err != nil {
		return err
	}
	merged.Sort()
	blob := ftypes.BlobInfo{
		SchemaVersion: ftypes.BlobJSONSchemaVersion,
		Digest:        l.Digest.String(), DiffID: l.DiffID.String(),
		OpaqueDirs: v.at.opaque, WhiteoutFiles: v.at.gone,
		OS: merged.OS, Repository: merged.Repository, PackageInfos: merged.PackageInfos,
		Applications: merged.Applications, BuildInfo: merged.BuildInfo,
	}
	dropSystemFiles(merged.SystemInstalledFiles, &blob)
	v.blobs = append(v.blobs, blob)
	for _, info := range blob.PackageInfos {
		v.remember(info.FilePath)
	}
	for _, app := range blob.Applications {
		v.remember(app.FilePath)
	}
	v.at = nil
	return nil
}

func (v *visit) remember(name string) {
	for ; name != "." && name != "/" && name != ""; name = path.Dir(name) {
		v.found[name] = struct{}{}
	}
}

// Close is part of scan.Visit.
func (v *visit) Close() error {
	v.at = nil
	if err := os.RemoveAll(v.dir); err != nil {
		return fmt.Errorf("removing temporary files of an analysis: %w", err)
	}
	return nil
}

// python2 are files that Debian's Python installs and distroless images do not
// list (Trivy v0.74.0, pkg/fanal/handler/sysfile).
var python2 = []string{
	"usr/lib/python2.7/argparse.egg-info",
	"usr/lib/python2.7/lib-dynload/Python-2.7.egg-info",
	"usr/lib/python2.7/wsgiref.egg-info",
}

// dropSystemFiles removes language packages that a package of the operating
// system installed: its own advisories cover them, and their versions carry the
// distribution's patches. It does what Trivy's handler sysfile does, which
// cannot be called without the weight of pkg/fanal/artifact.
func dropSystemFiles(installed []string, blob *ftypes.BlobInfo) {
	if len(blob.Applications) == 0 {
		return
	}
	owned := make(map[string]struct{}, len(installed)+len(python2))
	for _, name := range slices.Concat(installed, python2) {
		if name = strings.TrimPrefix(name, "/"); name != "" {
			owned[name] = struct{}{}
		}
	}
	var apps []ftypes.Application
	for _, app := range blob.Applications {
		if _, ok := owned[app.FilePath]; ok {
			continue
		}
		app.Packages = slices.DeleteFunc(app.Packages, func(p ftypes.Package) bool {
			_, ok := owned[p.FilePath]
			return ok
		})
		apps = append(apps, app)
	}
	blob.Applications = apps
}
