package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// A registry that asks for credentials, and gets them in each of the ways.
func TestCredentials(t *testing.T) {
	t.Parallel()
	const user, secret = "purser", "a-password-of-the-registry"
	auth := func(w *world, password string) string {
		return `--registry-auths=[{registry: "` + w.Host + `", username: ` + user + `, password: ` + password + `}]`
	}
	for name, test := range map[string]struct {
		args func(w *world) []string
		code int
	}{
		"registry-auths": {func(w *world) []string { return []string{auth(w, secret)} }, 0},
		"wrong password": {func(w *world) []string { return []string{auth(w, "hunter2-is-not-it")} }, 3},
		"none":           {func(*world) []string { return nil }, 3},
		"docker's config": {func(w *world) []string {
			config := w.source("docker", "config.json", `{"auths": {"`+w.Host+`": {"username": "`+user+`", "password": "`+secret+`"}}}`)
			w.env = append(w.env, "DOCKER_CONFIG="+config)
			return nil
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBareWorld(t, registrytest.Options{Username: user, Password: secret, Bearer: true})
			args := append(test.args(w), "--input="+w.hull(), "--scanners=secret")
			o := w.gate(w.ship("good"), append(w.toHarbour(), args...)...)
			o.exits(test.code)
			o.decides(verdict.Pass)
			if o.Acted == nil || o.Acted.Done != (test.code == 0) {
				t.Errorf("acted %+v", o.Acted)
			}
			if test.code != 0 {
				o.last("an act failed", "does not accept the credentials", "docker login "+w.Host)
			}
			for where, text := range map[string]string{"stdout": o.stdout, "stderr": o.stderr, "the command": o.Reproduce} {
				if strings.Contains(text, secret) || strings.Contains(text, "hunter2-is-not-it") {
					t.Errorf("%s holds the password: %s", where, text)
				}
			}
		})
	}
}

// A registry without the referrers API, as ghcr.io is; the key comes from the
// environment, as in a CI.
func TestWithoutTheReferrersAPI(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, registrytest.Options{NoReferrers: true})
	dir, hull := w.ship("good"), w.hull()
	key, err := os.ReadFile(w.key)
	check(t, err)
	w.env = append(w.env, "THE_KEY="+string(key))
	args := []string{"--push", "--tags=" + w.Host + "/ships/good:1.0.0", "--signing-key=env://THE_KEY", "--input=" + hull, "--scanners=secret"}
	o := w.gate(dir, args...)
	o.exits(0)
	check(t, sailed(o.Result, w.tagged("ships/good", "1.0.0")))
	w.Reset(nil)
	w.gate(dir, args...).exits(0)
	if writes := w.Writes(); len(writes) > 0 {
		t.Errorf("the second run wrote %v", writes)
	}
	check(t, os.RemoveAll(w.reports))
	w.run(dir, "verify", "--verification-key="+w.pub, w.Host+"/ships/good:1.0.0").exits(0)
}

// A tag that may not move: what was pushed stays, and it is said.
func TestImmutableTag(t *testing.T) {
	t.Parallel()
	w := newBareWorld(t, registrytest.Options{ImmutableTags: true})
	dir := w.ship("good")
	w.gate(dir, append(w.toHarbour(), "--input="+w.hull(), "--scanners=secret")...).exits(0)
	first := w.tagged("ships/good", "1.0.0")
	// The image runs as root, which alone would fail.
	o := w.gate(dir, append(w.toHarbour(), "--input="+w.base, "--scanners=secret", "--lint-fail-on-severity=critical")...)
	o.exits(3)
	o.decides(verdict.Pass)
	o.last("an act failed", "does not let this tag move")
	if now := w.tagged("ships/good", "1.0.0"); first == "" || now != first {
		t.Errorf("the tag named %q and names %q", first, now)
	}
}

// Two gates at once, with one cache and one repository, both finish.
func TestTwoGatesAtOnce(t *testing.T) {
	t.Parallel()
	needsBuilder(t)
	w := newWorld(t, registrytest.Options{})
	dir := w.ship("good")
	other := *w
	other.reports = filepath.Join(w.dir, "other-reports")
	first, second := w.startGate(dir, w.toHarbour()...), other.startGate(dir, w.toHarbour()...)
	first.together, second.together = true, true
	a, b := first.wait(), second.wait()
	a.exits(0)
	b.exits(0)
	tagged := w.tagged("ships/good", "1.0.0")
	check(t, sailed(a.Result, tagged))
	check(t, sailed(b.Result, tagged))
	w.leavesNothing(b)
}
