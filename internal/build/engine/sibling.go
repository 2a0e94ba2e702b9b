package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// Labels by which siblings and their volumes are found again.
const (
	labelSibling = "ci.plimsoll.sibling" // "builder"
	labelOwner   = "ci.plimsoll.owner"   // id of the container that started it
)

// CacheVolume is the volume that siblings keep their cache in between runs on one
// host. The builder in a sibling locks it; a second one at once goes without.
const CacheVolume = "plimsoll-build-cache"

// CachePath is where a sibling finds its cache.
const CachePath = "/var/lib/plimsoll"

// SiblingOptions say what to start.
type SiblingOptions struct {
	// Own is the container we run in: the sibling is of its image, on its network.
	Own Own
	// Command is the program in the image and its arguments. It serves what it is
	// for on its standard input and output, and must end when its input ends.
	Command []string
	// CacheVolume is mounted at CachePath and kept; empty is a volume that goes with
	// the container.
	CacheVolume string
	// Stderr is told each line of the sibling's standard error, as it is, without
	// the end of the line; nil is for nobody. Lines longer than 4 KiB come in pieces.
	Stderr func(line string)
	// Grace is how long the sibling may take to end; 0 means 15 seconds.
	Grace time.Duration
}

// Sibling is a container beside ours that serves one connection.
type Sibling struct {
	ID     string
	engine *Engine
	grace  time.Duration
	conn   *stdio
	words  *lines
	end    *ending
	cancel context.CancelFunc // of the wait for its end
}

// proxies are the variables that every program finds its proxy by. A sibling has
// no other part of our environment, which may hold tokens.
func proxies() []string {
	return []string{
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "FTP_PROXY",
		"http_proxy", "https_proxy", "no_proxy", "all_proxy", "ftp_proxy",
	}
}

// ReadyForSibling says whether a sibling can be started, without starting one: our
// own container, or a *build.UnavailableError.
func (e *Engine) ReadyForSibling(ctx context.Context) (Own, error) {
	if e.system != "linux" {
		return Own{}, &build.UnavailableError{Door: build.DoorSibling, Cause: fmt.Sprintf("the engine runs containers of %s and not of Linux", e.system)}
	}
	return e.Own(ctx)
}

// Sibling starts a container with the rights that the package lists. Nothing is
// pulled. The container goes when the connection is closed or breaks: also when
// our process is killed, because the engine then ends its standard input.
func (e *Engine) Sibling(ctx context.Context, opts SiblingOptions) (*Sibling, error) {
	// Leftovers are swept for tidiness; that they could not be is no reason to stop.
	_ = e.Sweep(ctx)
	config, host, err := e.siblingConfig(ctx, opts)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, config, host, opts)
}

// run creates and starts the container.
func (e *Engine) run(ctx context.Context, config *container.Config, host *container.HostConfig, opts SiblingOptions) (*Sibling, error) {
	creating, cancel := e.short(ctx)
	defer cancel()
	created, err := e.api.ContainerCreate(creating, client.ContainerCreateOptions{Config: config, HostConfig: host})
	if err != nil {
		return nil, fmt.Errorf("creating a sibling container: %w", err)
	}
	s := &Sibling{
		ID: created.ID, engine: e, grace: cmp.Or(opts.Grace, defaultPatience),
		words: &lines{tell: opts.Stderr},
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, e.discard(ctx, created.ID))
	}
	return s, nil
}

func (e *Engine) siblingConfig(ctx context.Context, opts SiblingOptions) (*container.Config, *container.HostConfig, error) {
	if len(opts.Command) == 0 || opts.Own.Image == "" {
		return nil, nil, errors.New("starting a sibling: it has no image or no command")
	}
	confinement, err := e.confinement(ctx)
	if err != nil {
		return nil, nil, err
	}
	config := &container.Config{
		Image: opts.Own.Image, User: "0:0", WorkingDir: "/",
		Entrypoint: opts.Command[:1], Cmd: opts.Command[1:],
		// With StdinOnce the engine ends standard input when the attached client goes.
		OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
		Labels: map[string]string{labelSibling: "builder", labelOwner: opts.Own.ID},
	}
	for _, name := range proxies() {
		if value := e.getenv(name); value != "" {
			config.Env = append(config.Env, name+"="+value)
		}
	}
	host := &container.HostConfig{
		AutoRemove: true, NetworkMode: container.NetworkMode(opts.Own.Network),
		CapDrop: []string{"ALL"}, CapAdd: rights(), SecurityOpt: confinement,
		CgroupnsMode: container.CgroupnsModePrivate,
		// The connection is its log; a log file of gRPC would fill the host's disk.
		LogConfig: container.LogConfig{Type: "none"},
		Mounts: []mount.Mount{{
			Type: mount.TypeVolume, Source: opts.CacheVolume, Target: CachePath,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true, Labels: map[string]string{labelSibling: "cache"}},
		}},
	}
	return config, host, nil
}

