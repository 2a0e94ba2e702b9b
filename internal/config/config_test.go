package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

func none(string) string { return "" }

func environment(pairs ...string) config.Getenv {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestEverySettingIsComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range config.Settings() {
		if s.Usage == "" || s.Group == "" || s.Kind == "" {
			t.Errorf("setting %q lacks a usage, a group or a kind", s.Name)
		}
		if seen[s.Name] {
			t.Errorf("setting %q stands twice", s.Name)
		}
		seen[s.Name] = true
		if s.Name != strings.ToLower(s.Name) || strings.ContainsAny(s.Name, " _") {
			t.Errorf("setting %q is not kebab-case", s.Name)
		}
	}
}

func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, config.FileName, "version: 1\nfail-on-severity: low\ntags: [a:1, b:2]\nbuild-args:\n  FROM_FILE: yes\nfile: build/Dockerfile\nprofile: strict\n")
	t.Chdir(dir)

	c, operands, err := config.Load("gate", []string{"--tags", "c:3", "ctx", "--tags=d:4,e:5", "--push", "--", "--odd"},
		environment("INPUT_FAIL-ON-SEVERITY", "critical", "INPUT_PROFILE", ""))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "flags replace the file and add up", []string{"c:3", "d:4", "e:5"}, c.Tags)
	check(t, "an input wins over the file", finding.Critical, c.FailOn)
	check(t, "an empty input is not given", "strict", c.Profile)
	check(t, "a default stays", finding.High, c.LintFailOn)
	check(t, "a switch stands alone", "true", c.Push)
	check(t, "operands stand anywhere", []string{"ctx", "--odd"}, operands)
	check(t, "a mapping in the file", map[string]string{"FROM_FILE": "yes"}, c.BuildArgs)
}

func TestFilesFromTheRootDown(t *testing.T) {
	root := t.TempDir()
	write(t, root, ".git/HEAD", "ref: refs/heads/main\n")
	write(t, root, config.FileName, "target: far\ntags: [far:1]\n")
	write(t, root, "svc/web/"+config.FileName, "target: near\nfile: sub/Dockerfile\n")
	t.Chdir(root)
	c, _, err := config.Load("gate", []string{"svc/web"}, none)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "the nearest wins per key", "near", c.Target)
	check(t, "what it does not say holds", []string{"far:1"}, c.Tags)
	check(t, "paths are relative to their file", filepath.Join("svc", "web", "sub", "Dockerfile"), c.File)
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	tests := map[string]struct {
		args []string
		env  config.Getenv
		file string
		want string
	}{
		"unknown flag":        {args: []string{"--fail-on-severty=high"}, want: "flag --fail-on-severty: not a flag of this command; did you mean fail-on-severity?"},
		"unknown severity":    {args: []string{"--fail-on-severity=hgih"}, want: `flag --fail-on-severity: unknown severity "hgih"; want one of critical, high, medium, low, info`},
		"missing value":       {args: []string{"--file"}, want: "flag --file: needs a value"},
		"choice":              {env: environment("INPUT_PUSH", "maybe"), want: `input push: "maybe" is not known; want one of auto, true, false`},
		"duration":            {args: []string{"--timeout=5"}, want: `flag --timeout: "5" is not a duration; want a number and a unit, such as 90s, 30m or 72h`},
		"another command's":   {file: "signing-kee: x\n", want: `.plimsoll.yaml:1: "signing-kee" is not a setting; did you mean signing-key?`},
		"twice":               {file: "target: a\ntarget: b\n", want: `.plimsoll.yaml:2: "target" is set twice, first on line 1`},
		"tabs":                {file: "tags:\n\t- a\n", want: ".plimsoll.yaml: line 2: found character that cannot start any token"},
		"version":             {file: "version: 2\n", want: `.plimsoll.yaml:1: version "2" is not known to this plimsoll; want 1`},
		"list":                {file: "- a\n", want: `.plimsoll.yaml:1: want a mapping of settings, such as "fail-on-severity: high"`},
		"bad value in a file": {file: "\n\npull: perhaps\n", want: `.plimsoll.yaml:3: "perhaps" is neither true nor false`},
		"a secret in a file":  {file: "secrets: {token: hunter2}\n", want: `.plimsoll.yaml:1: "secrets" is not a setting`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			write(t, dir, config.FileName, test.file)
			env := test.env
			if env == nil {
				env = none
			}
			_, _, err := config.Load("gate", test.args, env)
			if _, ok := errors.AsType[*config.UsageError](err); !ok {
				t.Fatalf("got %v, want a usage error", err)
			}
			check(t, "message", test.want, err.Error())
		})
	}
}

func TestSecretsAreNotRepeated(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, env := range []config.Getenv{
		environment("INPUT_REGISTRY-AUTHS", "- registry: [hunter2\n"),
		environment("INPUT_REGISTRY-AUTHS", "- {registry: ghcr.io, username: hunter2}\n"),
		environment("INPUT_SECRETS", "hunter2"),
	} {
		_, _, err := config.Load("gate", nil, env)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v; want one that does not repeat the secret", err)
		}
	}
	c, _, err := config.Load("gate", []string{"--tags=a:1", "--target=x", "--push", "--build-args=NPM_TOKEN=hunter2", "--skip-dirs=a", "--skip-dirs=b", "--as-of=2027-01-01", "--quiet"},
		environment("INPUT_SECRETS", "token=hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "the secret", map[string]string{"token": "hunter2"}, c.Secrets)
	check(t, "the line that reproduces", []string{"--skip-dirs=a", "--skip-dirs=b", "--target=x", "--build-args=NPM_TOKEN", "--as-of=2027-01-01"}, c.Line("gate"))
}

func TestNameAloneIsTheVariable(t *testing.T) {
	t.Chdir(t.TempDir())
	c, _, err := config.Load("build", []string{"--build-args=VERSION"}, environment("VERSION", "1=2"))
	if err != nil {
		t.Fatal(err)
	}
	check(t, "build-args", map[string]string{"VERSION": "1=2"}, c.BuildArgs)
	c, _, err = config.Load("lint", []string{"--as-of=2027-01-31"}, none)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "as-of", time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), c.AsOf)
}

func FuzzFile(f *testing.F) {
	f.Add("version: 1\ntags: [a, b]\n")
	f.Add("a: &a [*a]\n")
	f.Add("build-args: {A: &x 1, B: *x}\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, config.FileName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := config.Load("gate", []string{"--config-file", path}, none)
		var usage *config.UsageError
		if err != nil && !errors.As(err, &usage) {
			t.Errorf("error %v is not a usage error", err)
		}
	})
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
