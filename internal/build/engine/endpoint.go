package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/docker/go-connections/tlsconfig"
)

// endpoint is where an engine listens.
type endpoint struct {
	network string // "unix" or "tcp"
	address string
	name    string // of the host, for HTTP and TLS
	tls     *tls.Config
}

// find reads an endpoint, and looks at a socket before anybody dials it. The
// errors are *build.UnavailableError.
func find(host string, opts Options) (*endpoint, error) {
	at, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	switch at.Scheme {
	case "unix":
		if err := checkSocket(host, at.Host); err != nil {
			return nil, err
		}
		return &endpoint{network: "unix", address: at.Host, name: "docker"}, nil
	case "tcp", "http", "https":
		name, _, err := net.SplitHostPort(at.Host)
		if err != nil {
			return nil, unreachable(host, fmt.Sprintf("DOCKER_HOST is %q, which has no port", host), "write it as tcp://host:port")
		}
		end := &endpoint{network: "tcp", address: at.Host, name: name}
		if opts.getenv("DOCKER_TLS_VERIFY") != "" || opts.getenv("DOCKER_CERT_PATH") != "" || at.Scheme == "https" {
			if end.tls, err = certificates(opts, name); err != nil {
				return nil, unreachable(host, fmt.Sprintf("the certificates for %s cannot be used: %v", host, err), "set DOCKER_CERT_PATH to a directory with ca.pem, cert.pem and key.pem")
			}
		}
		return end, nil
	}
	return nil, unreachable(host, fmt.Sprintf("DOCKER_HOST is %q, and only unix and tcp are spoken", host), "forward the engine's socket to a local one (ssh -L) and name that")
}

// certificates reads what Docker's command line reads. Where it would not verify
// the engine's certificate (DOCKER_TLS_VERIFY is empty) we do all the same.
func certificates(opts Options, name string) (*tls.Config, error) {
	dir := opts.getenv("DOCKER_CERT_PATH")
	if dir == "" {
		dir = filepath.Join(opts.getenv("HOME"), ".docker")
	}
	config, err := tlsconfig.Client(tlsconfig.Options{
		CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		ExclusiveRootPools: true, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return nil, err
	}
	config.ServerName = name
	return config, nil
}

// checkSocket looks at the file before it is dialled. GitHub's runner mounts
// /var/run/docker.sock blindly; where the host has none, the engine that starts
// us makes a directory of that name.
func checkSocket(host, path string) error {
	const mount = "mount the engine's socket: docker run -v /var/run/docker.sock:/var/run/docker.sock"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return unreachable(host, "there is no socket at "+path, mount)
	case errors.Is(err, fs.ErrPermission):
		return unreachable(host, fmt.Sprintf("looking at the socket %s is not permitted", path), "run as root, or as a member of the group docker")
	case err != nil:
		return unreachable(host, fmt.Sprintf("looking at the socket %s: %v", path, err), mount)
	case info.IsDir():
		return unreachable(host, path+" is a directory and not a socket, as it is in a container whose host has no engine there", "run on a runner that has Docker")
	case info.Mode()&fs.ModeSocket == 0:
		return unreachable(host, path+" is not a socket", mount)
	}
	return nil
}

// explain says why nobody could be reached.
func (end *endpoint) explain(host string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return unreachable(host, fmt.Sprintf("connecting to %s is not permitted", host), "run as root, or as a member of the group docker")
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable(host, "nobody answers at "+host, "start the engine (systemctl start docker)")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return unreachable(host, fmt.Sprintf("nothing accepts connections at %s in time", host), "start the engine, or open the way to it")
	}
	return unreachable(host, fmt.Sprintf("connecting to %s: %v", host, err), "start the engine, or correct DOCKER_HOST")
}

// dial opens a plain connection; HTTP's transport adds TLS itself.
func (end *endpoint) dial(ctx context.Context) (net.Conn, error) {
	// Dead peers are found in the time that Docker's own client takes.
	dialer := net.Dialer{KeepAlive: 30 * time.Second}
	return dialer.DialContext(ctx, end.network, end.address)
}

// hijack asks for a path with POST and takes the connection over once the engine
// agrees (101). The wait for that is bounded by ctx; the stream is not. A refusal
// is a *refusedError.
func (end *endpoint) hijack(ctx context.Context, path, proto string, meta map[string][]string) (net.Conn, error) {
	conn, err := end.dial(ctx)
	if err != nil {
		return nil, err
	}
	if end.tls != nil {
		conn = tls.Client(conn, end.tls)
	}
	// Closing it ends whatever read or write hangs.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	stream, err := upgrade(ctx, conn, end.name, path, proto, meta)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, errors.Join(err, closed(conn))
	}
	return stream, nil
}

// closed closes a connection that is given up; that it was closed before is no error.
func closed(conn net.Conn) error {
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("closing the connection: %w", err)
	}
	return nil
}

func upgrade(ctx context.Context, conn net.Conn, host, path, proto string, meta map[string][]string) (net.Conn, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, meta) // names as they are: BuildKit's are lower case
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", proto)
	if err := request.Write(conn); err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s: %w", path, err)
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		defer response.Body.Close()
		return nil, refusal(path, response)
	}
	return &stream{Conn: conn, reader: reader}, nil
}

// stream is a connection that was taken over; what came behind the answer's
// header is read first.
type stream struct {
	net.Conn
	reader *bufio.Reader
}

func (s *stream) Read(b []byte) (int, error) { return s.reader.Read(b) }

// CloseWrite ends our half of the stream.
func (s *stream) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return s.Close()
}
