package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// closedPort is an address that nobody answers at.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

// A build that ran and failed fails on its line; one that could not run is not known.
func TestBuildsThatFail(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	closed := closedPort(t)
	const quiet = "\nUSER 1000\n"
	for name, test := range map[string]struct {
		dockerfile string
		code       int
		line       int // of the reason; 0 is none
		want       []string
	}{
		"registry out of reach": {"FROM " + closed + "/alpine:3.11" + quiet, 3, 0, []string{closed, "check that it can be reached"}},
		"no such base":          {"FROM HOST/alpine:9.99" + quiet, 1, 1, []string{"alpine:9.99", "not found"}},
		"no such repository":    {"# the base\nFROM HOST/nothing:1" + quiet, 1, 2, []string{"nothing:1", "not found"}},
		"a step fails":          {"FROM HOST/alpine:3.11\nRUN true\nRUN echo the hold is wet; false" + quiet, 1, 3, []string{"exited with code 1"}},
		"no such program":       {"FROM HOST/alpine:3.11\nRUN [\"/bin/absent\"]" + quiet, 1, 2, []string{"/bin/absent"}},
		"no such file":          {"FROM scratch\nCOPY absent /\nUSER 1000\n", 1, 2, []string{"absent", "was not found"}},
		"no such stage":         {"FROM scratch\nCOPY --from=" + closed + "/hold:1 / /\nUSER 1000\n", 3, 0, []string{closed}},
		"no such instruction":   {"FROM scratch\nFORM scratch\nUSER 1000\n", 1, 2, []string{"FORM"}},
		"nothing in it":         {"# nothing\n", 1, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			dir := w.source("repository", "Dockerfile", strings.ReplaceAll(test.dockerfile, "HOST", w.Host))
			o := w.gate(dir, w.toHarbour()...)
			o.exits(test.code)
			o.decides(map[int]verdict.Decision{1: verdict.Fail, 3: verdict.Indeterminate}[test.code])
			r := o.reason(test.want...)
			if test.line > 0 && (r.Location.Path != "Dockerfile" || r.Location.Line != test.line) {
				t.Errorf("it stands on %s:%d, want Dockerfile:%d: %s", r.Location.Path, r.Location.Line, test.line, r.Message)
			}
			if test.line > 0 {
				o.last("fail", fmt.Sprintf("Dockerfile:%d", test.line))
			}
			for _, path := range []string{w.dir, scratch} {
				if strings.Contains(r.Message, path) {
					t.Errorf("the message names a path of ours: %s", r.Message)
				}
			}
			if len(w.Writes()) > 0 {
				t.Errorf("the registry saw %v", w.Writes())
			}
		})
	}
}

// What was to be judged and cannot be parsed is said with its line, and is not
// known: exit 3.
func TestSourcesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const good = "FROM scratch\nUSER 1000\n"
	for name, test := range map[string]struct {
		path, content string
		code          int
		want          []string
	}{
		"malformed Dockerfile": {"Dockerfile", "FROM scratch\nCOPY\nUSER 1000\n", 3, []string{"Dockerfile:2"}},
		"unknown instruction":  {"Dockerfile", "FROM scratch\nFORM scratch\nUSER 1000\n", 3, []string{"Dockerfile:2", "FORM"}},
		"tabs":                 {"deploy/app.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: a\n", 3, []string{"deploy/app.yaml:4", "tab"}},
		"ten megabytes":        {"deploy/app.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n# " + strings.Repeat("x", 10<<20) + "\n", 3, []string{"deploy/app.yaml", "more than the limit of 10485760", "skip it"}},
		"alias bomb":           {"deploy/app.yaml", bomb(), 3, []string{"deploy/app.yaml", "alias"}},
		"deep nesting":         {"deploy/app.yaml", "apiVersion: v1\nkind: Pod\nmetadata: " + strings.Repeat("[", 20_000) + "\n", 3, []string{"deploy/app.yaml"}},
		"not text":             {"Dockerfile", "FROM scratch\n\x00\xff\xfe\n", 3, []string{"Dockerfile"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBareWorld(t, registrytest.Options{})
			dir := w.source("repository", "Dockerfile", good, test.path, test.content)
			o := w.run(dir, "lint", ".")
			o.exits(test.code)
			o.last(append([]string{"indeterminate"}, test.want...)...)
			if o.took > 10*time.Second {
				t.Errorf("it took %s", o.took)
			}
			o = w.gate(dir, append(w.toHarbour(), "--input="+w.hull(), "--scanners=secret")...)
			o.exits(test.code)
			o.decides(verdict.Indeterminate)
			if len(w.Writes()) > 0 {
				t.Errorf("the registry saw %v", w.Writes())
			}
		})
	}
}

// bomb is a manifest of a few hundred bytes that stands for a billion strings.
func bomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n")
	for c := 'b'; c <= 'i'; c++ {
		p := string(c - 1)
		fmt.Fprintf(&b, "  %c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+p+",", 10), ","))
	}
	b.WriteString("  containers: *i\n")
	return b.String()
}

