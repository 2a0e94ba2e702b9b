package controller

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/resources/types"
	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/solver/pb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// recorded is an executor that notes every container before it starts, so that
// none stays behind, whatever ends us.
type recorded struct {
	executor.Executor
	dir     string // of the notes
	runtime string
}

// Run notes the container and runs it.
func (r *recorded) Run(ctx context.Context, id string, root executor.Mount, mounts []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	if id == "" {
		id = identity.NewID()
	}
	if err := executor.ValidContainerID(id); err != nil {
		return nil, err
	}
	// A RUN shares our network. Told so, BuildKit leaves it our nameservers too; else
	// it takes those on loopback for the host's alone, and 127.0.0.11, by which Docker
	// names the services of a job, gives way to a public one.
	if process.Meta.NetMode == pb.NetMode_UNSET {
		process.Meta.NetMode = pb.NetMode_HOST
	}
	if err := os.WriteFile(filepath.Join(r.dir, id), []byte(r.runtime), 0o600); err != nil {
		return nil, fmt.Errorf("noting a container: %w", err)
	}
	return r.Executor.Run(ctx, id, root, mounts, process, started)
}

// missing stands in for an executor where there is no runtime.
type missing struct{ why string }

// Run fails in a way that clients can tell from a failed command.
func (m *missing) Run(context.Context, string, executor.Mount, []executor.Mount, executor.ProcessInfo, chan<- struct{}) (types.Recorder, error) {
	return nil, status.Error(codes.FailedPrecondition, NoRuntime+m.why)
}

// Exec fails as Run does.
func (m *missing) Exec(context.Context, string, executor.ProcessInfo) error {
	return status.Error(codes.FailedPrecondition, NoRuntime+m.why)
}
