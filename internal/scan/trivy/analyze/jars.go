package analyze

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// jarTypes are the files that Trivy's analyzer of Java archives takes.
var jarTypes = []string{".jar", ".war", ".ear", ".par"}

// jarCause marks the records of Java archives, which are told as one.
const jarCause = "\x00jar"

// countJar remembers a Java archive: to name what is in most of them takes a
// database of digests, which is not supported yet.
func (v *visit) countJar(name string) {
	if slices.Contains(jarTypes, strings.ToLower(path.Ext(name))) {
		v.unread.add(loss{path: name, kind: finding.UnreadLanguage, cause: jarCause, layer: v.at.layer.Index})
	}
}

// tellJars makes one record of those of all archives.
func tellJars(l *ledger) {
	var first string
	count := 0
	l.entries = slices.DeleteFunc(l.entries, func(e loss) bool {
		if e.cause != jarCause {
			return false
		}
		if count++; first == "" || e.path < first {
			first = e.path
		}
		return true
	})
	switch {
	case count == 1:
		l.add(loss{path: first, kind: finding.UnreadLanguage, cause: "is a Java archive and was not matched: no Java database is supported yet; scan it by other means"})
	case count > 1:
		l.add(loss{kind: finding.UnreadLanguage, cause: fmt.Sprintf(
			"%d Java archives, the first %s, were not matched: no Java database is supported yet; scan them by other means", count, quote(first),
		)})
	}
}
