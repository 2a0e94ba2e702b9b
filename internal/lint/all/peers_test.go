package all

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/compare"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

// excused lists "rule: reason" of what is suppressed.
func excused(report lint.Report) []string {
	var all []string
	for _, f := range report.Findings {
		if f.Suppressed != nil {
			all = append(all, f.Rule.ID+": "+f.Suppressed.Reason)
		}
	}
	slices.Sort(all)
	return all
}

func TestPeersSuppressions(t *testing.T) {
	pod := func(annotations, container string) string {
		return "-- x.yaml --\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n" + annotations + "spec:\n  containers:\n    - name: a\n" + container +
			"---\napiVersion: v1\nkind: Pod\nmetadata: { name: other }\nspec: { containers: [{ name: a, image: a }] }\n"
	}
	for name, c := range map[string]struct {
		files string
		want  []string // "rule: reason"; each prefix of one that is there
		not   []string // rules that nothing excuses
		note  string
	}{
		"hadolint": {
			"-- Dockerfile --\n# hadolint ignore=DL3007\nFROM a:latest\nUSER 1\n# hadolint ignore=DL3025,DL3008 # a shell is needed\nCMD a\n",
			[]string{"IMG-3.a: for hadolint (DL3007), without a reason", "PRB-4.a: for hadolint (DL3025): a shell is needed"},
			nil,
			"Dockerfile: 1 finding is suppressed for hadolint without a reason",
		},
		"hadolint covers the instruction only": {
			"-- Dockerfile --\n# hadolint ignore=DL3025\nFROM a:1" + digest + "\nUSER 1\nCMD a\n", nil, []string{"PRB-4.a"}, "",
		},
		"hadolint on a stage": {
			"-- Dockerfile --\n# hadolint stage ignore=DL3025\nFROM a:1" + digest + "\nUSER 1\nCMD a\n", []string{"PRB-4.a: for hadolint"}, nil, "",
		},
		"hadolint on everything": {
			"-- Dockerfile --\nFROM a:1" + digest + "\nUSER 1\nCMD a\n# hadolint global ignore=DL3025\n", []string{"PRB-4.a: for hadolint"}, nil, "",
		},
		"a part of what one rule sees": {
			"-- Dockerfile --\n# hadolint global ignore=DL3009\nFROM debian:13" + digest + "\nRUN apt-get update\nRUN pip install x\nUSER 1\n",
			[]string{"IMG-1.a: for hadolint (DL3009)"},
			[]string{"IMG-1.a"},
			"",
		},
		"BuildKit": {
			"-- Dockerfile --\n# syntax=docker/dockerfile:1\n# check=skip=JSONArgsRecommended;error=true\nFROM a:1" + digest + "\nUSER 1\nCMD a\n",
			[]string{"PRB-4.a: for docker build --check (JSONArgsRecommended)"},
			nil, "",
		},
		"BuildKit below a comment": {
			"-- Dockerfile --\n# An image.\n# check=skip=all\nFROM a:1" + digest + "\nUSER 1\nCMD a\n", nil, []string{"PRB-4.a"}, "",
		},
		"BuildKit above an instruction": {
			"-- Dockerfile --\nFROM a:1" + digest + "\nUSER 1\n# check=skip=JSONArgsRecommended it is a shell's\nCMD a\n",
			[]string{"PRB-4.a: for docker build --check (JSONArgsRecommended): it is a shell's"},
			nil, "",
		},
		"BuildKit knows its own only": {
			"-- Dockerfile --\n# check=skip=all\nFROM a\nCMD a\n", []string{"PRB-4.a: for docker"}, []string{"IMG-3.a", "USR-1.a"}, "",
		},
		"Trivy and Checkov": {
			"-- Dockerfile --\n#trivy:ignore:AVD-DS-0001\nFROM a:latest\n#checkov:skip=CKV_DOCKER_3:the base drops root\n",
			[]string{"IMG-3.a: for trivy (DS-0001)", "USR-1.a: for checkov (CKV_DOCKER_3): the base drops root"},
			nil, "",
		},
		"unknown ids": {
			"-- Dockerfile --\n# hadolint ignore=DL3008,SC2086\nFROM a:1" + digest + "\nUSER 1\n", nil, []string{"SUP-01", "SUP-03", "SUP-04"}, "",
		},
		"dclint": {
			"-- compose.yaml --\n# dclint disable no-version-field\nversion: '3'\nname: x\nservices: {}\n", []string{"COR-31: for dclint (no-version-field)"}, nil, "",
		},
		"dclint on a line": {
			"-- compose.yaml --\nversion: '3' # dclint disable-line\nname: x\nservices: {}\n", []string{"COR-31: for dclint"}, nil, "",
		},
		"kube-linter": {
			pod("    ignore-check.kube-linter.io/latest-tag: development only\n", "      image: a\n"), []string{"IMG-4.a: for kube-linter (latest-tag): development only"}, []string{"IMG-4.a"}, "",
		},
		"kube-score": {
			pod("    kube-score/ignore: container-image-tag, pod-networkpolicy\n", "      image: a\n"),
			[]string{"IMG-4.a: for kube-score (container-image-tag)"},
			[]string{"IMG-4.a"},
			"x.yaml: 1 finding is suppressed for kube-score without a reason",
		},
		"Polaris": {
			pod("    polaris.fairwinds.com/tagNotSpecified-exempt: \"true\"\n", "      image: a\n"), []string{"IMG-4.a: for polaris (tagNotSpecified)"}, []string{"IMG-4.a"}, "",
		},
		"Checkov on objects": {
			pod("    checkov.io/skip1: CKV_K8S_14=development only\n", "      image: a\n"), []string{"IMG-4.a: for checkov (CKV_K8S_14): development only"}, []string{"IMG-4.a"}, "",
		},
		"one door of several": {
			pod("    ignore-check.kube-linter.io/docker-sock: the agent of the builders\n", "      image: a\n      securityContext: { privileged: true }\n  volumes: [{ name: s, hostPath: { path: /var/run/docker.sock } }]\n"),
			[]string{"USR-3.b: for kube-linter (docker-sock): the agent of the builders"},
			[]string{"USR-3.b"},
			"",
		},
		"some of the parts": {
			pod("    ignore-check.kube-linter.io/unset-cpu-requirements: \"\"\n", "      image: a\n"), nil, []string{"RES-1.a"}, "",
		},
		"all of the parts": {
			pod("    ignore-check.kube-linter.io/unset-cpu-requirements: \"\"\n    checkov.io/skip1: CKV_K8S_12\n    checkov.io/skip2: CKV_K8S_13\n", "      image: a\n"),
			[]string{"RES-1.a: for kube-linter ("},
			nil, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			report := judge(t, txtar.Parse([]byte(c.files)), "", lint.Options{})
			got := excused(report)
			for _, want := range c.want {
				if !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, want) }) {
					t.Errorf("no %q in %q", want, got)
				}
			}
			if c.want == nil && len(got) > 0 {
				t.Errorf("suppressed: %q", got)
			}
			for _, rule := range c.not {
				if open := told(report, rule); strings.HasPrefix(rule, "SUP-") != (open == "") {
					t.Errorf("%s is %q", rule, open)
				}
			}
			if notes := strings.Join(report.Notes, "\n"); !strings.Contains(notes, c.note) {
				t.Errorf("no note %q in %q", c.note, notes)
			}
		})
	}
}

// TestPeersSuppressionsOfAChange: what a change adds for another tool does not excuse
// it either.
func TestPeersSuppressionsOfAChange(t *testing.T) {
	const base, head = "-- Dockerfile --\nFROM a:latest\nUSER 1\n", "-- Dockerfile --\n# hadolint ignore=DL3007\nFROM a:latest\nUSER 1\n"
	before := judge(t, txtar.Parse([]byte(base)), "", lint.Options{})
	after := judge(t, txtar.Parse([]byte(head)), "", lint.Options{})
	judged, refused := compare.Excuses(after.Findings, before.Findings)
	if len(refused) != 1 || !strings.Contains(refused[0], "for hadolint (DL3007)") || slices.ContainsFunc(judged, func(f finding.Finding) bool { return f.Suppressed != nil }) {
		t.Errorf("refused %q of %q", refused, excused(after))
	}
	if _, refused := compare.Excuses(after.Findings, after.Findings); len(refused) > 0 {
		t.Errorf("what stands at the base is refused: %q", refused)
	}
}
