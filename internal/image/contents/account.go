package contents

import (
	"bytes"
	"strings"

	"github.com/moby/sys/user"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// Account is one entry of /etc/passwd.
type Account struct {
	Name     string
	UID, GID int
	// NoPassword says that nothing has to be typed to become it.
	NoPassword bool
	// Layer holds the file that says so.
	Layer *layer.Layer
}

// Accounts are those of /etc/passwd, as far as it can be read: lines that are no
// entry are passed over, as the C library does. The error is ErrAccounts.
func (i *Image) Accounts() ([]Account, error) {
	passwd, err := i.accountsOf("passwd")
	if err != nil {
		return nil, err
	}
	shadow, err := i.accountsOf("shadow")
	if err != nil {
		return nil, err
	}
	empty := map[string]bool{}
	for line := range strings.Lines(string(shadow)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) > 2 && fields[1] == "" {
			empty[fields[0]] = true
		}
	}
	var all []Account
	for line := range bytes.Lines(passwd) {
		entries, err := user.ParsePasswd(bytes.NewReader(line))
		if err != nil || len(entries) != 1 || entries[0].Name == "" || bytes.Count(line, []byte(":")) < 6 || strings.ContainsAny(entries[0].Name[:1], "#+-") {
			continue
		}
		e := entries[0]
		file := "passwd"
		if empty[e.Name] && e.Pass == "x" {
			file = "shadow"
		}
		a := Account{Name: e.Name, UID: e.Uid, GID: e.Gid, NoPassword: e.Pass == "" || file == "shadow"}
		if f, ok := i.Lookup("etc/" + file); ok {
			a.Layer = &f.Layer
		}
		all = append(all, a)
	}
	return all, nil
}
