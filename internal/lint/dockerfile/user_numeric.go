package dockerfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var userNumeric = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "USR-1.b", Name: "user-numeric", Points: []string{"USR-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The image's user is a number, which Kubernetes can check",
		Also:    []string{"DL3066"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		final := f.Final()
		in, stage := lastUser(final)
		if in == nil || final.Windows() || drops(final) != "" {
			return
		}
		text := strings.Join(in.Args, " ")
		value, known := f.Expand(stage, in, text)
		user, _, _ := strings.Cut(value, ":")
		if _, err := strconv.ParseUint(user, 10, 32); !known || err == nil || isRoot(value) {
			return
		}
		number, id := "its number", numberOf(f, user)
		fix := &finding.Fix{Class: finding.Verified, Message: "write the number that the image gives the name"}
		if id != "" {
			number = strconv.Quote("USER " + id)
			if edit, ok := f.Source.Edit(in.ArgumentsAt(), id); ok && !strings.Contains(value, ":") {
				fix.Edits = []finding.Edit{edit}
			}
		}
		p.Report(lint.Problem{
			At: in.ArgumentsAt(), Subject: f.Subject(final), Path: "user",
			Message: fmt.Sprintf("%q is a name, so that a pod with runAsNonRoot does not start; write %s", "USER "+text, number),
			Fix:     fix,
		})
	},
}

// baseUsers are the numbers of users that official images bring along.
var baseUsers = map[string]map[string]string{
	"node": {"node": "1000"}, "postgres": {"postgres": "999"}, "redis": {"redis": "999"}, "mysql": {"mysql": "999"}, "mongo": {"mongodb": "999"},
	"nginxinc/nginx-unprivileged": {"nginx": "101"}, "nginx": {"nginx": "101"}, "golang": {"nobody": "65534"}, "alpine": {"nobody": "65534"},
	"debian": {"nobody": "65534", "www-data": "33"}, "ubuntu": {"nobody": "65534", "www-data": "33", "ubuntu": "1000"}, "python": {"nobody": "65534"},
}

// numberOf finds the number of a user in what creates it, or in what is known of
// the base. It is empty when neither says it.
func numberOf(f *dockerfile.File, user string) string {
	for l := range layers(f.Final().Chain()) {
		for _, c := range l.commands() {
			if c.Name != "useradd" && c.Name != "adduser" || !slices.ContainsFunc(c.Words, func(w dockerfile.Argument) bool {
				name, known := f.Expand(l.stage, l.in, w.Text)
				return known && name == user
			}) {
				continue
			}
			for i, w := range c.Words {
				id, ok := strings.CutPrefix(w.Text, "--uid=")
				if (w.Text == "-u" || w.Text == "--uid" || w.Text == "-ou" || w.Text == "-u=") && i+1 < len(c.Words) {
					id, ok = c.Words[i+1].Text, true
				}
				id, known := f.Expand(l.stage, l.in, id)
				ok = ok && known
				if _, err := strconv.ParseUint(id, 10, 32); ok && err == nil {
					return id
				}
			}
		}
	}
	root := f.Final().Root().Base
	name, tag := repository(root)
	if strings.HasPrefix(root.Value, "gcr.io/distroless/") && user == "nonroot" {
		return "65532"
	}
	if strings.Contains(tag, "alpine") && slices.Contains([]string{"postgres", "redis", "mysql", "mongo"}, name) {
		return ""
	}
	return baseUsers[name][user]
}
