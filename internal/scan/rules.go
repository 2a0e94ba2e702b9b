package scan

import (
	"embed"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Pages are the pages of the rules on images, by the rule's name with
// underscores. They hold prose only: what they speak of is no text file.
//
//go:embed *.txtar
var Pages embed.FS

// Rules lists the rules that findings in images can have, ordered by id.
func Rules() []finding.Rule {
	return []finding.Rule{EndOfLife, SecretInLayer, SecretInConfig, VulnerableLanguage, VulnerableOS}
}
