package image

import (
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

var accountPassword = check{
	Rule: finding.Rule{
		ID: "USR-1.j", Name: "account-password", Points: []string{"USR-1"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "No account of the image has an empty password",
		Also:    []string{"DKL-LI-0001"},
	},
	run: func(p *pass) {
		accounts, err := p.image.Accounts()
		if err != nil || !p.logsIn() {
			return
		}
		for _, a := range accounts {
			if a.NoPassword {
				p.tell(problem{subject: "etc/shadow", path: a.Name, layer: a.Layer, message: fmt.Sprintf("the account %q has an empty password, so that everybody in a container can become it; lock it with \"passwd -l\"", a.Name)})
			}
		}
	},
}

// logsIn says whether the image has a program that asks for passwords.
func (p *pass) logsIn() bool {
	for _, name := range []string{"su", "login", "sshd", "sudo"} {
		if _, ok := p.image.LookPath(name); ok {
			return true
		}
	}
	return false
}

var accountDuplicate = check{
	Rule: finding.Rule{
		ID: "USR-1.k", Name: "account-duplicate", Points: []string{"USR-1"}, Severity: finding.Low, Since: "0.1.0",
		Summary: "No two accounts of the image have one number or one name",
		Also:    []string{"DKL-LI-0002"},
	},
	run: func(p *pass) {
		accounts, err := p.image.Accounts()
		if err != nil {
			return
		}
		numbers, names := map[int]string{}, map[string]bool{}
		var twice []string
		var at problem
		for _, a := range accounts {
			other, known := numbers[a.UID]
			switch {
			case names[a.Name]:
				twice = append(twice, fmt.Sprintf("%q stands twice", a.Name))
			case known:
				twice = append(twice, fmt.Sprintf("%q and %q are both %d", other, a.Name, a.UID))
			default:
				numbers[a.UID] = a.Name
			}
			names[a.Name] = true
			at.layer = a.Layer
		}
		if len(twice) == 0 {
			return
		}
		at.subject, at.path = "etc/passwd", "duplicate"
		at.message = "accounts of the image cannot be told apart: " + some(twice) + "; give each a number of its own"
		p.tell(at)
	},
}

// shown is how many of a list a message names.
const shown = 5

// some joins the first words of a list.
func some(list []string) string {
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}
