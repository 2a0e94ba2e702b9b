package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
)

// What spends the job's trust: a change sets none of it, whatever it writes.
func TestGuardedSettings(t *testing.T) {
	get := map[string]func(*config.Config) string{
		"input":            func(c *config.Config) string { return c.Input },
		"image-ref":        func(c *config.Config) string { return c.ImageRef },
		"secret-files":     func(c *config.Config) string { return c.SecretFiles["a"] },
		"secret-envs":      func(c *config.Config) string { return c.SecretEnvs["a"] },
		"cache-from":       func(c *config.Config) string { return strings.Join(c.CacheFrom, " ") },
		"cache-to":         func(c *config.Config) string { return strings.Join(c.CacheTo, " ") },
		"driver":           func(c *config.Config) string { return c.Driver },
		"endpoint":         func(c *config.Config) string { return c.Endpoint },
		"endpoint-tls-dir": func(c *config.Config) string { return c.EndpointTLSDir },
		"tags":             func(c *config.Config) string { return strings.Join(c.Tags, " ") },
		"push":             func(c *config.Config) string { return c.Push },
		"sign":             func(c *config.Config) string { return c.Sign },
		"signing-key":      func(c *config.Config) string { return c.SigningKey },
		"report-dir":       func(c *config.Config) string { return c.ReportDir },
		"comment":          func(c *config.Config) string { return c.Comment },
		"comment-key":      func(c *config.Config) string { return c.CommentKey },
		"cache-dir":        func(c *config.Config) string { return c.CacheDir },
		"cache":            func(c *config.Config) string { return c.Cache },
		"cache-repository": func(c *config.Config) string { return c.CacheRepository },
		"db-repository":    func(c *config.Config) string { return strings.Join(c.DBRepository, " ") },
		"db-path":          func(c *config.Config) string { return c.DBPath },
	}
	for name, values := range map[string][3]string{ // at the base, in the head, as an input
		"input": {"base.tar", "head.tar", "said.tar"}, "image-ref": {"a/base", "a/head", "a/said"},
		"secret-files": {"{a: base}", "{a: /proc/self/environ}", "a=said"}, "secret-envs": {"{a: BASE}", "{a: GITHUB_TOKEN}", "a=SAID"},
		"cache-from": {"[a/base]", "[a/head]", "a/said"}, "cache-to": {"[a/base]", "[a/head]", "a/said"},
		"driver": {"embedded", "remote", "docker"}, "endpoint": {"tcp://base", "tcp://head", "tcp://said"}, "endpoint-tls-dir": {"base", "head", "said"},
		"tags": {"a/base:1", "a/head:1", "a/said:1"}, "push": {"false", "true", "auto"}, "sign": {"false", "true", "auto"}, "signing-key": {"base.key", "head.key", "said.key"},
		"report-dir": {"base", "/etc", "said"}, "comment": {"always", "never", "on-failure"}, "comment-key": {"base", "head", "said"},
		"cache-dir": {"base", "head", ""}, "cache": {"none", "registry", ""}, "cache-repository": {"a/base", "a/head", ""}, "db-repository": {"a/base", "a/head", ""}, "db-path": {"base", "head", ""},
	} {
		t.Run(name, func(t *testing.T) {
			standard := get[name](must(config.Load("gate", nil, none)))
			plain := strings.NewReplacer("[", "", "]", "", "{a: ", "", "}", "").Replace
			for at, test := range map[string]struct {
				base, head map[string]string
				input      string
				want       string
				refused    int
			}{
				"the head sets it":          {settings("version: 1"), settings(name + ": " + values[1]), "", standard, 1},
				"a first file sets it":      {nil, settings(name + ": " + values[1]), "", standard, 1},
				"the head changes it":       {settings(name + ": " + values[0]), settings(name + ": " + values[1]), "", plain(values[0]), 1},
				"the head removes it":       {settings(name + ": " + values[0]), nil, "", plain(values[0]), 1},
				"both have it":              {settings(name + ": " + values[0]), settings(name + ": " + values[0]), "", plain(values[0]), 0},
				"an input wins over a head": {settings("version: 1"), settings(name + ": " + values[1]), values[2], strings.TrimPrefix(values[2], "a="), 0},
			} {
				if at == "an input wins over a head" && values[2] == "" {
					continue // it has a direction
				}
				change := sides(t, test.base, test.head)
				c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, environment("INPUT_"+strings.ToUpper(name), test.input), change)
				if err != nil {
					t.Fatalf("%s: %v", at, err)
				}
				if got := get[name](c); got != test.want || len(c.Refused) != test.refused {
					t.Errorf("%s: %q, want %q; refused %q", at, got, test.want, c.Refused)
				}
				for _, sentence := range c.Refused {
					if !strings.Contains(sentence, "it counts once it is merged") || !strings.Contains(sentence, name) {
						t.Errorf("%s: %s", at, sentence)
					}
				}
			}
		})
	}
}

