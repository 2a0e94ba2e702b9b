package script

import (
	"regexp"
	"slices"
	"strings"
)

// commit is an address with the id of a commit in its path.
var commit = regexp.MustCompile(`://[^?#]*/[0-9a-f]{40}/`)

var runners = []string{"sh", "bash", "ash", "dash", "zsh", "ksh", "python", "python3", "perl", "ruby", "node", "php"}

// Runner returns what runs that which the command with an index downloads: the end
// of its pipe, or the shell in whose arguments it is substituted. It is "" for any
// other command, for a download that goes into a file, and for one whose address
// names a commit, which cannot change.
func (s *Script) Runner(index int) string {
	c := s.Commands[index]
	if !slices.Contains([]string{"curl", "wget"}, c.Name) || c.Redirects ||
		slices.ContainsFunc(c.Words, func(w Argument) bool { return commit.MatchString(w.Text) }) {
		return ""
	}
	for to, n := c.To, 0; to != nil && n < 8; to, n = to.To, n+1 {
		if slices.Contains(runners, to.Name) && (strings.HasSuffix(to.Name, "sh") || !to.Has("-c", "-e", "-m", "-r", "-ne", "-pe")) {
			return to.Name
		}
		if to.Redirects {
			return ""
		}
	}
	if !c.Substituted {
		return ""
	}
	for _, outer := range slices.Backward(s.Commands[:index]) {
		if outer.Substituted {
			continue
		}
		inside := outer.At.Line <= c.At.Line && outer.At.EndLine >= c.At.EndLine
		if inside && slices.Contains(runners[:6], outer.Name) && slices.ContainsFunc(outer.Words, func(w Argument) bool { return w.Text == "$(…)" }) {
			return outer.Name
		}
		return ""
	}
	return ""
}
