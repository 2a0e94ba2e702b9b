package all

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/compare"
	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/fix"
)

// mended holds the fixes of a rule's findings in bad/ against fixed/, or rewrites it:
// fixed/ has every file that the safe ones change. All fixes, those too that are only
// offered, do what they say.
func mended(t *testing.T, archive *txtar.Archive, bad lint.Report, rule string, opts lint.Options) {
	t.Helper()
	own := slices.DeleteFunc(slices.Clone(bad.Findings), func(f finding.Finding) bool { return f.Rule.ID != rule })
	files, changes := fixed(t, archive, bad, own, opts, true)
	for _, c := range changes {
		if again := fix.Changes(slices.DeleteFunc(slices.Clone(files.Findings), func(f finding.Finding) bool { return f.Rule.ID != rule }), files.Sources); slices.ContainsFunc(again, func(a fix.Change) bool {
			return a.Source.Path == c.Source.Path && a.Text != a.Source.Text
		}) {
			t.Errorf("the fix of %s is not done after once", c.Source.Path)
		}
	}
	offered := slices.Clone(own)
	for i, f := range offered {
		if f.Fix != nil {
			x := *f.Fix
			x.Class = finding.Safe
			offered[i].Fix = &x
		}
	}
	fixed(t, archive, bad, offered, opts, false)

	var got, want []txtar.File
	for _, c := range changes {
		got = append(got, txtar.File{Name: "fixed/" + strings.TrimPrefix(c.Source.Path, "bad/"), Data: []byte(c.Text)})
	}
	others := slices.DeleteFunc(slices.Clone(archive.Files), func(f txtar.File) bool { return strings.HasPrefix(f.Name, "fixed/") })
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "fixed/") {
			want = append(want, f)
		}
	}
	if *update {
		behind := 0
		for i, f := range others {
			if strings.HasPrefix(f.Name, "bad/") {
				behind = i + 1
			}
		}
		archive.Files = slices.Insert(others, behind, got...)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the fixes make of bad/ something else than fixed/ (-want +got; to accept it: %s):\n%s", refresh, diff)
	}
}

// fixed makes the safe fixes of findings in bad/ and judges what comes of it. They
// have to be gone, and strictly nothing new may be there.
func fixed(t *testing.T, archive *txtar.Archive, bad lint.Report, findings []finding.Finding, opts lint.Options, strict bool) (lint.Report, []fix.Change) {
	t.Helper()
	var changes []fix.Change
	after := txtar.Archive{Files: slices.Clone(archive.Files)}
	count := 0
	for _, c := range fix.Changes(findings, bad.Sources) {
		for _, l := range c.Left {
			if strict || l.Why == fix.WhyUnsure {
				t.Errorf("not mended, %s: %s", l.Why, describe(l.Finding))
			}
		}
		count += len(c.Mended)
		if c.Text != c.Source.Text {
			changes = append(changes, c)
			i := slices.IndexFunc(after.Files, func(f txtar.File) bool { return f.Name == c.Source.Path })
			after.Files[i].Data = []byte(c.Text)
		}
	}
	if count == 0 {
		return bad, nil
	}
	report := judge(t, &after, "bad/", opts)
	if len(report.Unread) > 0 {
		t.Errorf("what is mended cannot be read: %v", report.Unread)
	}
	left := 0
	compared := compare.Sources(report.Findings, bad.Findings)
	for _, f := range compared.Findings {
		if f.Rule.ID == findings[0].Rule.ID {
			left++
		}
		if strict && f.Status == finding.Introduced {
			t.Errorf("a fix brings %s", describe(f))
		}
	}
	if left != len(findings)-count {
		t.Errorf("%d of %d findings were mended, and %d are left:\n%s", count, len(findings), left, told(report, findings[0].Rule.ID))
	}
	return report, changes
}