func must(c *config.Config, _ []string, err error) *config.Config {
	if err != nil {
		panic(err)
	}
	return c
}

// A build argument without a value takes a variable of the job into a build that the
// change writes.
func TestBareBuildArguments(t *testing.T) {
	vars := environment("TOKEN", "secret", "VERSION", "3")
	for name, test := range map[string]struct {
		base, head map[string]string
		want       map[string]string
		refused    []string
		changed    int
	}{
		"the head takes one":         {settings("version: 1"), settings("build-args: [A=1, TOKEN]"), map[string]string{"A": "1"}, []string{`"build-args: TOKEN" in .plimsoll.yaml:1 takes a variable of the job and does not count yet; it counts once it is merged`}, 1},
		"in lines":                   {nil, settings("build-args: |\n  A=1\n  TOKEN\n"), map[string]string{"A": "1"}, []string{`"build-args: TOKEN" in .plimsoll.yaml:1 takes a variable of the job and does not count yet; it counts once it is merged`}, 1},
		"one that nobody has":        {nil, settings("build-args: [NOWHERE]"), nil, []string{`"build-args: NOWHERE" in .plimsoll.yaml:1 takes a variable of the job and does not count yet; it counts once it is merged`}, 0},
		"the base takes it":          {settings("build-args: [VERSION]"), settings("build-args: [B=2, VERSION]"), map[string]string{"B": "2", "VERSION": "3"}, nil, 1},
		"the base takes another one": {settings("build-args: [VERSION]"), settings("build-args: [TOKEN, VERSION]"), map[string]string{"VERSION": "3"}, []string{`"build-args: TOKEN" in .plimsoll.yaml:1 takes a variable of the job and does not count yet; it counts once it is merged`}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			change := sides(t, test.base, test.head)
			c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, vars, change)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, c.BuildArgs) + cmp.Diff(test.refused, c.Refused); diff != "" || len(c.Changed) != test.changed {
				t.Errorf("(-want +got):\n%s\nchanged %q", diff, c.Changed)
			}
		})
	}
}

// The base commit is built with its own settings, and both with what the run says.
func TestBeforeHasItsOwn(t *testing.T) {
	change := sides(t, settings("target: app\nbuild-args: { SRC: app }\n"), settings("file: new/Containerfile\nbuild-args: { SRC: fixtures }\n"))
	vars := environment("INPUT_PLATFORMS", "linux/arm64", "INPUT_LABELS", "a=b")
	for _, load := range []func() (*config.Config, []string, error){
		func() (*config.Config, []string, error) {
			return config.LoadChange(config.OnPullRequest, "gate", nil, vars, change)
		},
		func() (*config.Config, []string, error) { return config.LoadOn(config.OnPush, "gate", nil, vars) },
	} {
		c, _, err := load()
		if err != nil {
			t.Fatal(err)
		}
		was, err := c.Before(change, vars)
		if err != nil {
			t.Fatal(err)
		}
		if c.Target != "" || c.BuildArgs["SRC"] != "fixtures" || c.File != filepath.Join("new", "Containerfile") {
			t.Errorf("the head builds %q %v %q", c.Target, c.BuildArgs, c.File)
		}
		if was.Target != "app" || was.BuildArgs["SRC"] != "app" || was.File != "" || was.Platform != "linux/arm64" || was.Labels["a"] != "b" {
			t.Errorf("the base builds %q %v %q %q %v", was.Target, was.BuildArgs, was.File, was.Platform, was.Labels)
		}
	}
	c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, vars, change)
	want := []string{
		`the change builds with "file: new/Containerfile" in .plimsoll.yaml:1; the base commit does not set it`,
		`the change removes "target"; the base commit has "app"`,
		`the change builds with "build-args: SRC=fixtures" in .plimsoll.yaml:2; the base commit has "SRC=app"`,
	}
	if diff := cmp.Diff(want, c.Changed); diff != "" || err != nil {
		t.Errorf("changed (-want +got):\n%s%v", diff, err)
	}
}

