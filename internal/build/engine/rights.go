package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/moby/client"
)

// rights are the capabilities of a sibling; the package says what each is for. All
// are named, because engines differ in what they give unasked.
func rights() []string {
	return []string{
		"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
		"NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
		"NET_ADMIN", "SYS_ADMIN",
	}
}

// systemCalls are those that runc makes and Docker's default profile does not have
// for a container with our rights.
func systemCalls() []string { return []string{"keyctl", "pivot_root"} }

// confinement is what a sibling needs loosened of the security modules that this
// engine says it uses.
func (e *Engine) confinement(ctx context.Context) ([]string, error) {
	ctx, cancel := e.short(ctx)
	defer cancel()
	told, err := e.api.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, fmt.Errorf("asking the engine how it confines containers: %w", err)
	}
	var options []string
	for _, module := range told.Info.SecurityOptions {
		name, _, _ := strings.Cut(strings.TrimPrefix(module, "name="), ",")
		switch name {
		case "apparmor":
			options = append(options, "apparmor=unconfined")
		case "selinux":
			options = append(options, "label=disable")
		case "seccomp":
			profile := "unconfined"
			// Podman takes the path of a file on its own host.
			if e.isMoby(ctx) {
				if profile, err = seccompProfile(); err != nil {
					return nil, err
				}
			}
			options = append(options, "seccomp="+profile)
		}
	}
	return options, nil
}

// isMoby says whether the engine is Docker's and not one that answers like it.
func (e *Engine) isMoby(ctx context.Context) bool {
	version, err := e.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return false
	}
	for _, c := range version.Components {
		if c.Name == "Engine" {
			return true
		}
	}
	return false
}
