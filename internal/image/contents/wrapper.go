package contents

import (
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// handsOver is the command line that a program runs in its turn, and as whom.
func (i *Image) handsOver(u User, _ layer.File, argv []string) ([]string, User, bool) {
	return nil, u, false
}

// operand says why an interpreter cannot run the file that it is given.
func (i *Image) operand(User, layer.File, []string) string { return "" }
