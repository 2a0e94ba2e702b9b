package compose

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
)

var pgIsready = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "PRB-2.n", Name: "pg-isready-database", Points: []string{"PRB-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "A health check by pg_isready asks for a database that exists",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, s := range pr.Services {
			test := s.Healthcheck().Test
			words := commandWords(test)
			user, asks := isready(words)
			env := s.Get("environment")
			database := env.Get("POSTGRES_DB")
			// Without POSTGRES_DB the image makes a database of the user's name.
			if !asks || user == "" || !database.IsScalar() || !database.Known || database.Text == "" || strings.Contains(user, "$") || database.Text == user {
				continue
			}
			at := test.At()
			for _, w := range test.Words() {
				if strings.Contains(w.Node.Text(), "pg_isready") {
					at = w.At()
				}
			}
			tell(about(s, "healthcheck.test", at, fmt.Sprintf("service %q: \"pg_isready -U %s\" asks for the database %q, which does not exist: the server logs an error each time; add \"-d %s\", and \"-h 127.0.0.1\" so that it does not answer while it is set up", s.Name, user, user, database.Text)))
		}
	},
}

// commandWords splits a test or command at white space, quotes taken off.
func commandWords(v compose.Value) []string {
	var words []string
	for _, w := range v.Words() {
		for word := range strings.FieldsSeq(w.Text) {
			words = append(words, strings.Trim(word, `"';`))
		}
	}
	return words
}

var shortUser = regexp.MustCompile(`^-U.+`)

// isready returns the user of a pg_isready that names one and no database.
func isready(words []string) (user string, asks bool) {
	for i, w := range words {
		if w != "pg_isready" && !strings.HasSuffix(w, "/pg_isready") {
			continue
		}
		asks = true
		for j := i + 1; j < len(words); j++ {
			switch w := words[j]; {
			case w == "||" || w == "&&" || w == "|":
				return user, asks
			case (w == "-U" || w == "--username") && j+1 < len(words):
				user = words[j+1]
			case strings.HasPrefix(w, "--username="):
				user = strings.TrimPrefix(w, "--username=")
			case shortUser.MatchString(w):
				user = w[2:]
			case strings.HasPrefix(w, "-d") || strings.HasPrefix(w, "--dbname"):
				return "", false
			}
		}
	}
	return user, asks
}
