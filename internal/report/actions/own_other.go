//go:build !unix

package actions

// Own does nothing: files have no owner to set here.
func (r *Runner) Own(string) {}
