//go:build !unix

package actions

import "os"

// Own does nothing: files have no owner to set here.
func (r *Runner) Own(*os.File) {}
