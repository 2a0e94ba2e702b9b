package cli_test

import (
	"path/filepath"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/github/githubtest"
)

// A change that moves the context is judged in both: what was judged still is.
func TestMovedContextIsLinted(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]files{
		"no settings": {"Dockerfile": good, "docs/README": "x\n"},
		"a context":   {".plimsoll.yaml": "context: deploy\n", "deploy/Dockerfile": good, "docs/README": "x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(base, files{".plimsoll.yaml": "context: docs\n", "deploy/web.yaml": oldDeployment})
			r := w.run(run{})
			r.is(1, "verdict=fail")
			says(t, "summary", plain(r.Summary), `deploy/web.yaml`)
			r = w.run(run{with: map[string]string{"context": "docs"}}) // the run says so itself
			r.is(0)
		})
	}
}

// A context that went with the change is not missed.
func TestContextThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, githubtest.Options{}, writing)
	w.open(files{".plimsoll.yaml": "context: app\n", "app/Dockerfile": good, "web/README": "x\n"},
		files{".plimsoll.yaml": "context: web\n", "app/Dockerfile": gone, "web/Dockerfile": good})
	w.run(run{}).is(0, "verdict=pass")
}

// A change that moves the context away from what is built does not pass for it.
func TestMovedContextIsBuilt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		base, change files
		code         int
		say          string
	}{
		"away":         {files{".plimsoll.yaml": "scanners: secret\n", "Dockerfile": good, "docs/README": "x\n"}, files{".plimsoll.yaml": "scanners: secret\ncontext: docs\n"}, 2, `moves the context to .docs., away from the Dockerfile that is built, .Dockerfile.`},
		"away, below":  {files{".plimsoll.yaml": "scanners: secret\n", "app/Dockerfile": good, "docs/README": "x\n"}, files{".plimsoll.yaml": "scanners: secret\ncontext: docs\n"}, 2, `away from the Dockerfile that is built, .app/Dockerfile.`},
		"without file": {files{".plimsoll.yaml": "scanners: secret\nfile: a.build\n", "a.build": good}, files{".plimsoll.yaml": "scanners: secret\n"}, 2, `away from the Dockerfile that is built, .a.build.`},
		"to another":   {files{".plimsoll.yaml": "scanners: secret\n", "Dockerfile": good}, files{".plimsoll.yaml": "scanners: secret\ncontext: app\n", "app/Dockerfile": good}, 1, ``},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, githubtest.Options{}, writing)
			w.open(c.base, c.change)
			r := w.run(run{gate: true})
			r.is(c.code)
			below, _ := filepath.Glob(filepath.Join(r.Workspace, "*", "*.built"))
			if built := r.built() || len(below) > 0; built != (c.code == 1) {
				t.Errorf("built: %v", built)
			}
			says(t, "log", r.Text(), c.say)
		})
	}
}
