package contents

import "github.com/plimsoll-ci/plimsoll/internal/finding"

// The rules that MissingProgram decides, for the commands of an image as for those
// that manifests put in their place.
var (
	// ProgramMissing is about what a container starts: ENTRYPOINT and CMD, and what
	// `command`, `args` and `entrypoint` make of them.
	ProgramMissing = finding.Rule{
		ID: "X-05", Name: "program-missing", Severity: finding.High, Since: "0.1.0",
		Summary: "What a container starts is in its image, and its user may execute it with the interpreter or loader that it needs",
	}
	// ProbeProgramMissing is about what a health check, a probe or a hook runs.
	ProbeProgramMissing = finding.Rule{
		ID: "X-04", Name: "probe-program-missing", Points: []string{"PRB-2"}, Severity: finding.High, Since: "0.1.0",
		Summary: "What a health check, a probe or a hook runs is in its image, and its user may execute it",
	}
)
