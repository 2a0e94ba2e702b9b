package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var healthcheckForm = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "PRB-2.m", Name: "healthcheck-form", Points: []string{"PRB-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every health check of a Compose service says what it seems to say",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			if problem, ok := misformed(s); ok {
				tell(problem)
			}
		}
	},
}

func misformed(s *compose.Service) (lint.Problem, bool) {
	items := s.Get("healthcheck").Get("test").Items
	if len(items) == 0 || !items[0].Known {
		return lint.Problem{}, false
	}
	first := items[0]
	at := func(v compose.Value, format string, args ...any) (lint.Problem, bool) {
		return about(s, "healthcheck.test", v.At(), fmt.Sprintf("service %q: ", s.Name)+fmt.Sprintf(format, args...)), true
	}
	switch first.Text {
	case "NONE":
	case "CMD":
		for _, v := range items[1:] {
			if slices.Contains([]string{"||", "&&", "|", ";", ">"}, v.Text) {
				return at(v, "no shell reads a test that begins with CMD, so that %q is an argument of the program; write [\"CMD-SHELL\", \"…\"]", v.Text)
			}
		}
		if len(items) == 2 && items[1].Known && strings.ContainsAny(items[1].Text, " ") && !strings.HasPrefix(items[1].Text, "/") {
			return at(items[1], "a test that begins with CMD takes one word an item, so that %q is looked for as a program; split it, or write CMD-SHELL", items[1].Text)
		}
	case "CMD-SHELL":
		if len(items) > 2 {
			return at(items[2], "the shell takes what follows CMD-SHELL as one item, so that %q is not part of the command; join the items", items[2].Text)
		}
	default:
		return at(first, "a test is a text, or a list that begins with CMD, CMD-SHELL or NONE, not with %q: the engine runs none; put \"CMD\" in front", first.Text)
	}
	return lint.Problem{}, false
}
