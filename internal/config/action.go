package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Output is one thing the action tells the steps that follow.
type Output struct {
	Name  string
	Usage string // one sentence, lower case, no full stop
}

// Outputs lists every output of the action in the order of its page. The slice is
// new at each call.
func Outputs() []Output {
	return []Output{
		{"verdict", "pass, fail or indeterminate"},
		{"enforced", "false when the exit code does not follow the verdict (warn-only)"},
		{"acted", "true when everything that was due after the verdict was done, false when an act failed, empty when none was due"},
		{"reason", "the first cause in one line, empty after a pass"},
		{"imageid", "digest of the image's config"},
		{"digest", "digest of the manifest or index that was judged, and pushed where it was pushed"},
		{"metadata", "the same as JSON, with the names docker/build-push-action uses"},
		{"critical", "how many critical findings are not suppressed"},
		{"high", "how many high findings are not suppressed"},
		{"introduced", "how many findings the change introduced, empty when nothing was compared"},
		{"points", "how many points of the checklist are met, such as 24/28; empty when no sources were judged"},
		{"signed", "true when the digest was signed in this run"},
		{"report", "path of report.json, relative to the workspace"},
		{"comment-url", "address of the comment on the pull request, empty when there is none"},
		{"degraded", "what could not be told or kept, separated by commas; empty when all was"},
	}
}

// Inputs lists the settings that the action takes.
func Inputs() []Setting {
	var out []Setting
	for _, s := range Settings() {
		if !s.FlagOnly && !s.FileOnly || s.Name == "config-file" {
			out = append(out, s)
		}
	}
	return out
}

// ActionFile writes action.yml. Its image is what runs.image says: "Dockerfile"
// in the tree, a digest in a release. There are no args: the runner puts them on
// a command line without escaping backslashes (research: actions/runner,
// ContainerActionHandler), and INPUT_* variables have no such trouble. The
// entrypoint is absolute and spelled out because runners on Kubernetes need it.
func ActionFile(image string) string {
	var b strings.Builder
	b.WriteString(`# generated; run: make generate
name: Plimsoll
description: May this container leave port? Builds, lints, scans, judges, signs and promotes one image, by digest.
author: plimsoll-ci
branding:
  icon: anchor
  color: blue
inputs:
`)
	for _, s := range Inputs() {
		fmt.Fprintf(&b, "  %s:\n    description: %s\n    required: false\n", s.Name, quoted(describe(s)))
		// A default here would look as if it had been given, and win over the file.
		if s.InputOnly && s.Default != "" {
			fmt.Fprintf(&b, "    default: %s\n", quoted(s.Default))
		}
	}
	b.WriteString("outputs:\n")
	for _, o := range Outputs() {
		fmt.Fprintf(&b, "  %s:\n    description: %s\n", o.Name, quoted(o.Usage))
	}
	fmt.Fprintf(&b, "runs:\n  using: docker\n  image: %s\n  entrypoint: /usr/local/bin/plimsoll\n", image)
	return b.String()
}

// describe is a setting's usage with what is allowed and taken by default.
func describe(s Setting) string {
	var more []string
	if len(s.Allowed) > 0 && s.Kind != List {
		more = append(more, strings.Join(s.Allowed, ", "))
	}
	if s.Default != "" && !s.InputOnly {
		more = append(more, "default "+s.Default)
	}
	if len(more) == 0 {
		return s.Usage
	}
	return s.Usage + " (" + strings.Join(more, "; ") + ")"
}

// quoted makes a YAML scalar of one line.
func quoted(text string) string {
	node := yaml.Node{Kind: yaml.ScalarNode, Value: text, Style: yaml.DoubleQuotedStyle}
	out, err := yaml.Marshal(&node)
	if err != nil {
		return fmt.Sprintf("%q", text) // a string always marshals
	}
	return strings.TrimSpace(strings.ReplaceAll(string(out), "\\\n", ""))
}