// A change builds from the repository alone; who runs it, from where they like.
func TestBuiltFromTheRepository(t *testing.T) {
	out := t.TempDir()
	for name, test := range map[string]struct {
		base, head string // settings
		link       string // a name that leads out
		input      string // "name=value"
		want       string // "" is that it may
	}{
		"a context above":            {"", "context: ..", "", "", `.plimsoll.yaml:1: context: ".." lies outside of the repository; a change builds from the repository alone`},
		"an absolute one":            {"", "context: /proc/self", "", "", `.plimsoll.yaml:1: context: "/proc/self" lies outside`},
		"an absolute file":           {"", "file: /proc/self/environ", "", "", `.plimsoll.yaml:1: file: "/proc/self/environ" lies outside`},
		"a named one":                {"", "build-contexts: { a: /etc }", "", "", `.plimsoll.yaml:1: build-contexts: "/etc" lies outside`},
		"a layout":                   {"", "build-contexts: { a: \"oci-layout:///var/lib/x:1\" }", "", "", `.plimsoll.yaml:1: build-contexts: "/var/lib/x" lies outside`},
		"an image":                   {"", "build-contexts: { a: docker-image://a/b }", "", "", ""},
		"a context by a link":        {"", "context: link", "link", "", `.plimsoll.yaml:1: context: "link" is a link that leads out of the repository`},
		"an input by a link":         {"", "", "link", "context=link", `input context: context: "link" is a link that leads out`},
		"a Dockerfile by a link":     {"", "", "Dockerfile", "", `file: file: "Dockerfile" is a link that leads out`},
		"an ignore file by a link":   {"", "", ".dockerignore", "", `file: file: ".dockerignore" is a link that leads out`},
		"the Dockerfile's own":       {"", "", "Dockerfile.dockerignore", "", `file: file: "Dockerfile.dockerignore" is a link that leads out`},
		"that of a named Dockerfile": {"", "file: x.df", "x.df.dockerignore", "", `.plimsoll.yaml:1: file: "x.df.dockerignore" is a link that leads out`},
		"settings by a link":         {"", "", "other.yaml", "config-file=other.yaml", `config-file: "other.yaml" is a link that leads out`},
		"a secret by a link":         {"", "", "npmrc", "secret-files=a=npmrc", `input secret-files: secret-files: "npmrc" is a link that leads out`},
		"an input elsewhere":         {"", "", "", "context=" + out, ""},
		"the base's own elsewhere":   {"build-contexts: { a: /etc }", "build-contexts: { a: /etc }", "", "", ""},
		"below":                      {"", "context: sub", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			change := sides(t, settings(test.base), settings(test.head))
			if test.link != "" {
				if err := os.Symlink(out, test.link); err != nil {
					t.Fatal(err)
				}
			}
			said, value, _ := strings.Cut(test.input, "=")
			_, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, environment("INPUT_"+strings.ToUpper(said), value), change)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v; want %q", err, test.want)
			}
			if _, _, err := config.Load("gate", nil, environment("INPUT_"+strings.ToUpper(said), value)); err != nil && said != "config-file" {
				t.Errorf("on a laptop: %v", err)
			}
		})
	}
}

// What is found below the context is the change's, too.
func TestWithin(t *testing.T) {
	change := sides(t, nil, map[string]string{"a/Dockerfile": "FROM scratch\n"})
	if err := config.Within(change.Head, filepath.Join("a", "Dockerfile")); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"Dockerfile.dockerignore", "other.Dockerfile"} {
		link := filepath.Join("a", name)
		if err := os.Symlink(t.TempDir(), link); err != nil {
			t.Fatal(err)
		}
		err := config.Within(change.Head, strings.TrimSuffix(link, ".dockerignore"))
		if _, ok := errors.AsType[*config.UsageError](err); !ok || !strings.Contains(err.Error(), "leads out of the repository") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
