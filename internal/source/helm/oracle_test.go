package helm

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// TestRealCharts renders all charts below a directory of other people's, and
// compares with Helm's own engine.
func TestRealCharts(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_CHARTS")
	if dir == "" {
		t.Skip("needs charts: PLIMSOLL_CHARTS=~/helm-charts go test ./internal/source/helm -run TestRealCharts")
	}
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "Chart.yaml" {
			rel, _ := filepath.Rel(dir, filepath.Dir(name))
			t.Run(rel, func(t *testing.T) { sameAsHelm(t, tree, rel) })
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sameAsHelm renders a chart twice. Where Helm gives up, so must we on something.
func sameAsHelm(t *testing.T, tree *source.Tree, dir string, values ...string) {
	t.Helper()
	root := kubernetes.Root{Dir: dir, Values: values, Version: "1.37"}
	prepared := &rendering{load: load{ctx: t.Context(), tree: tree, names: map[*byte]string{}}, root: root, out: &kubernetes.Rendering{}}
	c, top, err := prepared.prepare()
	if err != nil {
		t.Logf("cannot be prepared: %v", err)
		return
	}
	ours, err := New().Render(t.Context(), tree, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range ours.Unread {
		t.Logf("unread %s:%d: %s", u.Location.Path, u.Location.Line, u.Cause)
	}
	if ours.Missing != "" {
		t.Logf("missing: %s", ours.Missing)
	}
	if c.Metadata.Type == "library" {
		return
	}
	e := engine.Engine{CustomTemplateFuncs: constant}
	theirs, err := e.Render(c, top)
	if err != nil {
		if len(ours.Unread) == 0 && ours.Missing == "" {
			t.Errorf("Helm gives up and we do not: %v", err)
		}
		return
	}
	if len(ours.Unread) > 0 {
		t.Error("Helm does not give up")
	}
	texts := map[string]int{}
	for name, text := range theirs {
		if filepath.Base(name) != "NOTES.txt" && len(trim(text)) > 0 {
			texts[text]++
		}
	}
	for _, m := range ours.Manifests {
		if texts[m.Text] == 0 {
			closest := ""
			for text := range texts {
				if len(text) > 20 && len(m.Text) > 20 && text[:20] == m.Text[:20] {
					closest = text
				}
			}
			t.Errorf("%s is not what Helm renders (-theirs +ours):\n%.2000s", m.Path, cmp.Diff(closest, m.Text))
		}
		texts[m.Text]--
		parsed(t, m)
	}
	for text, n := range texts {
		if n > 0 {
			t.Errorf("Helm renders this, too:\n%.300s", text)
		}
	}
}

func trim(text string) string {
	var kept []byte
	for _, l := range lines(text) {
		kept = append(kept, text[l.start:l.end]...)
	}
	return string(kept)
}

// parsed reads a manifest and looks at the place of each of its values.
func parsed(t *testing.T, m kubernetes.Manifest) {
	t.Helper()
	src, err := source.NewRendered(m.Path, m.Text, m.Place)
	if err != nil {
		t.Errorf("%s: %v", m.Path, err)
		return
	}
	file, unread := kubernetes.Parse(src)
	for _, u := range unread {
		t.Logf("%s:%d: %s", u.Location.Path, u.Location.Line, u.Cause)
	}
	if file == nil {
		return
	}
	for _, o := range file.Objects {
		if at := o.Node.At(); at.Line == 0 || at.Path == "" {
			t.Errorf("%s has no place", o.Subject())
		}
	}
}
