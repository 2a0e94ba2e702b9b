package stack

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
)

var userCannotStart = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-02", Name: "user-cannot-start", Points: []string{"USR-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "The user that a manifest sets may execute and read what the image starts",
	},
	Run: func(p *lint.Pass, s *ship) {
		for _, c := range s.containers {
			n := c.Security("runAsUser")
			if n.IsNull() {
				n = c.Security("runAsGroup")
			}
			if n.IsNull() || c.Image == nil || !c.Image.Linux() {
				continue
			}
			image := moved(c)
			argv, ok := override(image, c.Node.Get("command"), c.Node.Get("args"))
			if !ok {
				argv = slices.Concat(image.Config.Entrypoint, image.Config.Cmd)
			}
			if cause := cannot(image, runsAs(c), argv); cause != "" && !brought(image, argv, mountPaths(c)) {
				p.Report(about(c, "securityContext.runAsUser", n.At(), fmt.Sprintf("container %q runs as %q, not as the image's user %q: %s; set the image's user, or open the file for it", c.Name, runsAs(c), image.Config.User, cause)))
			}
		}
		for _, service := range s.services {
			v := service.Get("user")
			if service.Image == nil || !service.Image.Linux() || !v.IsScalar() || !v.Known || service.Partial || service.Get("working_dir").Exists() {
				continue
			}
			argv, ok := composed(service)
			if !ok && !service.Get("entrypoint").Exists() && !service.Get("command").Exists() {
				argv = slices.Concat(service.Image.Config.Entrypoint, service.Image.Config.Cmd)
			}
			var mounted []string
			for _, m := range service.Mounts() {
				mounted = append(mounted, m.Target)
			}
			if cause := cannot(service.Image, v.Text, argv); cause != "" && !brought(service.Image, argv, mounted) {
				p.Report(lint.Problem{
					At: v.At(), Subject: service.Subject(), Path: "user",
					Message: fmt.Sprintf("service %q runs as %q, not as the image's user %q: %s; set the image's user, or open the file for it", service.Name, v.Text, service.Image.Config.User, cause),
				})
			}
		}
	},
}

// cannot says why a user cannot start what the image's own user can.
func cannot(image *contents.Image, spec string, argv []string) string {
	own, err := image.User(image.Config.User)
	other, failed := image.User(spec)
	if err != nil || failed != nil || own.UID == other.UID && own.GID == other.GID || len(argv) == 0 {
		return ""
	}
	if _, bad := contents.MissingProgram(image, own, argv); bad {
		return "" // which is told by its own rule
	}
	if dir, ok := image.Lookup(image.Abs(".")); ok && !image.Can(other, dir, false, false, true) && image.Can(own, dir, false, false, true) {
		return fmt.Sprintf("it may not enter the working directory %q", image.Abs("."))
	}
	cause, _ := contents.MissingProgram(image, other, argv)
	return cause
}