// A registry that only lets read: the verdict stands, the act failed.
func TestPushIsRefused(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, registrytest.Options{})
	w.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if (registrytest.Entry{Method: r.Method}).Write() {
			return registrytest.Fate{Status: http.StatusForbidden}
		}
		return registrytest.Fate{}
	})
	o := w.gate(w.ship("good"), append(w.toHarbour(), "--input="+w.hull(), "--scanners=secret")...)
	o.exits(3)
	o.decides(verdict.Pass)
	if o.Acted == nil || o.Acted.Done || o.Acted.Pushed != "" || o.Acted.Signed != "" || len(o.Acted.Tags) > 0 {
		t.Errorf("acted %+v", o.Acted)
	}
	o.last("pass", "an act failed", w.Host+" denies access", "docker login")
	w.Reset(nil)
	if moved := w.tagged("ships/good", "1.0.0"); moved != "" {
		t.Errorf("the tag names %s", moved)
	}
	// Not even warn-only hides an act that failed.
	w.Reset(func(_ int, r *http.Request) registrytest.Fate {
		if (registrytest.Entry{Method: r.Method}).Write() {
			return registrytest.Fate{Status: http.StatusForbidden}
		}
		return registrytest.Fate{}
	})
	w.gate(filepath.Join(w.dir, "good"), append(w.toHarbour(), "--warn-only", "--input="+filepath.Join(w.dir, "hull"), "--scanners=secret")...).exits(3)
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	o := w.gate(w.ship("good"), append(w.toHarbour(), "--input="+w.hull(), "--dry-run")...)
	o.exits(0)
	o.decides(verdict.Pass)
	o.last("pass")
	if o.Acted != nil || len(w.Writes()) > 0 || w.tagged("ships/good", "1.0.0") != "" {
		t.Errorf("acted %+v, writes %v", o.Acted, w.Writes())
	}
	if !strings.Contains(o.stdout, "dry run: after a pass this would be pushed to "+w.Host+"/ships/good:1.0.0") {
		t.Errorf("it does not say what it would do:\n%s", o.stdout)
	}
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	nextYear := "--as-of=" + time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"out of reach":        {[]string{"--db-repository=" + closed + "/trivy-db:2"}, 3, []string{closed}},
		"too old":             {[]string{nextYear}, 3, []string{"days ago", "raise db-max-age"}},
		"old and allowed":     {[]string{nextYear, "--db-max-age=0s"}, 0, nil},
		"too old, warn only":  {[]string{nextYear, "--warn-only"}, 0, nil},
		"second mirror":       {[]string{"--db-repository=" + closed + "/trivy-db:2,HOST/trivy-db:2"}, 0, nil},
		"a directory":         {[]string{"--db-path=DATABASE"}, 0, nil},
		"no such directory":   {[]string{"--db-path=absent"}, 3, []string{"absent"}},
		"offline and none":    {[]string{"--offline"}, 3, []string{"offline"}},
		"no such repository":  {[]string{"--db-repository=HOST/none:2"}, 3, []string{"none:2"}},
		"another kind of tag": {[]string{"--db-repository=HOST/alpine:3.11"}, 3, []string{"alpine:3.11"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			var args []string
			for _, a := range test.args {
				args = append(args, strings.NewReplacer("HOST", w.Host, "DATABASE", w.database).Replace(a))
			}
			o := w.gate(w.ship("good"), append(args, append(w.toHarbour(), "--input="+w.hull())...)...)
			o.exits(test.code)
			if test.code == 0 && !strings.Contains(name, "warn only") {
				o.decides(verdict.Pass)
				check(t, sailed(o.Result, w.tagged("ships/good", "1.0.0")))
				return
			}
			o.decides(verdict.Indeterminate)
			o.last(append([]string{"indeterminate"}, test.want...)...)
			if strings.Contains(o.stdout, w.tmp) {
				t.Errorf("it names a temporary path:\n%s", o.stdout)
			}
			if len(w.Writes()) > 0 {
				t.Errorf("the registry saw %v", w.Writes())
			}
		})
	}
}

// A layout in which a byte was changed is not judged by half, and not pushed.
func TestTamperedLayout(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, registrytest.Options{})
	hull := w.hull()
	blobs, err := filepath.Glob(filepath.Join(hull, "blobs", "sha256", "*"))
	check(t, err)
	var largest string
	var size int64
	for _, blob := range blobs {
		if info, err := os.Stat(blob); err == nil && info.Size() > size {
			largest, size = blob, info.Size()
		}
	}
	data, err := os.ReadFile(largest)
	check(t, err)
	data[len(data)/2] ^= 1
	check(t, os.WriteFile(largest, data, 0o644))
	dir := w.ship("good")
	o := w.gate(dir, append(w.toHarbour(), "--input="+hull, "--scanners=secret")...)
	o.exits(3)
	o.decides(verdict.Indeterminate)
	if len(o.Unread) != 1 || o.Unread[0].Kind != "layer" || !strings.HasSuffix(o.Unread[0].Cause, "; build or pull the image again") {
		t.Errorf("unread %+v", o.Unread)
	}
	if len(w.Writes()) > 0 {
		t.Errorf("the registry saw %v", w.Writes())
	}
	// Half of it is missing.
	check(t, os.Remove(largest))
	o = w.gate(dir, append(w.toHarbour(), "--input="+hull, "--scanners=secret")...)
	o.exits(3)
	o.decides(verdict.Indeterminate)
	o = w.gate(dir, "--scanners=secret", "--input="+filepath.Join(w.dir, "absent"))
	o.exits(3)
	o.reason("absent", "no such file")
}
