package image

import (
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
)

var programMissing = check{
	Rule: contents.ProgramMissing,
	run: func(p *pass) {
		argv := slices.Concat(p.image.Config.Entrypoint, p.image.Config.Cmd)
		if p.userErr != nil || len(argv) == 0 {
			return
		}
		if cause, bad := contents.MissingProgram(p.image, p.user, argv); bad {
			p.tell(problem{path: "entrypoint", excerpt: argv[0], message: "no container of the image starts: " + cause + "; put it there, or name what is there"})
		}
	},
}

var probeProgramMissing = check{
	Rule: contents.ProbeProgramMissing,
	run: func(p *pass) {
		argv := healthCommand(p.image, p.image.Config.Healthcheck)
		if p.userErr != nil || len(argv) == 0 {
			return
		}
		if cause, bad := contents.MissingProgram(p.image, p.user, argv); bad {
			p.tell(problem{path: "healthcheck", excerpt: argv[len(argv)-1], message: "the health check never succeeds: " + cause + "; ask with something that the image has"})
		}
	},
}

// healthCommand is the command line of a health check, empty when there is none.
func healthCommand(img *contents.Image, check *v1.HealthConfig) []string {
	if check == nil || len(check.Test) < 2 {
		return nil
	}
	switch check.Test[0] {
	case "CMD":
		return check.Test[1:]
	case "CMD-SHELL":
		shell := img.Config.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return append(slices.Clone(shell), check.Test[1])
	}
	return nil
}
