package source

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mark is the byte order mark, which a File's Text is without.
const mark = "\uFEFF"

var (
	errReplaceLink = errors.New("is a symbolic link, which is not written through; mend the file that it leads to")
	errReadOnly    = errors.New("is read-only; make it writable")
	errChanged     = errors.New("changed since it was read; run again")
	errMade        = errors.New("was made by a tool; mend what it was made of")
)

// Replace writes a new text into a file of the tree: all of it or nothing, with the
// mode and owner that the file had. It refuses links, files that may not be written,
// and a file that holds something else than it did when it was read. The error names
// the file.
func (t *Tree) Replace(f *File, text string) error {
	if err := t.replace(f, text); err != nil {
		return fmt.Errorf("writing %s: %w", f.Path, err)
	}
	return nil
}

func (t *Tree) replace(f *File, text string) error {
	if f.Rendered() {
		return errMade
	}
	name := filepath.FromSlash(f.Path)
	info, err := t.root.Lstat(name)
	switch {
	case err != nil:
		return cause(err)
	case info.Mode()&fs.ModeSymlink != 0:
		return errReplaceLink
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file; name a file")
	case info.Mode().Perm()&0o200 == 0: // root may write it all the same, and should not
		return errReadOnly
	}
	if err := t.writable(name); err != nil {
		return err
	}
	is, err := t.Content(f.Path)
	if err != nil {
		return err
	}
	was, marked := bytes.CutPrefix(is, []byte(mark))
	if string(was) != f.Text {
		return errChanged
	}
	if marked {
		text = mark + text
	}
	beside := filepath.Join(filepath.Dir(name), ".plimsoll-"+strings.ToLower(rand.Text())+".tmp")
	if err := t.write(beside, info, text); err != nil {
		_ = t.root.Remove(beside) // what failed first is what to tell
		return cause(err)
	}
	if err := t.root.Rename(beside, name); err != nil {
		_ = t.root.Remove(beside)
		return cause(err)
	}
	return nil
}

// writable says why a file may not be written: to put another in its place only
// the directory has to be.
func (t *Tree) writable(name string) error {
	file, err := t.root.OpenFile(name, os.O_WRONLY, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return errReadOnly
	case err != nil:
		return cause(err)
	}
	return file.Close()
}

// write makes a new file that is like another, and has it on the disk.
func (t *Tree) write(name string, like fs.FileInfo, text string) error {
	file, err := t.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	// The owner first: giving a file away takes special modes from it.
	if err == nil {
		err = own(file, like)
	}
	if err == nil {
		err = file.Chmod(like.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky))
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
