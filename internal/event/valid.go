package event

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	commitForm     = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}$`)
	wordForm       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`)
)

// IsCommit says that s is the full name of a commit, in lower case: SHA-1 or SHA-256, and
// not the zeros that stand for none.
func IsCommit(s string) bool { return commitForm.MatchString(s) && strings.Trim(s, "0") != "" }

func isWord(s string) bool { return wordForm.MatchString(s) }

// IsRepository says that s is "owner/name" as GitHub allows it.
func IsRepository(s string) bool {
	_, name, _ := strings.Cut(s, "/")
	return repositoryForm.MatchString(s) && name != "." && name != ".."
}

func isNumber(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n > 0
}

func isServer(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == "" && isLine(s)
}

// isLine says that s is short text without what a terminal obeys.
func isLine(s string) bool {
	return len(s) <= 1024 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// isRef follows git-check-ref-format(1), for a full ref or a branch's short name.
// It also refuses a leading "-": no ref may read as an option.
func isRef(s string) bool {
	if s == "" || s == "@" || !isLine(s) || strings.ContainsAny(s, " ~^:?*[\\") ||
		strings.Contains(s, "..") || strings.Contains(s, "@{") || strings.HasSuffix(s, ".") || s[0] == '-' {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}
