package kubernetes

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var probeCommand = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "PRB-2.c", Name: "probe-command", Points: []string{"PRB-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every command of a probe or hook can be run as it is written",
	},
	Run: onWorkloads(func(p *lint.Pass, w *kubernetes.Workload) {
		for _, c := range w.Containers() {
			for _, h := range c.Handlers() {
				words := h.Node.Get("exec").Get("command").Items()
				at, message := broken(words)
				if message == "" {
					continue
				}
				p.Report(lint.Problem{
					At: at.At(), Subject: w.Subject(), Path: c.Path + "." + h.Name + ".exec",
					Message: fmt.Sprintf("container %q: its %s %s", c.Name, h.Name, message),
				})
			}
		}
	}),
}

var shells = []string{"sh", "bash", "ash", "dash", "zsh", "ksh"}

// broken says why a command does not do what it seems to: no shell splits its
// words, and a shell runs only the one behind -c.
func broken(words []kubernetes.Node) (at kubernetes.Node, message string) {
	if len(words) == 0 {
		return at, ""
	}
	first := words[0].Text()
	if strings.ContainsAny(strings.TrimSpace(first), " \n") {
		return words[0], "runs a program of the name of the whole line, since no shell splits it; make each word an item of the list, or run it by [sh, -c, …]"
	}
	if !slices.Contains(shells, path.Base(first)) {
		return at, ""
	}
	command := false
	for i, word := range words[1:] {
		text := strings.TrimSpace(word.Text())
		if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
			command = command || strings.HasPrefix(text, "-") && !strings.HasPrefix(text, "--") && strings.Contains(text, "c")
			continue
		}
		if command && i+2 < len(words) && text != "" && !strings.ContainsAny(text, " \t\n$;|&") {
			return word, fmt.Sprintf("runs %q alone, since a shell takes only the word behind -c for the script; make the whole script one item", text)
		}
		break
	}
	return at, ""
}
