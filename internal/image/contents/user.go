package contents

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// User is whom a program of the image runs as.
type User struct {
	// Spec is what was asked for: "", "1000", "app:www".
	Spec string
	// Name is that of /etc/passwd, empty when it has none for the number.
	Name     string
	UID, GID int
	Groups   []int // beside GID
	Home     string
	Shell    string
	// Numeric says that Spec names the user by number, or not at all: Kubernetes
	// can tell that such a user is not root without looking into the image.
	Numeric bool
	// Resolved says that /etc/passwd has the user. One that is not there runs all
	// the same when Numeric, without name and home.
	Resolved bool
}

// Root says whether the user is root.
func (u User) Root() bool { return u.UID == 0 }

// ErrAccounts is a database of users or groups that could not be read: what the
// user is, is not known.
var ErrAccounts = errors.New("the database of users cannot be read")

// User resolves what USER, `user:` or --user say, by the rules of container
// runtimes: "name", "uid", each with ":group" or ":gid". A runtime starts no
// container where User fails, but for an error that is ErrAccounts.
func (i *Image) User(spec string) (User, error) {
	who, _, _ := strings.Cut(spec, ":")
	_, notNumber := strconv.Atoi(who)
	u := User{Spec: spec, Numeric: notNumber == nil || who == ""}
	passwd, err := i.accountsOf("passwd")
	if err != nil {
		return u, err
	}
	group, err := i.accountsOf("group")
	if err != nil {
		return u, err
	}
	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, reader(passwd), reader(group))
	if err != nil {
		return u, fmt.Errorf("resolving the user %q: %w", spec, err)
	}
	u.UID, u.GID, u.Groups, u.Home = found.Uid, found.Gid, found.Sgids, found.Home
	entries, err := user.ParsePasswdFilter(bytes.NewReader(passwd), func(p user.User) bool {
		return p.Uid == found.Uid && (u.Numeric || p.Name == who)
	})
	if err == nil && len(entries) > 0 {
		u.Name, u.Shell, u.Resolved = entries[0].Name, entries[0].Shell, true
	}
	return u, nil
}

// reader is nil for a database that is not there.
func reader(text []byte) io.Reader {
	if text == nil {
		return nil
	}
	return bytes.NewReader(text)
}

// accountsOf is the text of /etc/passwd, /etc/group or /etc/shadow, nil when the
// image has none.
func (i *Image) accountsOf(name string) ([]byte, error) {
	f, ok := i.Lookup("etc/" + name)
	if !ok {
		return nil, nil
	}
	a, ok := i.accounts[f.Path]
	if !ok || !a.whole || a.layer != f.Layer.Index {
		return nil, fmt.Errorf("reading /etc/%s: %w", name, ErrAccounts)
	}
	return a.text, nil
}

// implied is the mode of a directory that no entry made.
const implied = fs.ModeDir | 0o755

// Can says whether a user may read, write and execute (search, of a directory) a
// file, as far as modes tell, of it and of the directories above it. Root is
// taken to have root's capabilities. Access lists are not known.
func (i *Image) Can(u User, f layer.File, r, w, x bool) bool {
	for dir := path.Dir(f.Path); f.Path != "."; dir = path.Dir(dir) {
		above, ok := i.index.Lookup(dir)
		if ok && above.Mode.IsDir() && !permits(u, above, false, false, true) {
			return false
		}
		if dir == "." {
			break
		}
	}
	return permits(u, f, r, w, x)
}

func permits(u User, f layer.File, r, w, x bool) bool {
	perm := f.Mode.Perm()
	if u.UID == 0 {
		return !x || f.Mode.IsDir() || perm&0o111 != 0
	}
	switch {
	case u.UID == f.UID:
		perm >>= 6
	case u.GID == f.GID || slices.Contains(u.Groups, f.GID):
		perm >>= 3
	}
	return (!r || perm&4 != 0) && (!w || perm&2 != 0) && (!x || perm&1 != 0)
}
