package history

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Read reads a repository on disk with the git program: its commits, with their
// true ids, and its refs ("refs/heads/main") with the commits that they name.
// A tree is what git archive gives: paths with the attribute export-ignore are not in it.
func Read(ctx context.Context, dir string) (Network, map[string]string, error) {
	listed, err := git(ctx, dir, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)")
	if err != nil {
		return nil, nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(listed)) {
		words := strings.Fields(line)
		refs[words[0]] = words[len(words)-1] // an annotated tag names what it points to last
	}
	listed, err = git(ctx, dir, "log", "--all", "-z", "--format=%H%n%P%n%B")
	if err != nil {
		return nil, nil, err
	}
	commits := Network{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		parts := strings.SplitN(entry, "\n", 3)
		if len(parts) != 3 {
			continue // no commits at all
		}
		c := &Commit{SHA: parts[0], Parents: strings.Fields(parts[1]), Message: strings.TrimSuffix(parts[2], "\n")}
		if err := c.read(ctx, dir); err != nil {
			return nil, nil, err
		}
		commits[c.SHA] = c
	}
	return commits, refs, nil
}

func (c *Commit) read(ctx context.Context, dir string) error {
	archive, err := git(ctx, dir, "archive", "--format=tar", c.SHA)
	if err != nil {
		return err
	}
	c.Files, c.Links = map[string]string{}, map[string]string{}
	for tree := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := tree.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the tree of %s: %w", c.SHA, err)
		}
		switch h.Typeflag {
		case tar.TypeReg:
			content, err := io.ReadAll(tree)
			if err != nil {
				return fmt.Errorf("reading %s of %s: %w", h.Name, c.SHA, err)
			}
			c.Files[h.Name] = string(content)
		case tar.TypeSymlink:
			c.Links[h.Name] = h.Linkname
		}
	}
}

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output() //nolint:gosec // of a test's own directory
	if err != nil {
		var said []byte
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			said = exit.Stderr
		}
		return nil, fmt.Errorf("running git %s: %w: %s", args[0], err, said)
	}
	return out, nil
}
