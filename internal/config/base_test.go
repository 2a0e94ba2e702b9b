package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// sides makes the two trees of a change from path → content, and stands in the head.
func sides(t *testing.T, base, head map[string]string) config.Change {
	t.Helper()
	change := config.Change{Head: t.TempDir(), Base: t.TempDir()}
	for dir, files := range map[string]map[string]string{change.Base: base, change.Head: head} {
		for name, content := range files {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(change.Head, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(change.Head)
	return change
}

func settings(text string) map[string]string { return map[string]string{config.FileName: text} }

func TestWhoMayLoosen(t *testing.T) {
	file := "version: 1\n"
	for name, test := range map[string]struct {
		base, head map[string]string
		inputs     []string
		want       string // fail-on-severity
		refused    []string
		first      bool
	}{
		"nobody says anything":                {nil, nil, nil, "high", nil, true},
		"the base says, the head keeps it":    {settings("fail-on-severity: critical"), settings("fail-on-severity: critical"), nil, "critical", nil, false},
		"the head tightens":                   {settings("fail-on-severity: high"), settings("fail-on-severity: low"), nil, "low", nil, false},
		"the head loosens":                    {settings("fail-on-severity: high"), settings("\n\nfail-on-severity: critical"), nil, "high", []string{`"fail-on-severity: critical" in .plimsoll.yaml:3 would loosen "high" of the base commit; it counts once it is merged`}, false},
		"the head removes what was strict":    {settings("fail-on-severity: low"), settings(file), nil, "low", []string{`removing "fail-on-severity" would loosen "low" of the base commit; it counts once it is merged`}, false},
		"the head removes the file":           {settings("fail-on-severity: low"), nil, nil, "low", []string{`removing "fail-on-severity" would loosen "low" of the base commit; it counts once it is merged`}, false},
		"the head removes what was lax":       {settings("fail-on-severity: critical"), settings(file), nil, "high", nil, false},
		"the head loosens what is open":       {settings(file), settings("fail-on-severity: critical"), nil, "high", []string{`"fail-on-severity: critical" in .plimsoll.yaml:1 would loosen the default "high"; it counts once it is merged`}, false},
		"the head tightens what is open":      {settings(file), settings("fail-on-severity: medium"), nil, "medium", nil, false},
		"an input sets what is open":          {settings(file), settings(file), []string{"INPUT_FAIL-ON-SEVERITY", "critical"}, "critical", nil, false},
		"an input tightens what is set":       {settings("fail-on-severity: critical"), settings("fail-on-severity: critical"), []string{"INPUT_FAIL-ON-SEVERITY", "high"}, "high", nil, false},
		"an input loosens what is set":        {settings("fail-on-severity: high"), settings("fail-on-severity: high"), []string{"INPUT_FAIL-ON-SEVERITY", "critical"}, "high", []string{`"fail-on-severity: critical" in input fail-on-severity would loosen "high" of the base commit; change it in .plimsoll.yaml`}, false},
		"a stricter head wins over an input":  {settings(file), settings("fail-on-severity: low"), []string{"INPUT_FAIL-ON-SEVERITY", "critical"}, "low", nil, false},
		"a stricter input wins over the head": {settings("fail-on-severity: critical"), settings("fail-on-severity: high"), []string{"INPUT_FAIL-ON-SEVERITY", "low"}, "low", nil, false},
		"a first file tightens":               {nil, settings("fail-on-severity: medium"), nil, "medium", nil, true},
		"a first file loosens":                {nil, settings("fail-on-severity: critical"), nil, "high", []string{`"fail-on-severity: critical" in .plimsoll.yaml:1 would loosen the default "high"; it counts once it is merged`}, true},
		"a first run with a lax input":        {nil, nil, []string{"INPUT_FAIL-ON-SEVERITY", "critical"}, "high", []string{`"fail-on-severity: critical" in input fail-on-severity would loosen the default "high"; the defaults hold until there is a .plimsoll.yaml at the base commit`}, true},
		"the section of a pull request": {
			settings("fail-on-severity: low\npolicy: { pull_request: { fail-on-severity: critical }, release: { fail-on-severity: low } }"),
			settings("fail-on-severity: low\npolicy: { pull_request: { fail-on-severity: critical } }"), nil, "critical", nil, false,
		},
		"a section that the head adds": {
			settings("fail-on-severity: low"), settings("fail-on-severity: low\npolicy: { pull_request: { fail-on-severity: critical } }"), nil, "low",
			[]string{`"fail-on-severity: critical" in .plimsoll.yaml:2 would loosen "low" of the base commit; it counts once it is merged`},
			false,
		},
		"the base's file is broken": {
			settings("fial-on-severity: low"), settings("fail-on-severity: medium"), nil, "medium",
			[]string{`the settings of the base commit cannot be read and the defaults hold: .plimsoll.yaml:1: "fial-on-severity" is not a setting; did you mean fail-on-severity?`},
			true,
		},
		"the base's value is broken": {
			settings("fail-on-severity: loud"), nil, nil, "high",
			[]string{`the settings of the base commit cannot be read and the defaults hold: .plimsoll.yaml:1: unknown severity "loud"; want one of critical, high, medium, low, info`},
			true,
		},
		"a named file, as it stands at the base": {
			map[string]string{"ci/p.yaml": "fail-on-severity: critical"}, map[string]string{"ci/p.yaml": "fail-on-severity: critical"}, []string{"INPUT_CONFIG-FILE", "ci/p.yaml"}, "critical", nil, false,
		},
		"a named file that the head loosens": {
			map[string]string{"ci/p.yaml": "fail-on-severity: high"},
			map[string]string{"ci/p.yaml": "fail-on-severity: critical"},
			[]string{"INPUT_CONFIG-FILE", "ci/p.yaml"},
			"high",
			[]string{`"fail-on-severity: critical" in ci/p.yaml:1 would loosen "high" of the base commit; it counts once it is merged`},
			false,
		},
		"a lax file that is named instead": {
			map[string]string{config.FileName: "fail-on-severity: low", "testdata/lax.yaml": "fail-on-severity: critical"},
			map[string]string{config.FileName: "fail-on-severity: low", "testdata/lax.yaml": "fail-on-severity: critical"},
			[]string{"INPUT_CONFIG-FILE", "testdata/lax.yaml"},
			"low",
			[]string{`"fail-on-severity: critical" in testdata/lax.yaml:1 would loosen "low" of the base commit; change it in .plimsoll.yaml`},
			false,
		},
		"a named file that the head adds": {
			settings(file),
			map[string]string{"lax.yaml": "fail-on-severity: critical"},
			[]string{"INPUT_CONFIG-FILE", "lax.yaml"},
			"high",
			[]string{`"fail-on-severity: critical" in lax.yaml:1 would loosen the default "high"; it counts once it is merged`},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := sides(t, test.base, test.head)
			c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, environment(test.inputs...), change)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.FailOn.String(); got != test.want || c.FirstRun != test.first {
				t.Errorf("fail on %s, first run %v; want %s, %v", got, c.FirstRun, test.want, test.first)
			}
			if diff := cmp.Diff(test.refused, c.Refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

// Each setting that lets findings pass, from a base to a head that loosens and one
// that tightens it.
func TestEveryDirection(t *testing.T) {
	for name, test := range map[string]struct{ base, looser, tighter string }{
		"fail-on-severity":      {"high", "critical", "medium"},
		"lint-fail-on-severity": {"high", "critical", "medium"},
		"ignore-unfixed":        {"false", "true", "false"},
		"warn-only":             {"false", "true", "false"},
		"enforce":               {"true", "false", "true"},
		"db-max-age":            {"48h", "0", "24h"},
		"profile":               {"strict", "document", "strict"},
		"if-nothing-found":      {"warn", "ignore", "error"},
		"skip-dirs":             {"[a, b]", "[a, c]", "[a]"},
		"skip-files":            {"[a]", "[a, b]", "[]"},
		"scanners":              {"[vuln]", "[secret]", "[vuln, secret]"},
		"manifests":             {"[a]", "[b]", "[a, b]"},
		"verification-key":      {"a.pub", "b.pub", "a.pub"},
		"db-repository":         {"[a/b]", "[a/c]", "[a/b]"},
		"db-path":               {"a", "b", "a"},
		"cache-dir":             {"a", "b", "a"},
		"cache":                 {"gha", "registry", "none"},
		"cache-repository":      {"a/b", "a/c", "a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			for value, refused := range map[string]int{test.looser: 1, test.tighter: 0} {
				change := sides(t, map[string]string{config.FileName: name + ": " + test.base, "a.pub": "a key"}, settings(name+": "+value))
				c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, none, change)
				if err != nil {
					t.Fatal(err)
				}
				if len(c.Refused) != refused {
					t.Errorf("%s: refused %q; want %d sentences", value, c.Refused, refused)
				}
			}
		})
	}
}

func TestWhatIsBuiltComesFromTheHead(t *testing.T) {
	change := sides(t, settings("file: old/Dockerfile\ntarget: a\n"), settings("file: new/Dockerfile\n"))
	c, operands, err := config.LoadChange(config.OnPullRequest, "gate", []string{"."}, environment("INPUT_PLATFORMS", "linux/arm64"), change)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Changed) != 2 || c.File != filepath.Join("new", "Dockerfile") || c.Target != "" || c.Platform != "linux/arm64" || len(c.Refused) > 0 || !slices.Equal(operands, []string{"."}) {
		t.Errorf("file %q, target %q, platform %q, refused %q", c.File, c.Target, c.Platform, c.Refused)
	}
}

// A directory of manifests that moves leaves no glob that matches nothing, and
// narrows nothing.
func TestMovedManifests(t *testing.T) {
	change := sides(t, settings("manifests: [k8s/**]"), settings("manifests: [deploy/**]"))
	c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, none, change)
	if err != nil || len(c.Manifests) > 0 || len(c.Refused) != 1 {
		t.Errorf("manifests %q, refused %q, %v", c.Manifests, c.Refused, err)
	}
}

func TestFilesBelowAndAbove(t *testing.T) {
	base := map[string]string{config.FileName: "fail-on-severity: low\nprofile: strict\n", "app/" + config.FileName: "fail-on-severity: medium\n"}
	head := maps.Clone(base)
	head["app/"+config.FileName] = "fail-on-severity: critical\n"
	change := sides(t, base, head)
	c, _, err := config.LoadChange(config.OnPullRequest, "gate", []string{"app"}, none, change)
	if err != nil {
		t.Fatal(err)
	}
	if c.FailOn != finding.Medium || c.Profile != "strict" || len(c.Refused) != 1 || !strings.Contains(c.Refused[0], "app/.plimsoll.yaml:1") {
		t.Errorf("fail on %s, profile %s, refused %q", c.FailOn, c.Profile, c.Refused)
	}
}

// A key in the repository is the base's, whoever named it.
func TestTheKeyIsTheBases(t *testing.T) {
	named := config.FileName
	for name, test := range map[string]struct {
		base, head map[string]string
		input      string
		want       string // what the key holds, or the error
	}{
		"the base names it":    {map[string]string{named: "verification-key: keys/a.pub\n", "keys/a.pub": "base"}, map[string]string{named: "verification-key: keys/a.pub\n", "keys/a.pub": "head"}, "", "base"},
		"an input names it":    {map[string]string{"keys/a.pub": "base"}, map[string]string{"keys/a.pub": "head"}, "keys/a.pub", "base"},
		"the head names it":    {map[string]string{"keys/a.pub": "base"}, map[string]string{named: "verification-key: keys/a.pub\n", "keys/a.pub": "head"}, "", "base"},
		"it comes with change": {nil, map[string]string{"keys/a.pub": "head"}, "keys/a.pub", `input verification-key: verification-key: "keys/a.pub" is no file at the base commit`},
		"another scheme":       {nil, nil, "env://KEY", "env://KEY"},
		"it lies elsewhere":    {nil, nil, os.DevNull, os.DevNull},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, environment("INPUT_VERIFICATION-KEY", test.input), sides(t, test.base, test.head))
			if err != nil {
				if usage, ok := errors.AsType[*config.UsageError](err); !ok || !strings.HasPrefix(usage.Error(), test.want) {
					t.Errorf("%v; want %q", err, test.want)
				}
				return
			}
			if text, err := os.ReadFile(c.VerificationKey); c.VerificationKey != test.want && (err != nil || string(text) != test.want) {
				t.Errorf("the key %s is %q, %v; want %q", c.VerificationKey, text, err, test.want)
			}
		})
	}
}

