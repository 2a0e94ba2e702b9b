package stack

import (
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
	"github.com/plimsoll-ci/plimsoll/internal/source/compose"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

type entry = compose.Entry

// production finds where the stages that a stage is made of install without
// development dependencies, or say that they are for production.
func (s *ship) production(stage *binding.Stage) (finding.Location, bool) {
	seen := map[*dockerfile.Stage]bool{}
	queue := []*dockerfile.Stage{stage.Stage}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		for _, one := range next.Chain() {
			if seen[one] {
				continue
			}
			seen[one] = true
			for _, in := range one.Instructions {
				if from, _, ok := in.Flag("from"); ok && in.Name == "COPY" {
					if other := stage.File.CopiedStage(one, in, from); other != nil {
						queue = append(queue, other)
					}
				}
				if in.Name == "RUN" && in.Script != nil {
					for _, c := range in.Script.Commands {
						if (c.Name == "npm" || c.Name == "yarn" || c.Name == "pnpm") && c.Has("--only=production", "--only=prod", "--omit=dev", "--production", "--prod", "--production=true") {
							return in.At, true
						}
					}
				}
				if in.Name == "ENV" && strings.Contains(stage.File.Source.Slice(in.At), "NODE_ENV=production") {
					return in.At, true
				}
			}
		}
	}
	return finding.Location{}, false
}
