package kustomize

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// TestRealKustomizations builds all kustomizations below a directory of other
// people's, and looks at the place of every object.
func TestRealKustomizations(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_KUSTOMIZATIONS")
	if dir == "" {
		t.Skip("needs kustomizations: PLIMSOLL_KUSTOMIZATIONS=~/manifests go test ./internal/source/kustomize -run TestRealKustomizations")
	}
	tree, err := source.Open(dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	r := New()
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !isKustomization(entry.Name()) {
			return err
		}
		rel, _ := filepath.Rel(dir, filepath.Dir(name))
		t.Run(rel, func(t *testing.T) {
			out, err := r.Render(t.Context(), tree, kubernetes.Root{Dir: rel})
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range out.Unread {
				t.Logf("unread %s:%d: %s", u.Location.Path, u.Location.Line, u.Cause)
			}
			t.Log(out.Missing, out.Notes)
			exact, near := 0, 0
			for _, m := range out.Manifests {
				src, err := source.NewRendered(m.Path, m.Text, m.Place)
				if err != nil {
					t.Fatal(err)
				}
				f, unread := kubernetes.Parse(src)
				if len(unread) > 0 || f == nil || len(f.Objects) != 1 {
					t.Errorf("%s: %v", m.Path, unread)
					continue
				}
				var count func(n kubernetes.Node)
				count = func(n kubernetes.Node) {
					at := n.At()
					if at.Line == 0 {
						t.Errorf("%s: %q has no place", m.Path, n.Text())
					}
					if at.Note == "" {
						exact++
					} else {
						near++
						t.Logf("%s:%d %.60q", at.Path, at.Line, n.Text())
					}
					for _, e := range n.Entries() {
						count(e.Value)
					}
					for _, i := range n.Items() {
						count(i)
					}
				}
				if f.Objects[0].Kind != "CustomResourceDefinition" {
					count(f.Objects[0].Node)
				}
			}
			t.Logf("%d objects, %d values placed, %d nearly", len(out.Manifests), exact, near)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
