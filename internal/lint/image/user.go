package image

import (
	"errors"
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
)

var userRoot = check{
	Rule: finding.Rule{
		ID: "USR-1.a", Name: "user-root", Points: []string{"USR-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The image's user is not root",
		Also:    []string{"DL3002", "DS-0002", "CKV_DOCKER_3", "CKV_DOCKER_8", "CIS-DI-0001", "tally/stateful-root-runtime", "tally/user-created-but-never-used"},
	},
	run: func(p *pass) {
		if p.userErr != nil || !p.user.Root() {
			return
		}
		if !p.starts() {
			p.note("the image starts nothing: taken as a base or as files, its user was not judged")
			return
		}
		if tool := p.drops(); tool != "" {
			p.note(fmt.Sprintf("the image starts as root and holds %q, which may drop that: whether the program runs as root is not known", tool))
			return
		}
		message := "the image names no user, so that it runs as root; name one with a number above 0, such as 10001:10001"
		if p.user.Spec != "" {
			message = fmt.Sprintf("the image runs as root by its user %q; name one with a number above 0, such as 10001:10001", p.user.Spec)
		}
		p.tell(problem{path: "user", message: message})
	},
}

// drops finds a program in the image that is there to give up root at the start.
// setpriv and runuser come with every distribution and say nothing.
func (p *pass) drops() string {
	for _, name := range []string{"gosu", "su-exec", "s6-setuidgid", "setuidgid", "/command/s6-setuidgid", "/usr/local/bin/su-exec"} {
		if f, ok := p.image.LookPath(name); ok {
			return "/" + f.Path
		}
	}
	return ""
}

var userNumeric = check{
	Rule: finding.Rule{
		ID: "USR-1.b", Name: "user-numeric", Points: []string{"USR-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The image's user is a number, which Kubernetes can check",
		Also:    []string{"DL3066"},
	},
	run: func(p *pass) {
		if p.userErr != nil || p.user.Numeric || p.user.Root() {
			return
		}
		p.tell(problem{path: "user", message: fmt.Sprintf("the image's user %q is a name, so that a pod with runAsNonRoot does not start; write \"USER %d:%d\"", p.user.Spec, p.user.UID, p.user.GID)})
	},
}

var userUnresolved = check{
	Rule: finding.Rule{
		ID: "USR-1.c", Name: "user-unresolved", Points: []string{"USR-1"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The user that an image names is in an /etc/passwd that it has",
		Also:    []string{"tally/named-identity-in-passwdless-stage"},
	},
	run: func(p *pass) {
		switch {
		case errors.Is(p.userErr, contents.ErrAccounts):
			p.note("the image's users were not judged: " + p.userErr.Error())
		case p.userErr != nil:
			p.tell(problem{path: "user", message: fmt.Sprintf("no container of the image starts, since its user %q does not resolve in its /etc/passwd and /etc/group; create it, or write a number such as 10001:10001", p.user.Spec)})
		}
	},
}

var groupRoot = check{
	Rule: finding.Rule{
		ID: "USR-1.i", Name: "group-root", Points: []string{"USR-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "The image's user is not in the group of root",
	},
	run: func(p *pass) {
		if p.userErr != nil || p.user.Root() || p.user.GID != 0 {
			return
		}
		p.tell(problem{path: "group", message: fmt.Sprintf("the group of the image's user %q is that of root; name a group too, as in \"USER %d:%d\"", p.user.Spec, p.user.UID, p.user.UID)})
	},
}
