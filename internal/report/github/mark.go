package github

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// Key tells the comments of one pull request apart: one per workflow, job and
// subject. The job's id is the same in all legs of a matrix, so subject names what
// this leg judges (image and target), and extra is the user's own word where that
// is not enough.
func Key(run verdict.Run, subject, extra string) string {
	h := sha256.New()
	for _, part := range []string{run.Workflow, run.Job, subject, extra} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// mark is the first line of a comment of ours: whose it is, and which run wrote it.
type mark struct {
	key     string
	run     int64
	attempt int
	head    string
}

var markForm = regexp.MustCompile(`^<!-- plimsoll:c1 key=([0-9a-f]{32}) run=([0-9]{1,19})\.([0-9]{1,9}) head=([0-9a-f]{40}|[0-9a-f]{64}) -->$`)

// String is the line; Markdown does not show it.
func (m mark) String() string {
	return fmt.Sprintf("<!-- plimsoll:c1 key=%s run=%d.%d head=%s -->", m.key, m.run, m.attempt, m.head)
}

// parse reads a comment's first line, and returns the rest of it.
func parse(body string) (m mark, rest string, ok bool) {
	first, rest, _ := strings.Cut(body, "\n")
	found := markForm.FindStringSubmatch(strings.TrimSuffix(first, "\r"))
	if found == nil {
		return mark{}, "", false
	}
	run, err := strconv.ParseInt(found[2], 10, 64)
	if err != nil {
		return mark{}, "", false
	}
	attempt, err := strconv.Atoi(found[3])
	if err != nil {
		return mark{}, "", false
	}
	return mark{key: found[1], run: run, attempt: attempt, head: found[4]}, rest, true
}

// newer says that m was written by a later run on the same commit.
func (m mark) newer(than mark) bool {
	return m.head == than.head && (m.run > than.run || m.run == than.run && m.attempt > than.attempt)
}

// same compares bodies as GitHub keeps them: its editor writes CRLF.
func same(a, b string) bool {
	plain := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return plain(a) == plain(b)
}
