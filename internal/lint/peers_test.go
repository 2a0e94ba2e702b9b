package lint

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// The forms are those of the tools' own readers: hadolint's Pragma.hs, BuildKit's
// ParseLintOptions, Trivy's iac/ignore, Checkov's COMMENT_REGEX and get_skipped_checks,
// dclint's comments-handler.ts, kube-linter's ignore.go, kube-score's scorecard.go,
// Polaris' exemptions.go and tally's directive parser.
func TestReadForeign(t *testing.T) {
	file, err := source.NewFile("x", []byte(strings.Repeat("\n", 9)))
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"hadolint ignore=DL3008,DL3018":                                             "hadolint [dl3008 dl3018] 2-3 ",
		"hadolint ignore = DL3008 , SC1035 # we may":                                "hadolint [dl3008 sc1035] 2-3 we may",
		"hadolint global ignore=DL3003":                                             "hadolint [dl3003] 1-10 ",
		"hadolint stage ignore=DL3003":                                              "hadolint [dl3003] 2-5 ",
		"hadolint shell=/bin/bash":                                                  "",
		"hadolint says DL3008 is wrong":                                             "",
		"tally ignore=hadolint/DL3008, buildkit/JSONArgsRecommended;reason=because": "tally [dl3008 jsonargsrecommended] 2-3 because",
		"check=skip=JSONArgsRecommended,StageNameCasing;error=true":                 "docker build --check [jsonargsrecommended stagenamecasing] 1-10 ",
		"check=skip=all":                                                            "docker build --check [] 1-10  every",
		"check=error=true":                                                          "",
		"trivy:ignore:AVD-DS-0002":                                                  "trivy [ds-2] 2-3 ",
		"trivy:ignore:DS002 trivy:ignore:ds-0026 ok":                                "trivy [ds-2 ds-26] 2-3 ok",
		"trivy:ignore:DS-0002:exp:2026-06-01":                                       "trivy [ds-2] 2-3 ",
		"trivy:ignore:DS-0002:exp:2026-05-31":                                       "",
		"trivy:ignore:*":                                                            "trivy [*] 2-3  every",
		"trivy: a tool":                                                             "",
		"checkov:skip=CKV_DOCKER_3:runs as root":                                    "checkov [ckv_docker_3] 1-10 runs as root",
		"bridgecrew:skip=CKV_DOCKER_2,CKV_DOCKER_3":                                 "checkov [ckv_docker_2 ckv_docker_3] 1-10 ",
		"dclint disable-line no-version-field":                                      "dclint [no-version-field] 2-2 ",
		"dclint disable":                                                            "dclint [] 1-10  every",
		"@ ignore-check.kube-linter.io/latest-tag: dev only":                        "kube-linter [latest-tag] S dev only",
		"@ kube-linter.io/ignore-all: ":                                             "kube-linter [] S  every",
		"@ kube-score/ignore: pod-probes, container-image-tag":                      "kube-score [pod-probes container-image-tag] S ",
		"@ polaris.fairwinds.com/tagNotSpecified-exempt: true":                      "polaris [tagnotspecified] S ",
		"@ polaris.fairwinds.com/tagNotSpecified-exempt: false":                     "",
		"@ polaris.fairwinds.com/exempt: true":                                      "polaris [exempt] S  every",
		"@ polaris.fairwinds.com/other: true":                                       "",
		"@ checkov.io/skip1: CKV_K8S_20=I don't care":                               "checkov [ckv_k8s_20] S I don't care",
		"@ checkov.io/skip2: CKV_K8S_14":                                            "checkov [ckv_k8s_14] S ",
	} {
		c := source.Comment{Text: text, At: finding.Location{Path: "x", Line: 1}, From: 2, To: 5, Next: 3}
		if annotation, ok := strings.CutPrefix(text, "@ "); ok {
			c = source.Comment{Text: annotation, Subject: "S"}
		} else if !source.Marked("# " + text) {
			t.Errorf("%q is not looked at", text)
		}
		got := ""
		if x, ok := readForeign(file, c, day); ok {
			where := fmt.Sprintf("%d-%d", x.from, x.to)
			if x.subject != "" {
				where = x.subject
			}
			got = fmt.Sprintf("%s %v %s %s", x.tool, x.ids, where, strings.TrimSpace(x.reason))
			if x.every != nil {
				got += " every"
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	// Only at the top is it a directive, or for the whole file.
	second, err := source.NewFile("x", []byte("FROM a\n# here\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := readForeign(second, source.Comment{Text: "dclint disable", At: finding.Location{Line: 2}}, day); ok {
		t.Error("dclint is told to be silent in the middle of a file")
	}
	if x, _ := readForeign(second, source.Comment{Text: "check=skip=all", At: finding.Location{Line: 2}, From: 3, To: 3}, day); x.from != 3 {
		t.Errorf("what is above an instruction covers lines from %d", x.from)
	}
}

func TestNormal(t *testing.T) {
	for id, want := range map[string]string{
		"AVD-KSV-0013": "ksv-13", "KSV-0013": "ksv-13", "KSV013": "ksv-13", "KSV-01010": "ksv-1010", "DS-0002": "ds-2", "ds002": "ds-2",
		"CKV_K8S_020": "ckv_k8s_020", "DL3008": "dl3008", "hadolint/DL3008": "dl3008",
	} {
		if got := normal(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

func FuzzForeign(f *testing.F) {
	for _, text := range []string{
		"hadolint global ignore=DL1,DL2 # x", "check=skip=all;error=true", "trivy:ignore:a[b]:exp:x", "checkov:skip=a:b", "dclint disable a b",
		"tally ignore=a;reason=", "kube-score/ignore: ,", "polaris.fairwinds.com/-exempt: true",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	file, err := source.NewFile("x", []byte("a\nb\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, annotation bool) {
		c := source.Comment{Text: text, At: finding.Location{Line: 1}, From: 1, To: 2}
		if annotation {
			c.Subject = "S"
		}
		x, ok := readForeign(file, c, time.Now())
		if !ok {
			return
		}
		if x.tool == "" || x.every == nil && len(x.ids) == 0 {
			t.Fatalf("%q is %+v", text, x)
		}
		of := finding.Finding{Rule: finding.Rule{Also: []string{"DL3009", "KSV-0001"}}, Subject: "S", Location: finding.Location{Line: 1}}
		if by, ids := excusedBy(&of, []foreign{x}); by != nil && len(ids) == 0 {
			t.Fatalf("%q excuses by nothing", text)
		}
	})
}
