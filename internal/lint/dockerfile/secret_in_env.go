package dockerfile

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var secretInEnv = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "SEC-1.a", Name: "secret-in-env", Points: []string{"SEC-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "No ENV or ARG holds a secret",
		Also:    []string{"SecretsUsedInArgOrEnv", "DL3064", "DS-0031", "CIS-DI-0010", "tally/secrets-in-code", "tally/ruby/secrets-in-arg-or-env", "tally/ruby/prefer-secret-mounts-for-build-credentials"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		for _, v := range f.Variables() {
			severity, why := judgeSecret(v)
			if severity == finding.Unknown {
				continue
			}
			subject := f.Source.Path + "#"
			if v.Stage != nil {
				subject = f.Subject(v.Stage)
			}
			p.Report(lint.Problem{
				At: v.NameAt, Subject: subject, Path: strings.ToLower(v.In.Name) + "[" + v.Name + "]",
				Severity: severity, Excerpt: v.In.Name + " " + v.Name,
				Message: fmt.Sprintf("%s %q %s; mount it where it is used with RUN --mount=type=secret, or set it when the container starts", v.In.Name, v.Name, why),
			})
		}
	},
}

// judgeSecret says how bad a variable is and why; Unknown when it is no secret.
// It never returns the value.
func judgeSecret(v dockerfile.Variable) (finding.Severity, string) {
	value := strings.Trim(v.Value, `"'`)
	if source.HasToken(value) {
		return finding.High, "holds a credential in a known format, which stays in the image's history"
	}
	strength := source.SecretName(v.Name)
	switch {
	case strength == source.NoSecret:
		return finding.Unknown, ""
	case !v.Set && v.In.Name == "ARG":
		if strength == source.LikelySecret {
			return finding.Low, "asks for a secret at build time, which would stay in the image's history"
		}
		return finding.Unknown, ""
	case source.Harmless(value):
		return finding.Unknown, ""
	case strings.HasPrefix(value, "$"):
		if v.In.Name == "ENV" && strength == source.LikelySecret && !strings.Contains(value, ":-") {
			return finding.Medium, "keeps the value of an argument or variable in the image"
		}
		return finding.Unknown, ""
	case source.Placeholder(value) || len(value) < 8 || strength == source.MaybeSecret:
		return finding.Medium, fmt.Sprintf("has a literal value of %d characters, which ships with the image", len(value))
	}
	return finding.High, fmt.Sprintf("has a literal value of %d characters, which ships with the image", len(value))
}
