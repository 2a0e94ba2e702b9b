// Package all puts the rule sets together: every linter, every rule (those on
// images too) and every page.
package all

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/change"
	"github.com/plimsoll-ci/plimsoll/internal/lint/compose"
	"github.com/plimsoll-ci/plimsoll/internal/lint/dockerfile"
	"github.com/plimsoll-ci/plimsoll/internal/lint/image"
	"github.com/plimsoll-ci/plimsoll/internal/lint/kubernetes"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack"
	"github.com/plimsoll-ci/plimsoll/internal/lint/workflow"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
	containers "github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
	manifests "github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

// Adapters are what linters lean on that is not in every program.
type Adapters struct {
	// Renderers make manifests of charts and kustomizations; without them those are told
	// of and not judged.
	Renderers manifests.Renderers
	// Checker runs BuildKit's own checks; without it those wait.
	Checker containers.Checker
}

// Linters lists every linter.
func Linters(adapters ...Adapters) []lint.Linter {
	var with Adapters
	for _, a := range adapters {
		with = a
	}
	return []lint.Linter{dockerfile.Linter(with.Checker), kubernetes.Linter(with.Renderers), compose.Linter(), workflow.Linter()}
}

// Across lists the checks that see several kinds of sources at once, and the images
// where there are any.
func Across(images ...*contents.Image) []lint.Across {
	return []lint.Across{stack.Across(images...), lint.Elsewhere(ofImages())}
}

// ofImages are the rules that only an image breaks.
func ofImages() []finding.Rule {
	known := lint.Rules(Linters(), stack.Across())
	return slices.DeleteFunc(image.Rules(), func(r finding.Rule) bool {
		return slices.ContainsFunc(known, func(k finding.Rule) bool { return k.ID == r.ID })
	})
}

// Since makes the checks that compare a tree with what it was.
func Since(before lint.Models) lint.Across { return change.Since(before) }

// Rules lists every rule that a finding can have, those about suppressions and
// about images too, ordered by id.
func Rules() []finding.Rule {
	rules := slices.Concat(lint.Rules(Linters(), append(Across(), Since(nil))...), image.Rules(), scan.Rules())
	slices.SortStableFunc(rules, func(a, b finding.Rule) int { return strings.Compare(a.ID, b.ID) })
	// What a Dockerfile shows and the image proves is one rule.
	return slices.CompactFunc(rules, func(a, b finding.Rule) bool { return a.ID == b.ID })
}

// Rule finds a rule by id or name, without regard to case.
func Rule(idOrName string) (finding.Rule, bool) {
	for _, r := range Rules() {
		if strings.EqualFold(r.ID, idOrName) || strings.EqualFold(r.Name, idOrName) {
			return r, true
		}
	}
	return finding.Rule{}, false
}

// fixtures are where the pages of rules come from.
func fixtures() []embed.FS {
	return []embed.FS{lint.Pages, change.Pages, compose.Pages, dockerfile.Pages, kubernetes.Pages, workflow.Pages, scan.Pages, image.Pages, stack.Pages}
}

// fixture reads a rule's txtar, which bears its name with underscores.
func fixture(name string) (*txtar.Archive, error) {
	for _, pages := range fixtures() {
		if content, err := pages.ReadFile(strings.ReplaceAll(name, "-", "_") + ".txtar"); err == nil {
			return txtar.Parse(content), nil
		}
	}
	return nil, fmt.Errorf("finding the page of rule %q: %w", name, fs.ErrNotExist)
}

// Page returns the page of a rule, by id or name, as Markdown.
func Page(idOrName string) (string, bool) {
	rule, ok := Rule(idOrName)
	if !ok {
		return "", false
	}
	archive, err := fixture(rule.Name)
	if err != nil {
		return "", false
	}
	return render(rule, archive), true
}

func render(rule finding.Rule, archive *txtar.Archive) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s %s\n\n%s.\n\n", rule.ID, rule.Name, rule.Summary)
	fmt.Fprintf(&b, "| severity | point | since | means the same elsewhere |\n|---|---|---|---|\n| %s | %s | %s | %s |\n\n",
		severity(rule), dash(rule.Points), rule.Since, dash(rule.Also))
	b.WriteString(strings.TrimSpace(string(archive.Comment)) + "\n")
	if slices.ContainsFunc(dockerfile.Official(), func(r finding.Rule) bool { return r.ID == rule.ID }) {
		b.WriteString("\nBuildKit's own code decides this, offline. The lite program holds none of it and does not tell.\n")
	}
	section(&b, "At the base", "base/", archive)
	section(&b, "Bad", "bad/", archive)
	for _, f := range archive.Files {
		if f.Name == "want" {
			fmt.Fprintf(&b, "\nPlimsoll says:\n\n```text\n%s```\n", strings.ReplaceAll(string(f.Data), "bad/", ""))
		}
	}
	section(&b, "What --fix makes of it", "fixed/", archive)
	section(&b, "Good", "good/", archive)
	return b.String()
}