// start attaches before it starts, so that no byte is lost.
func (s *Sibling) start(ctx context.Context) error {
	starting, cancel := s.engine.short(ctx)
	defer cancel()
	query := url.Values{"stream": {"1"}, "stdin": {"1"}, "stdout": {"1"}, "stderr": {"1"}}
	path := "/v" + s.engine.api.ClientVersion() + "/containers/" + s.ID + "/attach?" + query.Encode()
	raw, err := s.engine.endpoint.hijack(starting, path, "tcp", nil)
	if err != nil {
		return fmt.Errorf("attaching to the sibling container: %w", err)
	}
	var waiting context.Context
	waiting, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.end = s.engine.await(waiting, s.ID)
	s.conn = demultiplex(raw, s.words)
	if _, err := s.engine.api.ContainerStart(starting, s.ID, client.ContainerStartOptions{}); err != nil {
		s.cancel()
		return errors.Join(fmt.Errorf("starting the sibling container: %w", err), closed(s.conn))
	}
	return nil
}

// Conn is the sibling's standard input and output. Closing it ends the sibling, but
// only Close waits until it is gone.
func (s *Sibling) Conn() net.Conn { return s.conn }

// dial gives the connection to whoever asks for a way to a builder.
func (s *Sibling) dial(context.Context) (net.Conn, error) { return s.conn, nil }

// Why says why a connection ended: what the sibling wrote last on its standard
// error, at most 20 lines, and the code it ended with when that is known and not 0.
func (s *Sibling) Why() string {
	why := s.words.last()
	select {
	case <-s.end.done:
	case <-time.After(time.Second): // the stream ends a moment before the container
		return why
	}
	if s.end.err == nil && s.end.code != 0 {
		why = strings.TrimPrefix(why+"\n", "\n") + fmt.Sprintf("the sibling container ended with code %d", s.end.code)
		if s.end.code == 137 {
			why += " (killed, perhaps because memory ran out)"
		}
	}
	return why
}

// Close ends the sibling and waits until the engine has removed it, after the grace
// by force. When ctx has ended the grace is a second.
func (s *Sibling) Close(ctx context.Context) error {
	defer s.cancel()
	// What it writes from now on is for nobody, and must not hold it up.
	s.conn.drain()
	// That the stream has ended already is what we are about to wait for.
	_ = s.conn.CloseWrite()
	grace := s.grace
	if ctx.Err() != nil {
		grace = min(grace, time.Second)
	}
	select {
	case <-s.end.done:
	case <-time.After(grace):
	}
	err := closed(s.conn)
	return errors.Join(err, s.engine.discard(ctx, s.ID))
}

// stdio is a container's standard streams as a connection: what is read is its
// standard output alone.
type stdio struct {
	net.Conn // what was taken over; writes and deadlines
	output   *io.PipeReader
}

// demultiplex takes standard output and error apart (Docker's API, "Attach to a
// container", stream format).
func demultiplex(raw net.Conn, stderr io.Writer) *stdio {
	output, in := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(in, stderr, raw)
		in.CloseWithError(err) // nil is the end
	}()
	return &stdio{Conn: raw, output: output}
}

// Read reads standard output.
func (s *stdio) Read(b []byte) (int, error) { return s.output.Read(b) }

// CloseWrite ends the container's standard input.
func (s *stdio) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return s.Conn.Close()
}

// drain discards what is still to come.
func (s *stdio) drain() {
	go func() { _, _ = io.Copy(io.Discard, s.output) }() // ends with the stream, which Close closes
}

// Close ends both directions.
func (s *stdio) Close() error {
	err := s.Conn.Close()
	_ = s.output.Close() // never an error
	return err
}