// What the base's files demand holds in a run that does not have a variable which its
// build takes.
func TestABaseWithoutItsVariable(t *testing.T) {
	text := "fail-on-severity: low\nbuild-args: [NPM_TOKEN, A=1]\n"
	change := sides(t, settings(text), settings("fail-on-severity: critical\n"))
	c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, none, change)
	if err != nil {
		t.Fatal(err)
	}
	if c.FailOn != finding.Low || c.FirstRun || len(c.Refused) != 1 || !strings.Contains(c.Refused[0], "would loosen") {
		t.Errorf("fail on %s, first run %v, refused %q", c.FailOn, c.FirstRun, c.Refused)
	}
	was, err := c.Before(change, none)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"A": "1"}, was.BuildArgs); diff != "" {
		t.Errorf("the base builds with (-want +got):\n%s", diff)
	}
	// A head that asks for it is not built without.
	if _, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, none, sides(t, settings(text), settings(text))); err == nil || !strings.Contains(err.Error(), `"NPM_TOKEN" has no value here`) {
		t.Errorf("the head: %v", err)
	}
}

func TestWithoutABase(t *testing.T) {
	change := sides(t, nil, settings("fail-on-severity: critical\n"))
	change.Base = ""
	c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, none, change)
	if err != nil || c.FailOn != finding.High || !c.FirstRun || len(c.Refused) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestRefusedIsPrintable(t *testing.T) {
	change := sides(t, nil, settings("skip-dirs: [\"a\\e[31m\\u202e\\n::error::b\"]\n"))
	c, _, err := config.LoadChange(config.OnPullRequest, "gate", nil, none, change)
	if err != nil || len(c.Refused) != 1 || strings.ContainsAny(c.Refused[0], "\x1b\u202e\n") {
		t.Errorf("refused %q, %v", c.Refused, err)
	}
}

