package ignore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/ignore"
)

func TestApply(t *testing.T) {
	t.Parallel()
	lodash := finding.Finding{Rule: finding.Rule{ID: "VUL-LANG"}, Vulnerability: &finding.Vulnerability{
		ID: "CVE-2026-1", Aliases: []string{"GHSA-aaaa-bbbb-cccc"}, Package: "lodash", PackageURL: "pkg:npm/lodash@4.17.20", FilePath: "app/node_modules/lodash/package.json",
	}}
	scoped := finding.Finding{Rule: finding.Rule{ID: "VUL-LANG"}, Vulnerability: &finding.Vulnerability{ID: "CVE-2026-1", Package: "@babel/core", PackageURL: "pkg:npm/%40babel/core@7.0.0?x=y#z"}}
	limits := finding.Finding{Rule: finding.Rule{ID: "RES-3.b"}, Location: finding.Location{Path: "deploy/batch/job.yaml", Line: 3}}
	leak := finding.Finding{Rule: finding.Rule{ID: "SEC-1.b"}, Subject: "/test/key.pem", Location: finding.Location{Path: "Dockerfile", Line: 2, Artifact: "app"}}
	all := []finding.Finding{lodash, scoped, limits, leak}
	for name, test := range map[string]struct {
		entry   config.Ignore
		want    []bool
		unused  bool
		expired bool
	}{
		"vulnerability":                  {entry: config.Ignore{Vulnerability: "cve-2026-1"}, want: []bool{true, true, false, false}},
		"alias":                          {entry: config.Ignore{Vulnerability: "GHSA-aaaa-bbbb-cccc"}, want: []bool{true, false, false, false}},
		"of a package URL":               {entry: config.Ignore{Vulnerability: "CVE-2026-1", Package: "pkg:npm/lodash"}, want: []bool{true, false, false, false}},
		"of a scoped package URL":        {entry: config.Ignore{Vulnerability: "CVE-2026-1", Package: "pkg:npm/%40babel/core"}, want: []bool{false, true, false, false}},
		"of a package name":              {entry: config.Ignore{Vulnerability: "CVE-2026-1", Package: "@babel/core"}, want: []bool{false, true, false, false}},
		"of half a name":                 {entry: config.Ignore{Vulnerability: "CVE-2026-1", Package: "pkg:npm/lod"}, want: make([]bool, 4), unused: true},
		"half an id":                     {entry: config.Ignore{Vulnerability: "CVE-2026"}, want: make([]bool, 4), unused: true},
		"rule":                           {entry: config.Ignore{Rule: "RES-3.b"}, want: []bool{false, false, true, false}},
		"rule below a directory":         {entry: config.Ignore{Rule: "RES-3.b", Path: "deploy/batch/**"}, want: []bool{false, false, true, false}},
		"rule in a directory":            {entry: config.Ignore{Rule: "RES-3.b", Path: "deploy"}, want: []bool{false, false, true, false}},
		"rule elsewhere":                 {entry: config.Ignore{Rule: "RES-3.b", Path: "web/**"}, want: make([]bool, 4), unused: true},
		"a secret, by path in the image": {entry: config.Ignore{Rule: "SEC-1.b", Path: "test/*.pem"}, want: []bool{false, false, false, true}},
		"the line that made a secret":    {entry: config.Ignore{Rule: "SEC-1.b", Path: "Dockerfile"}, want: make([]bool, 4), unused: true},
		"on its last day":                {entry: config.Ignore{Rule: "RES-3.b", Expires: "2026-06-01"}, want: []bool{false, false, true, false}},
		"a day later":                    {entry: config.Ignore{Rule: "RES-3.b", Expires: "2026-05-31"}, want: make([]bool, 4), expired: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.entry.Reason, test.entry.File, test.entry.Line = "so", ".plimsoll.yaml", 7
			got, notes, err := ignore.Apply(all, []config.Ignore{test.entry}, time.Date(2026, 6, 1, 23, 0, 0, 0, time.UTC), true)
			if err != nil {
				t.Fatal(err)
			}
			suppressed := make([]bool, len(got))
			for i, f := range got {
				suppressed[i] = f.Suppressed != nil && f.Suppressed.Reason == "so" && f.Suppressed.Location == finding.Location{Path: ".plimsoll.yaml", Line: 7}
			}
			if diff := cmp.Diff(test.want, suppressed); diff != "" {
				t.Errorf("suppressed (-want +got):\n%s", diff)
			}
			var want []string
			if test.unused {
				want = []string{fmt.Sprintf(".plimsoll.yaml:7: ignoring %s suppresses nothing; remove it", test.entry)}
			}
			if test.expired {
				want = []string{fmt.Sprintf(".plimsoll.yaml:7: ignoring %s expired on 2026-05-31; mend the cause, or decide again and set a new date", test.entry)}
			}
			if diff := cmp.Diff(want, notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
			if all[2].Suppressed != nil {
				t.Error("the input was changed")
			}
		})
	}
	_, notes, err := ignore.Apply(nil, []config.Ignore{{Vulnerability: "CVE-1"}, {Rule: "SEC-1.b"}}, time.Time{}, false)
	if err != nil || len(notes) > 0 {
		t.Errorf("nothing was matched, and the notes are %q, %v", notes, err)
	}
}
