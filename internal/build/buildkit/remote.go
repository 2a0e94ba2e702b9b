package buildkit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/buildkit/client/connhelper"
	"github.com/moby/buildkit/client/connhelper/dockercontainer"
	"github.com/moby/buildkit/client/connhelper/kubepod"
	"github.com/moby/buildkit/client/connhelper/ssh"

	"github.com/plimsoll-ci/plimsoll/internal/build"
	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/progress"
)

// Inputs that errors of an endpoint name.
const (
	inputEndpoint = "endpoint"
	inputTLSDir   = "endpoint-tls-dir"
)

// connectTime is how long opening a socket and a TLS handshake may take.
const connectTime = 10 * time.Second

// Endpoint is a BuildKit that somebody else runs.
type Endpoint struct {
	// URL is tcp://HOST:PORT, unix:///PATH, docker-container://NAME, kube-pod://POD
	// (with ?namespace=, ?context= and ?container=) or ssh://[USER@]HOST, as
	// buildctl's --addr takes them. The last three start docker, kubectl or ssh.
	URL string
	// TLSDir holds ca.pem, and cert.pem and key.pem where the endpoint wants to know
	// us, as buildctl's --tlsdir does. Empty speaks plainly.
	TLSDir string
}

// programs are what connections of a scheme are made with.
var programs = map[string]struct {
	name string
	dial func(*url.URL) (*connhelper.ConnectionHelper, error)
}{
	"docker-container": {"docker", dockercontainer.Helper},
	"kube-pod":         {"kubectl", kubepod.Helper},
	"ssh":              {"ssh", ssh.Helper},
}

// Connect is a build.Connect. An endpoint or a certificate that cannot be used as
// given, or a program that is not there, is a *config.UsageError; one that does
// not answer is *build.UnavailableError from Builder.
func (e Endpoint) Connect(context.Context, build.Spec, progress.Sink) (*build.Connection, error) {
	if e.URL == "" {
		return nil, &build.UnavailableError{Door: build.DoorRemote, Cause: "no endpoint was named", WaysOut: []string{"name a BuildKit with the input endpoint (tcp://…, unix://…)"}}
	}
	dial, err := e.dialer()
	if err != nil {
		return nil, err
	}
	var opened, heard atomic.Bool
	conn := &build.Connection{Dial: func(ctx context.Context) (net.Conn, error) {
		stream, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		opened.Store(true)
		return &listening{Conn: stream, heard: &heard}, nil
	}}
	if e.TLSDir != "" {
		conn.Why = func() string {
			if !opened.Load() || heard.Load() {
				return ""
			}
			return "it may not know our certificate; see " + e.TLSDir
		}
	}
	return conn, nil
}

// listening remembers whether the other end ever said anything. By TLS 1.3 a
// server that refuses us ends the connection after the handshake, and which error
// that gives depends on who is faster.
type listening struct {
	net.Conn
	heard *atomic.Bool
}

// Read implements net.Conn.
func (l *listening) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 {
		l.heard.Store(true)
	}
	return n, err
}

func (e Endpoint) dialer() (func(context.Context) (net.Conn, error), error) {
	at, err := url.Parse(e.URL)
	if err != nil || at.Scheme == "" || at.User != nil && at.Scheme != "ssh" {
		return nil, e.unusable(`it is no endpoint; give one such as "tcp://buildkit:1234" or "unix:///run/buildkit/buildkitd.sock"`)
	}
	if e.TLSDir != "" && at.Scheme != "tcp" {
		return nil, &config.UsageError{Where: inputTLSDir, Err: fmt.Errorf("%s:// needs no certificates; leave it out", at.Scheme)}
	}
	if program, ok := programs[at.Scheme]; ok {
		if _, err := exec.LookPath(program.name); err != nil {
			return nil, e.unusable(fmt.Sprintf("it is reached with the program %q, which is not on PATH; install it, or give an endpoint of tcp://", program.name))
		}
		helper, err := program.dial(at)
		if err != nil {
			return nil, e.unusable(err.Error())
		}
		return func(ctx context.Context) (net.Conn, error) { return helper.ContextDialer(ctx, "") }, nil
	}
	dialer := &net.Dialer{Timeout: connectTime, KeepAlive: 30 * time.Second}
	switch at.Scheme {
	case "unix":
		path := at.Host + at.Path
		return func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "unix", path) }, nil
	case "tcp":
		if at.Port() == "" || at.Hostname() == "" || strings.Trim(at.Path, "/") != "" {
			return nil, e.unusable("want tcp://HOST:PORT")
		}
		return e.overTCP(dialer, at)
	}
	schemes := []string{"tcp", "unix"}
	for scheme := range programs {
		schemes = append(schemes, scheme)
	}
	slices.Sort(schemes)
	return nil, e.unusable("its scheme is none of " + strings.Join(schemes, ", "))
}

func (e Endpoint) unusable(why string) error {
	shown := e.URL
	if at, err := url.Parse(e.URL); err == nil {
		shown = at.Redacted()
	}
	return &config.UsageError{Where: inputEndpoint, Err: fmt.Errorf("%q: %s", shown, why)}
}

func (e Endpoint) overTCP(dialer *net.Dialer, at *url.URL) (func(context.Context) (net.Conn, error), error) {
	if e.TLSDir == "" {
		return func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", at.Host) }, nil
	}
	settings, err := certificates(e.TLSDir)
	if err != nil {
		return nil, &config.UsageError{Where: inputTLSDir, Err: err}
	}
	settings.ServerName = at.Hostname()
	secured := tls.Dialer{NetDialer: dialer, Config: settings}
	return func(ctx context.Context) (net.Conn, error) { return secured.DialContext(ctx, "tcp", at.Host) }, nil
}

// certificates reads a directory as buildctl's --tlsdir does.
func certificates(dir string) (*tls.Config, error) {
	authority, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, fmt.Errorf("reading the authority's certificate: %w", err)
	}
	settings := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}}
	if !settings.RootCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s holds no certificate", filepath.Join(dir, "ca.pem"))
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	_, noCert := os.Stat(cert)
	_, noKey := os.Stat(key)
	if errors.Is(noCert, fs.ErrNotExist) && errors.Is(noKey, fs.ErrNotExist) {
		return settings, nil // an endpoint that does not ask who we are
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("reading our certificate (cert.pem, key.pem): %w", err)
	}
	if ends := pair.Leaf.NotAfter; time.Now().After(ends) {
		return nil, fmt.Errorf("our certificate %s expired on %s", cert, ends.Format(time.DateOnly))
	}
	settings.Certificates = []tls.Certificate{pair}
	return settings, nil
}
