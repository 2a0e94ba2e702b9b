package engine

import (
	"encoding/json"
	"fmt"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// seccompProfile is Docker's default profile and what runc needs beside it. The
// engine fits it to its kernel and to the capabilities.
func seccompProfile() (string, error) {
	profile := seccomp.DefaultProfile()
	profile.Syscalls = append(profile.Syscalls, &seccomp.Syscall{
		LinuxSyscall: specs.LinuxSyscall{Names: systemCalls(), Action: specs.ActAllow},
	})
	raw, err := json.Marshal(profile)
	if err != nil {
		return "", fmt.Errorf("writing the sibling's seccomp profile: %w", err)
	}
	return string(raw), nil
}
