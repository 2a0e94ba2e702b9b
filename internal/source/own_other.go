//go:build !unix

package source

import (
	"io/fs"
	"os"
)

// own does nothing: a file is its maker's here.
func own(*os.File, fs.FileInfo) error { return nil }
