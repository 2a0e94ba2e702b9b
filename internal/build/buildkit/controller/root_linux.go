package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	bolterrors "go.etcd.io/bbolt/errors"
)

// root is the directory a controller keeps its state in, locked for this process.
type root struct {
	dir     string
	lock    *flock.Flock
	private bool // thrown away at the end
}

const privatePrefix = "private-"

// lockRoot takes the cache below cacheDir. Where another build holds it, it says
// so, waits for patience and then takes a private directory beside it, which
// starts empty and is thrown away. An empty cacheDir is a private one from the start.
//
// The lock is ours because bbolt's own waits for ever, or moves a live database
// aside.
func lockRoot(ctx context.Context, cacheDir string, patience time.Duration, notice func(string)) (*root, error) {
	if cacheDir == "" {
		return privateRoot(os.TempDir())
	}
	home, err := filepath.Abs(filepath.Join(cacheDir, "buildkit"))
	if err != nil {
		return nil, fmt.Errorf("finding the build cache: %w", err)
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("making the build cache: %w", err)
	}
	// Mounts are found by their real path.
	if home, err = filepath.EvalSymlinks(home); err != nil {
		return nil, fmt.Errorf("finding the build cache: %w", err)
	}
	removeAbandoned(home)
	lock := flock.New(filepath.Join(home, "lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the build cache %s: %w", home, err)
	}
	if !locked {
		notice(fmt.Sprintf(
			"another build%s uses the cache %s; waiting for it, and building without the cache after %s", holder(lock.Path()), home, patience,
		))
		waiting, cancel := context.WithTimeout(ctx, patience)
		locked, err = lock.TryLockContext(waiting, 100*time.Millisecond)
		cancel()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("waiting for the build cache: %w", context.Cause(ctx))
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("locking the build cache %s: %w", home, err)
		}
	}
	if !locked {
		notice("the other build still holds the cache; building with an empty private one")
		return privateRoot(home)
	}
	sign(lock)
	dir := filepath.Join(home, "root")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("making the build cache: %w", err), lock.Unlock())
	}
	return &root{dir: dir, lock: lock}, nil
}

func privateRoot(parent string) (*root, error) {
	dir, err := os.MkdirTemp(parent, privatePrefix)
	if err != nil {
		return nil, fmt.Errorf("making a private build cache: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("finding the private build cache: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLock(); err != nil {
		return nil, fmt.Errorf("locking the private build cache: %w", err)
	}
	sign(lock)
	return &root{dir: dir, lock: lock, private: true}, nil
}

// sign leaves our process id in the lock file, for the notice of who waits.
func sign(lock *flock.Flock) {
	_ = os.WriteFile(lock.Path(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
}

// holder reads who signed a lock: " (process 42)", or nothing.
func holder(path string) string {
	raw, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(raw))
	if _, convErr := strconv.Atoi(pid); err != nil || convErr != nil {
		return ""
	}
	return " (process " + pid + ")"
}

// removeAbandoned removes private directories whose builds were killed. One whose
// lock is held is alive.
func removeAbandoned(home string) {
	abandoned, _ := filepath.Glob(filepath.Join(home, privatePrefix+"*"))
	for _, dir := range abandoned {
		// A young one may be between its making and its lock.
		if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock := flock.New(filepath.Join(dir, "lock"))
		if locked, err := lock.TryLock(); err != nil || !locked {
			continue
		}
		sweep(dir)
		_ = os.RemoveAll(dir)
		_ = lock.Unlock()
	}
}

// damage is what bbolt, and the decoders of what lies in its databases, say of
// content that cannot be read; not all of bbolt's errors have a value.
var damage = regexp.MustCompile(`^file size too small|: file size too small|unexpected end of JSON input|invalid character .* looking for|proto: (?:cannot parse|illegal|wrong)`)

// machine is what errors say that no state on disk is to blame for.
var machine = regexp.MustCompile(`no space left on device|read-only file system|too many open files|cannot allocate memory|input/output error`)

// damaged says whether an error of opening a root that is locked for us speaks of
// what the databases hold. All others (a full disk, too many open files, a lock,
// missing rights) are the machine's, and nothing is gained by losing the cache.
func damaged(err error) bool {
	if machine.MatchString(err.Error()) {
		return false
	}
	for _, what := range []error{
		bolterrors.ErrInvalid, bolterrors.ErrInvalidMapping, bolterrors.ErrVersionMismatch, bolterrors.ErrChecksum,
		bolterrors.ErrIncompatibleValue, bolterrors.ErrBucketNotFound, io.ErrUnexpectedEOF,
	} {
		if errors.Is(err, what) {
			return true
		}
	}
	return damage.MatchString(err.Error())
}

// clear removes what is in the directory, except the lock.
func (r *root) clear() error {
	sweep(r.dir)
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return fmt.Errorf("clearing the build cache: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(r.dir, entry.Name())
		if path == r.lock.Path() {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("clearing the build cache: %w", err)
		}
	}
	return nil
}

// release gives the directory back, or removes it when it is private.
func (r *root) release() error {
	var err error
	if r.private {
		err = os.RemoveAll(r.dir)
	}
	return errors.Join(err, r.lock.Unlock())
}
