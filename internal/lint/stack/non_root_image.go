package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var nonRootImage = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-01", Name: "non-root-image", Points: []string{"USR-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Where runAsNonRoot is demanded and no runAsUser is set, the image's user is a number above 0",
	},
	Run: func(p *lint.Pass, s *ship) {
		told := map[finding.Location]*lint.Problem{}
		var order []finding.Location
		for _, c := range s.containers {
			demand, refused := refuses(c)
			if !refused {
				continue
			}
			user := s.userOf(c)
			if user.kind == fine || user.kind == unknown {
				continue
			}
			at := user.at
			if at.Line == 0 {
				at = demand.At()
			}
			related := noted(demand.At(), fmt.Sprintf("%s, container %q", c.Workload.Subject(), c.Name))
			if told[at] != nil {
				told[at].Related = append(told[at].Related, related)
				continue
			}
			problem := s.refusal(c, user, at)
			if user.at.Line != 0 {
				problem.Related = []finding.Location{related}
			}
			told[at] = &problem
			order = append(order, at)
		}
		for _, at := range order {
			p.Report(*told[at])
		}
	},
}

// refuses returns the demand that Kubernetes refuses to start a container for unless
// its image's user is a number above 0.
func refuses(c *binding.Container) (demand kubernetes.Node, refuses bool) {
	demand = c.Security("runAsNonRoot")
	on, _ := demand.Bool()
	return demand, on && c.Security("runAsUser").IsNull() && !c.Workload.Windows()
}

func (s *ship) refusal(c *binding.Container, u user, at finding.Location) lint.Problem {
	what := fmt.Sprintf("the image's user is the name %q, and runAsNonRoot is demanded: Kubernetes cannot tell that it is not root and starts no container %q", u.text, c.Name)
	mend := "write its number"
	switch {
	case u.kind == root && u.text == "":
		what, mend = fmt.Sprintf("the image sets no user and so runs as root, and runAsNonRoot is demanded: container %q does not start", c.Name), "set USER with a number above 0"
	case u.kind == root:
		what, mend = fmt.Sprintf("the image's user is %q, which is root, and runAsNonRoot is demanded: container %q does not start", u.text, c.Name), "set USER with a number above 0"
	}
	if u.at.Line == 0 {
		what = strings.Replace(what, "the image", fmt.Sprintf("image %q", c.Node.Get("image").Text()), 1)
		what = strings.Replace(what, "\"'s user", "\" has a user that", 1)
		mend = "set runAsUser and runAsGroup to numbers that the image works with"
		if u.kind == name {
			what = fmt.Sprintf("image %q has a user by name, %q, and runAsNonRoot is demanded: Kubernetes cannot tell that it is not root and starts no container %q", c.Node.Get("image").Text(), u.text, c.Name)
		}
		return about(c, "securityContext.runAsNonRoot", at, what+"; "+mend)
	}
	return lint.Problem{At: at, Subject: c.Stage.Subject(), Path: "user[runAsNonRoot]", Message: what + "; " + mend}
}

type userKind int

const (
	unknown userKind = iota
	fine
	name
	root
)

// user is an image's user and what Kubernetes makes of it.
type user struct {
	kind userKind
	text string
	at   finding.Location // in the Dockerfile; zero where it is not there
}

// userOf returns the user of a container's image: from the image, from its Dockerfile,
// or from what is known of public images.
func (s *ship) userOf(c *binding.Container) user {
	f := s.of(c.Stage)
	at := f.user.at
	if at.Line == 0 && c.Stage != nil {
		at = c.Stage.From.At
	}
	switch {
	case c.Image != nil:
		return user{kindOf(c.Image.Config.User), c.Image.Config.User, at}
	case f.user.known:
		return user{kindOf(f.user.text), f.user.text, f.user.at}
	case f.user.at.Line != 0, c.Stage != nil && c.Stage.Windows():
		return user{}
	case c.Stage != nil && (c.Stage.Root().Base.Value == "scratch" || rootBase(f.base, f.baseTag)):
		return user{root, "", at}
	case c.Dockerfile() == nil && (c.Service == nil || !c.Service.Built()) && c.Named && rootBase(binding.Normal(c.Ref.Name), c.Ref.Tag):
		return user{root, "", finding.Location{}}
	}
	return user{}
}

// kindOf reads "user:group" as Kubernetes does.
func kindOf(text string) userKind {
	who, _, _ := strings.Cut(strings.TrimSpace(text), ":")
	n, err := strconv.ParseInt(who, 10, 64)
	switch {
	case err == nil && n == 0, who == "root", who == "":
		return root
	case err != nil:
		return name
	}
	return fine
}

// rootBases are images that set no USER in any of their tags, entrypoints that give
// up root later included: Kubernetes does not wait for those.
var rootBases = strings.Fields(`alpine amazoncorretto amazonlinux bash buildpack-deps busybox caddy debian eclipse-temurin fedora gcc golang gradle httpd
	mariadb maven mongo mysql nginx node openjdk perl php postgres python rabbitmq redis ruby rust sapmachine tomcat traefik ubuntu valkey wordpress`)

var nonRootTag = regexp.MustCompile(`non-?root|unprivileged|rootless|[0-9]-user`)

func rootBase(base, tag string) bool {
	return slices.Contains(rootBases, base) && !nonRootTag.MatchString(tag)
}