// What a change may do with a setting somebody decides for each; this test makes
// somebody do it for a new one.
func TestEverySettingIsInOneClass(t *testing.T) {
	known := map[string]bool{"only-introduced": true}
	for _, s := range config.Settings() {
		known[s.Name] = true
		if n := config.Classes(s.Name); n != 1 {
			t.Errorf("%s is in %d classes; put it into one list of direction.go", s.Name, n)
		}
	}
	for _, name := range config.Listed() {
		if !known[name] {
			t.Errorf("direction.go sorts %s, which is no setting", name)
		}
	}
}

func TestSections(t *testing.T) {
	write := func(text string) { sides(t, nil, settings(text)) }
	write("fail-on-severity: low\ndb-max-age: 1h\npolicy:\n  push: { fail-on-severity: critical, only-introduced: false, ignore-unfixed: false }\n  release: { db-max-age: 24h }\n")
	for section, want := range map[string]struct {
		failOn finding.Severity
		only   bool
		age    time.Duration
	}{
		"": {finding.Low, true, time.Hour}, config.OnPush: {finding.Critical, false, time.Hour}, config.OnRelease: {finding.Low, true, 24 * time.Hour}, config.OnPromote: {finding.Low, true, time.Hour},
	} {
		c, _, err := config.LoadOn(section, "gate", nil, none)
		if err != nil {
			t.Fatal(err)
		}
		if c.FailOn != want.failOn || c.OnlyIntroduced != want.only || c.DBMaxAge != want.age {
			t.Errorf("on %q: %s, %v, %s; want %+v", section, c.FailOn, c.OnlyIntroduced, c.DBMaxAge, want)
		}
	}
	c, _, err := config.LoadOn(config.OnPush, "gate", []string{"--fail-on-severity=medium"}, none)
	if err != nil || c.FailOn != finding.Medium {
		t.Errorf("a flag wins over a section: %v, %v", c, err)
	}
	for text, want := range map[string]string{
		"policy: high": ".plimsoll.yaml:1: policy: want a mapping", "policy: { pul_request: {} }": "did you mean pull_request?",
		"policy: { push: 3 }": "policy.push: want a mapping", "policy: { push: { fail-on-severty: high } }": "did you mean fail-on-severity?",
		"policy: { push: { fail-on-severity: [high] } }": "want a plain value", "policy: { push: { ignore-unfixed: perhaps } }": "neither true nor false",
		"enforce: perhaps": "enforce: ", "enforce: true\nwarn-only: false": "set twice", "warn-only: true\nenforce: true": "say the same",
	} {
		write(text)
		if _, _, err := config.LoadOn(config.OnPush, "gate", nil, none); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

func TestEnforceIsFirm(t *testing.T) {
	for text, want := range map[string]struct {
		warnOnly bool
		refused  int
	}{"enforce: true": {false, 1}, "enforce: false": {true, 0}, "warn-only: false": {true, 0}, "version: 1": {true, 0}} {
		sides(t, nil, settings(text))
		c, _, err := config.Load("gate", nil, environment("INPUT_WARN-ONLY", "true"))
		if err != nil || c.WarnOnly != want.warnOnly || len(c.Refused) != want.refused {
			t.Errorf("%s: warn-only %v, refused %q, %v; want %+v", text, c.WarnOnly, c.Refused, err, want)
		}
	}
}
