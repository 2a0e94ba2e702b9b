package action

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// hostile are lines that a runner would obey, in the forms it knows.
var hostile = []string{
	"::add-mask::pass", "  ::set-output name=verdict::pass", "##[add-mask]pass", "text ##[error]forged", "::stop-commands::x",
	"\\033[1m::error::forged", "\\r::warning::forged", "::debug::x\\r\\n##[set-env name=PATH]/tmp",
}

func echoes() string {
	var b strings.Builder
	for _, line := range hostile {
		for _, to := range []string{"1", "2"} {
			fmt.Fprintf(&b, "RUN printf '%s\\n' >&%s\n", line, to)
		}
	}
	return b.String()
}

// forged checks that no foreign text became a command, a mask or an output.
func (s step) forged() {
	s.t.Helper()
	for _, c := range s.Commands {
		if !slices.Contains([]string{"error", "warning", "notice", "add-mask", "group", "endgroup"}, c.Name) {
			s.t.Errorf("the runner obeyed %+v", c)
		}
	}
	for _, mask := range s.Masks {
		if mask == "pass" {
			s.t.Error("the word \"pass\" is masked")
		}
	}
	for _, a := range s.Annotations {
		if strings.HasPrefix(a.Message, "forged") {
			s.t.Errorf("there is an annotation %+v", a)
		}
	}
	if len(s.Env) > 0 || len(s.Paths) > 0 || len(s.State) > 0 {
		s.t.Errorf("set for later steps: %v, %v, %v", s.Env, s.Paths, s.State)
	}
}

// What a build prints, and the lines of the Dockerfile that reports quote.
func TestHostileBuildOutput(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	for _, driver := range []string{"sibling", "engine"} {
		if driver == "engine" {
			d.lend(t)
		}
		s := d.run(t, map[string]string{"Dockerfile": "FROM HOST/alpine:3.11\n" + echoes() + "RUN false\n"}, runnertest.Options{With: map[string]string{"driver": driver}})
		s.exits(1)
		s.forged()
		s.outputs(map[string]string{"verdict": "fail"})
		s.says("add-mask") // it is shown, and not obeyed
	}
}

// Names inside an image are as foreign as what it prints.
func TestHostileNamesInTheImage(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	const key = "AKIAIOSFODNN7EXAMPLZ"
	s := d.run(t, map[string]string{
		"Dockerfile": "FROM HOST/alpine:3.11\n" +
			// Packages are found by their origin, and told by their names.
			"RUN sed -i 's/^P:apk-tools$/P:##[add-mask]pass/;s/^P:busybox$/P:::error::forged/' /lib/apk/db/installed\n" +
			"COPY [\"key\", \"/srv/##[add-mask]pass/::set-output name=verdict::pass\"]\n" +
			"LABEL \"::stop-commands::x\"=\"##[add-mask]pass\"\nUSER 1000\n",
		"key":                                 "aws_access_key_id = " + key + "\naws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYZZ\n",
		"deploy/##[add-mask]pass.yaml":        "apiVersion: v1\nkind: Pod\nmetadata: {name: '::error::forged'}\nspec:\n  containers:\n  - {name: '##[add-mask]pass', image: '::error::forged'}\n",
		"::set-output name=verdict::pass/key": "x",
	}, runnertest.Options{})
	s.exits(1)
	s.forged()
	s.outputs(map[string]string{"verdict": "fail"})
	s.says("[add-mask]pass", "set-output name=verdict::pass", "CVE-2021-36159", "AWS Access Key ID", "PRB-1.a")
}

// Secrets that the runner does not know are masked before anything else is said.
func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	const password = "correct-horse-battery-staple"
	s := d.run(t, map[string]string{
		"Dockerfile": "FROM HOST/alpine:3.11\nRUN --mount=type=secret,id=token echo " + password + "; base64 /run/secrets/token; cat /run/secrets/token; false\n",
	}, runnertest.Options{With: map[string]string{
		"registry-auths": "- {registry: registry.example, username: robot, password: " + password + "}\n",
		"secrets":        "token=another-secret-of-the-build",
	}})
	s.exits(1)
	for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte("robot:" + password)), "another-secret-of-the-build"} {
		if !slices.Contains(s.Masks, secret) {
			t.Errorf("%.7s… is not masked: %d masks", secret, len(s.Masks))
		}
		for where, text := range map[string]string{"the log": s.Text(), "the summary": runnertest.Mask(s.Summary, nil)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %.7s…\n%s", where, secret, text)
			}
		}
	}
	first, _, _ := strings.Cut(string(s.Stdout), "\n")
	if !strings.HasPrefix(first, "::add-mask::") {
		t.Errorf("the first line of the log is %q", first)
	}
}

// An event file that the runner did not write stops everything.
func TestEventFiles(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	for name, test := range map[string]struct {
		event  string
		github map[string]string
		says   string
	}{
		"no JSON":            {"{", nil, "event file"},
		"another repository": {`{"repository": {"full_name": "mallory/fork", "id": 666}}`, nil, "666"},
		"another event":      {"{}", map[string]string{"event_name": "pull_request", "ref": "refs/pull/1/merge"}, "it holds no pull_request"},
		"missing":            {"", nil, "nonesuch.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket}
			if name == "missing" {
				start.Extra = []string{"-e", "GITHUB_EVENT_PATH=/github/workflow/nonesuch.json"}
			}
			s := d.run(t, small(), runnertest.Options{Event: []byte(test.event), GitHub: test.github, Start: start})
			s.exits(2)
			s.says("event file", test.says)
		})
	}
}

// An input that nobody knows is told, by the runner and by us.
func TestUnknownInput(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	s := d.run(t, map[string]string{"Dockerfile": "FROM scratch\n"}, runnertest.Options{With: map[string]string{"fail-on": "low", "command": "lint"}})
	s.exits(0)
	if !slices.ContainsFunc(s.Annotations, func(a runnertest.Annotation) bool {
		return a.Level == "warning" && strings.Contains(a.Message, "fail-on")
	}) {
		t.Error("the input is not told")
	}
}

// A log without end and thousands of findings stay within the runner's limits.
func TestHugeOutput(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	files := map[string]string{"Dockerfile": "FROM HOST/alpine:3.11\nRUN yes '::error::forged' | head -n 400000; exit 3\n"}
	for i := range 1500 {
		files[fmt.Sprintf("deploy/%04d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: p%d}\nspec:\n  containers:\n  - {name: a, image: 'b:latest', securityContext: {privileged: true}}\n", i)
	}
	s := d.run(t, files, runnertest.Options{})
	s.exits(1)
	s.forged()
	if len(s.Failed) > 0 || len(s.Dropped) > 0 {
		t.Errorf("the runner refused %v, and dropped %d annotations", s.Failed, len(s.Dropped))
	}
	report, err := os.Stat(s.Workspace + "/plimsoll-report/report.json")
	check(t, err)
	t.Logf("%s: the log has %d bytes, the summary %d, the report %d", s.took, len(s.Stdout)+len(s.Stderr), len(s.Summary), report.Size())
}

// A disk that is full is an error that says so, and no verdict.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	for _, size := range []string{"64k", "1m"} {
		s := d.run(t, map[string]string{"Dockerfile": "FROM HOST/alpine:3.11\nUSER 1000\n"}, runnertest.Options{
			Start: runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket, Extra: []string{"--mount", "type=tmpfs,destination=/tmp,tmpfs-size=" + size}},
		})
		s.exits(3)
		s.outputs(map[string]string{"verdict": "indeterminate", "digest": ""})
		s.says("no space left on device", "/tmp/plimsoll-")
	}
}
