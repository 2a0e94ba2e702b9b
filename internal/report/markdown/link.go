package markdown

import (
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/report"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// The parts that addresses are built of. What has another form gives no link: the
// runner tells these, and a report may come from anywhere.
var (
	server     = regexp.MustCompile(`^https://[A-Za-z0-9.-]{1,100}(:[0-9]{1,5})?$`)
	repository = regexp.MustCompile(`^[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}$`)
	commit     = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
)

// maxLinked is how many bytes of a path a link carries.
const maxLinked = 300

// links are the addresses of one run; empty where they cannot be built.
type links struct{ run, commit, blob string }

func newLinks(r *verdict.Run) links {
	if r == nil || !server.MatchString(r.Server) || !repository.MatchString(r.Repository) || strings.HasSuffix(r.Repository, "/..") || strings.HasSuffix(r.Repository, "/.") {
		return links{}
	}
	var l links
	base := r.Server + "/" + r.Repository
	if r.ID > 0 {
		l.run = base + "/actions/runs/" + strconv.FormatInt(r.ID, 10)
	}
	if head := head(r); commit.MatchString(head) {
		l.commit, l.blob = base+"/commit/"+head, base+"/blob/"+head+"/"
	}
	return l
}

// head is the commit that people know a run by.
func head(r *verdict.Run) string {
	if r.Head != "" {
		return r.Head
	}
	return r.Commit
}

// place is where something is, linked to the line of the source where it has one.
// Only paths of sources may come here: what lies in an image has no page.
func (l links) place(at finding.Location, n int) string {
	text := codeTo(report.Line(at), n)
	// A browser would follow ".." out of the repository, written as %2e%2e too.
	if l.blob == "" || at.Path == "" || at.Path == "." || len(at.Path) > maxLinked || !fs.ValidPath(at.Path) {
		return text
	}
	address := l.blob + segments(at.Path)
	if at.Line > 0 {
		address += "#L" + strconv.Itoa(at.Line)
	}
	return "[" + text + "](" + address + ")"
}

// segments escapes everything in a path but what neither an address nor Markdown
// reads as more than itself.
func segments(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(path) {
		switch {
		case c == '/', c == '.', c == '-', '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// to is a link with a text of our own.
func to(text, address string) string {
	if address == "" {
		return text
	}
	return "[" + text + "](" + address + ")"
}