func section(b *strings.Builder, title, prefix string, archive *txtar.Archive) {
	first := true
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			continue
		}
		if first {
			fmt.Fprintf(b, "\n## %s\n", title)
			first = false
		}
		language := "yaml"
		switch {
		case strings.Contains(name, "ockerfile"):
			language = "dockerfile"
		case strings.HasSuffix(name, ".sh"):
			language = "bash"
		case strings.HasSuffix(name, "Makefile"):
			language = "makefile"
		}
		fmt.Fprintf(b, "\n`%s`\n\n```%s\n%s```\n", name, language, f.Data)
	}
}

// severity is the rule's own, or whose it is when it has none.
func severity(rule finding.Rule) string {
	if rule.Severity == finding.Unknown {
		return "the advisory's"
	}
	return rule.Severity.String()
}

func dash(words []string) string {
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}

// areas are the checklist's, by the prefix of its points.
var areas = []struct{ prefix, title string }{
	{"IMG", "Image minimisation and build"},
	{"USR", "Non-root and privilege"},
	{"PRB", "Probes and lifecycle"},
	{"RES", "Resources and availability"},
	{"SEC", "Secrets and configuration"},
	{"NET", "Network policy and exposure"},
	{"OBS", "Observability and traceability"},
	{"COR", "Correctness and style"},
	{"WF", "Workflows"},
	{"X", "Across artefacts"},
	{"D", "What a change does"},
	{"BLD", "BuildKit's own checks"},
	{"VUL", "Vulnerabilities"},
	{"SUP", "Suppressions"},
}

// Prefixes lists what the ids of rules begin with; "USR" of "USR-1.a". They are kept
// for rules that there may be.
func Prefixes() []string {
	var prefixes []string
	for _, area := range areas {
		prefixes = append(prefixes, area.prefix)
	}
	return prefixes
}

// preface explains what every page leans on.
const preface = `# Rules

Generated from the rules and their fixtures; ` + "`plimsoll explain RULE`" + ` prints the same pages offline.

A rule's id is the point of the checklist that it takes part in deciding, and a letter. Ids are never reused.

## Severities

| severity | means |
|---|---|
| critical | can be exploited now |
| high | will hurt; denies by default |
| medium | should be mended |
| low | a note |
| info | only informs |

## Fixes

| class | means |
|---|---|
| safe | keeps behaviour and is the same every time; ` + "`plimsoll lint --fix` makes it, `plimsoll lint --diff`" + ` shows it |
| verified | safe once the built image confirms it |
| suggested | offered in a review, never applied unasked |
| advised | words on the rule's page |

## Suppressions

` + "```yaml\n# plimsoll:ignore USR-1.a expires=2027-01-31 -- the base drops privileges itself, see OPS-12\n```" + `

The comment stands on the line above, or at the end of the line where the syntax allows comments there. Above an object, a container or any other list item, or a key it covers all inside; above a ` + "`FROM`" + ` it covers the stage. Several rules are separated by commas. The reason is what follows ` + "` -- `" + `; without one nothing is suppressed. ` + "`expires`" + ` names the last day on which it counts, in UTC. Suppressed findings are kept and listed.

What other tools were told to be silent about counts where those tools read it, for the rules that mean the same ("means the same elsewhere" on each page), and is listed with its tool and, where it has one, its reason:

| tool | in | covers |
|---|---|---|
| hadolint, tally | ` + "`# hadolint ignore=DL3007 # reason`, `# tally ignore=…;reason=…`" + ` | the instruction below |
| | ` + "`# hadolint stage ignore=…`, `# hadolint global ignore=…`" + ` | the stage, the file |
| BuildKit | ` + "`# check=skip=JSONArgsRecommended`, `skip=all`" + ` | the file at its top, else the instruction below |
| Trivy | ` + "`#trivy:ignore:DS-0001`, `AVD-DS-0001`, `:exp:2027-01-31`" + ` | the instruction below |
| Checkov | ` + "`#checkov:skip=CKV_DOCKER_3:reason`" + ` | the file |
| | annotation ` + "`checkov.io/skip1: CKV_K8S_20=reason`" + ` | the object |
| kube-linter | annotation ` + "`ignore-check.kube-linter.io/latest-tag: reason`, `kube-linter.io/ignore-all`" + ` | the object |
| kube-score | annotation ` + "`kube-score/ignore: pod-probes,container-image-tag`" + ` | the object |
| Polaris | annotation ` + "`polaris.fairwinds.com/tagNotSpecified-exempt: \"true\"`" + ` | the object |
| dclint | ` + "`# dclint disable-line no-version-field`, `# dclint disable`" + ` | the line, the file |

Where one rule sees what another tool has several for, all of what it saw has to be excused. Ids without a rule here are passed over, and one that excuses nothing is no finding: its tool may need it.

`

// Index returns the index of all pages as Markdown, by area of the checklist.
func Index() string {
	var b strings.Builder
	b.WriteString(preface + "## All rules\n")
	rules := Rules()
	for _, area := range areas {
		of := slices.DeleteFunc(slices.Clone(rules), func(r finding.Rule) bool { return !strings.HasPrefix(r.ID, area.prefix+"-") })
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s: %s\n\n| id | name | severity | right is |\n|---|---|---|---|\n", area.prefix, area.title)
		for _, r := range of {
			fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s |\n", r.ID, r.ID, r.Name, severity(r), r.Summary)
		}
	}
	return b.String()
}
