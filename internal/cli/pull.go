package cli

import "github.com/plimsoll-ci/plimsoll/internal/verdict"

// comment keeps the comment of the pull request up to date and returns its address.
func (r *runner) comment(*verdict.Result) string { return "" }
