package revision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// FromGit unpacks the tree of a commit into dir, which must be empty or not
// there, from the repository that workDir lies in. It fails with ErrNotHere when
// the repository does not hold all of it. After any error dir is empty.
func FromGit(ctx context.Context, workDir, commit, dir string, opts Options) (Tree, error) {
	repo, err := open(workDir, commit)
	if err != nil {
		return Tree{}, err
	}
	defer repo.close()
	return unpack(ctx, commit, dir, opts, func(p *planter) error {
		return guarded(func() error {
			c, err := repo.commit(plumbing.NewHash(commit))
			if err != nil {
				return err
			}
			return repo.tree(p, c.TreeHash, "")
		})
	})
}

// repository is the objects of one.
type repository struct{ *filesystem.Storage }

// open finds the repository as git does: upward from a directory, through the
// file .git of a linked work tree or submodule. commits are the ids that will be
// asked for.
func open(workDir string, commits ...string) (*repository, error) {
	for _, id := range commits {
		if err := checkID(id); err != nil {
			return nil, err
		}
		if sha256ID.MatchString(id) {
			return nil, fmt.Errorf("reading commit %s: objects named by SHA-256 cannot be read: %w", id, ErrNotHere)
		}
	}
	_, gitDir, err := locate(workDir)
	if err != nil {
		return nil, err
	}
	files := osfs.New(gitDir)
	common, err := os.ReadFile(filepath.Join(gitDir, "commondir"))
	switch {
	case err == nil:
		dir := strings.TrimSpace(string(common))
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(gitDir, dir)
		}
		files = dotgit.NewRepositoryFilesystem(files, osfs.New(dir))
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the repository's common directory: %w", err)
	}
	// Alternates (git clone --reference) name absolute paths.
	options := filesystem.Options{KeepDescriptors: true, AlternatesFS: osfs.New(filepath.VolumeName(gitDir) + string(filepath.Separator))}
	return &repository{filesystem.NewStorageWithOptions(files, cache.NewObjectLRUDefault(), options)}, nil
}

// Root returns the directory of the work tree that a commit's tree corresponds
// to: the one that holds .git. It fails with ErrNotHere when there is none.
func Root(workDir string) (string, error) {
	root, _, err := locate(workDir)
	return root, err
}

// locate finds the root of a work tree and its git directory.
func locate(workDir string) (root, gitDir string, err error) {
	abs, err := filepath.Abs(workDir)
	if err != nil {
		return "", "", fmt.Errorf("finding %s: %w", workDir, err)
	}
	for at := abs; ; at = filepath.Dir(at) {
		found := filepath.Join(at, ".git")
		info, err := os.Stat(found)
		switch {
		case err == nil && info.IsDir():
			return at, found, nil
		case err == nil && info.Mode().IsRegular() && info.Size() <= maxPath:
			text, err := os.ReadFile(found)
			if err != nil {
				return "", "", fmt.Errorf("reading %s: %w", found, err)
			}
			dir, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
			if !ok {
				return "", "", fmt.Errorf("%s names no git directory: %w", found, ErrNotHere)
			}
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(at, dir)
			}
			return at, dir, nil
		}
		if at == filepath.Dir(at) {
			return "", "", fmt.Errorf("%s lies in no git repository: %w", workDir, ErrNotHere)
		}
	}
}

func (r *repository) close() { _ = r.Close() } // it was read only

// Trees and commits above these sizes in bytes are not read; git's own are far smaller.
const (
	maxTree   = 64 << 20
	maxCommit = 4 << 20
)

// object reads one and proves it by its hash: what stands in a work directory is
// not to be believed.
func (r *repository) object(kind plumbing.ObjectType, id plumbing.Hash, most int64) (*plumbing.MemoryObject, error) {
	stored, err := r.EncodedObject(kind, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading %s %s: %w", kind, id, ErrNotHere)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", kind, id, err)
	}
	content, err := stored.Reader()
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", kind, id, err)
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, most+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", kind, id, err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("reading %s %s: it has more than %d bytes", kind, id, most)
	}
	if plumbing.ComputeHash(kind, data) != id {
		return nil, fmt.Errorf("reading %s %s: its content is another's; the repository is damaged", kind, id)
	}
	proven := &plumbing.MemoryObject{}
	proven.SetType(kind)
	_, err = proven.Write(data)
	return proven, err
}

func (r *repository) commit(id plumbing.Hash) (*object.Commit, error) {
	proven, err := r.object(plumbing.CommitObject, id, maxCommit)
	if err != nil {
		return nil, err
	}
	c, err := object.DecodeCommit(r, proven)
	if err != nil {
		return nil, fmt.Errorf("reading commit %s: %w", id, err)
	}
	return c, nil
}

// tree plants one directory and what it holds.
func (r *repository) tree(p *planter, id plumbing.Hash, at string) error {
	proven, err := r.object(plumbing.TreeObject, id, maxTree)
	if err != nil {
		return err
	}
	var tree object.Tree
	if err := tree.Decode(proven); err != nil {
		return fmt.Errorf("reading directory %q: %w", at, err)
	}
	for _, entry := range tree.Entries {
		name := path.Join(at, entry.Name)
		if strings.Contains(entry.Name, "/") || entry.Name == "" || entry.Name == "." || entry.Name == ".." {
			return fmt.Errorf("directory %q holds the name %q", at, entry.Name)
		}
		if err := p.admit(name); err != nil {
			return err
		}
		if err := r.entry(p, name, entry); err != nil {
			return err
		}
	}
	return nil
}

func (r *repository) entry(p *planter, name string, entry object.TreeEntry) error {
	switch entry.Mode {
	case filemode.Dir:
		return r.tree(p, entry.Hash, name)
	case filemode.Submodule:
		p.tree.leave(name, "is a submodule")
		return p.directory(name)
	case filemode.Symlink:
		target, err := r.object(plumbing.BlobObject, entry.Hash, maxPath)
		if err != nil {
			return err
		}
		text, err := contentOf(target)
		if err == nil {
			p.link(name, text)
		}
		return err
	case filemode.Regular, filemode.Deprecated, filemode.Executable:
		size, err := r.size(entry.Hash)
		if err != nil || !p.wants(name, size) {
			return err
		}
		blob, err := r.object(plumbing.BlobObject, entry.Hash, p.opts.MaxFile)
		if err != nil {
			return err
		}
		content, err := blob.Reader()
		if err != nil {
			return fmt.Errorf("reading %q: %w", name, err)
		}
		return p.file(name, blob.Size(), entry.Mode == filemode.Executable, content)
	case filemode.Empty:
	}
	return fmt.Errorf("%q has mode %s, which no commit made by git has", name, entry.Mode)
}

// size is a blob's, read without its content where it does not lie in an
// alternate: there the library knows the whole object only.
func (r *repository) size(id plumbing.Hash) (int64, error) {
	size, err := r.EncodedObjectSize(id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		var stored plumbing.EncodedObject
		if stored, err = r.EncodedObject(plumbing.BlobObject, id); err == nil {
			size = stored.Size()
		}
	}
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("reading blob %s: %w", id, ErrNotHere)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the size of blob %s: %w", id, err)
	}
	return size, nil
}

func contentOf(o *plumbing.MemoryObject) (string, error) {
	r, err := o.Reader()
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", o.Hash(), err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", o.Hash(), err)
	}
	return string(text), nil
}

// guarded turns a panic into an error: packs are parsed by a library that was not
// made for hostile ones.
func guarded(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the repository cannot be read: %v", p)
		}
	}()
	return read()
}
