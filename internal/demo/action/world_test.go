// Package action runs the action as GitHub's runner does: the image that our
// Dockerfile makes, in a real engine, with a registry and a vulnerability database
// on this machine.
package action

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/klauspost/compress/gzip"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest/actionimage"
	"github.com/plimsoll-ci/plimsoll/internal/scan/trivy/dbbuild"
)

// root is the repository, seen from here.
const root = "../../.."

// dock is what all tests share: the images of the action in the engine, and what
// they need around them.
type dock struct {
	dir        string
	full, slim string // names of images in the engine
	program    string // the full program, for this machine
	layouts    map[string]string
	alpine     v1.Image // a real one
	registry   *registrytest.Server
	tls        *http.Server
	// bridge is the address of this machine on the engine's default network, and host
	// the registry there. Containers reach it by TLS, as they do registries elsewhere:
	// the image trusts its certificate.
	bridge, host string
}

var shared struct {
	once sync.Once
	dock *dock
	skip string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.dock != nil {
		if err := shared.dock.clear(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// needDock makes the images when a test first asks, and skips where that cannot be.
func needDock(t testing.TB) *dock {
	t.Helper()
	shared.once.Do(func() {
		if shared.skip = lacking(); shared.skip != "" {
			return
		}
		if shared.err = declareSources(); shared.err != nil {
			return
		}
		shared.dock = &dock{}
		shared.err = shared.dock.build(context.Background())
	})
	if shared.skip != "" {
		t.Skip(shared.skip + "; run as root: .ci/install-engine && go test ./internal/demo/action")
	}
	check(t, shared.err)
	return shared.dock
}

// declareSources looks at every source of the program, so that go test, which notes
// what tests look at, does not repeat an old result when one of them changed.
func declareSources() error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.Name() == "Dockerfile", slices.Contains([]string{".go", ".mod", ".json", ".yml", ".yaml", ".txtar"}, filepath.Ext(path)):
			_, err = os.Stat(path)
		}
		return err
	})
}

// lacking says what this machine lacks, "" when that is nothing.
func lacking() string {
	for _, program := range []string{"docker", "busybox", "runc"} {
		if _, err := exec.LookPath(program); err != nil {
			return "there is no " + program + " here"
		}
	}
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.Os}}").CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "linux" {
		return "no Docker engine of Linux answers here: " + strings.TrimSpace(string(out))
	}
	if os.Geteuid() != 0 {
		return "building the action's image takes root"
	}
	return ""
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (d *dock) build(ctx context.Context) error {
	var err error
	if d.dir, err = os.MkdirTemp("", "plimsoll-action-"); err != nil {
		return err
	}
	if d.bridge, err = bridge(); err != nil {
		return err
	}
	certificate, err := d.open()
	if err != nil {
		return err
	}
	if err := d.stock(ctx, certificate); err != nil {
		return err
	}
	if err := d.compile(); err != nil {
		return err
	}
	d.layouts = map[string]string{}
	for target, name := range map[string]*string{"": &d.full, "slim": &d.slim} {
		if d.layouts[target], err = d.image(target); err != nil {
			return err
		}
		image, err := actionimage.Open(d.layouts[target])
		if err != nil {
			return err
		}
		*name = "plimsoll-action-test:" + strings.ToLower("t"+target+rand.Text()[:8])
		if err := actionimage.Load(ctx, image, *name); err != nil {
			return err
		}
	}
	return nil
}

// bridge is this machine's address on the engine's default network.
func bridge() (string, error) {
	called, err := docker("network", "inspect", "bridge", "--format", `{{index .Options "com.docker.network.bridge.name"}}`)
	if err != nil {
		return "", err
	}
	device, err := net.InterfaceByName(called)
	if err != nil {
		return "", fmt.Errorf("the engine's bridge %q is not on this machine: %w", called, err)
	}
	addresses, err := device.Addrs()
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil {
			return network.IP.String(), nil
		}
	}
	return "", fmt.Errorf("the engine's bridge %q has no address of IPv4", called)
}

// open starts the registry: on loopback in the clear for us, and on the bridge with
// a certificate, which it returns as PEM.
func (d *dock) open() ([]byte, error) {
	d.registry = registrytest.Start(registrytest.Options{})
	pair, text, err := certify(d.bridge)
	if err != nil {
		return nil, err
	}
	listener, err := tls.Listen("tcp", net.JoinHostPort(d.bridge, "0"), &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, err
	}
	d.host = listener.Addr().String()
	d.tls = &http.Server{Handler: d.registry, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() { _ = d.tls.Serve(listener) }()
	return text, nil
}

// certify makes a certificate for an address that is its own authority.
func certify(address string) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a registry of tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP(address)},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), nil
}

// stock pushes a base for our own image, one without runc, a real Alpine and a small
// vulnerability database of real advisories.
func (d *dock) stock(ctx context.Context, certificate []byte) error {
	for reference, base := range map[string]actionimage.Base{
		"base:1": {Certificates: certificate, Runtime: true}, "base:slim": {Certificates: certificate},
	} {
		image, err := base.Image(ctx)
		if err == nil {
			err = d.push(reference, image)
		}
		if err != nil {
			return err
		}
	}
	archive := filepath.Join(d.dir, "alpine.tar")
	if err := takeAlpine(archive); err != nil {
		return err
	}
	var err error
	if d.alpine, err = tarball.ImageFromPath(archive, nil); err != nil {
		return err
	}
	if err := d.push("alpine:3.11", d.alpine); err != nil {
		return err
	}
	database := filepath.Join(d.dir, "database")
	if err := dbbuild.Build(ctx, os.DirFS(filepath.Join(root, "testdata", "advisories")), database, time.Now().UTC()); err != nil {
		return err
	}
	_, err = dbbuild.Push(ctx, database, d.registry.Host+"/trivy-db:2")
	return err
}

// takeAlpine unpacks the image that lies in Trivy's module.
func takeAlpine(to string) error {
	find := exec.Command("go", "mod", "download", "-json", "github.com/aquasecurity/trivy")
	find.Dir, find.Stderr = root, os.Stderr
	said, err := find.Output()
	if err != nil {
		return fmt.Errorf("finding Trivy's module: %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(said, &module); err != nil {
		return fmt.Errorf("finding Trivy's module: %w", err)
	}
	in, err := os.Open(filepath.Join(module.Dir, "pkg", "fanal", "test", "testdata", "alpine-311.tar.gz"))
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, z)
	return errors.Join(err, out.Close())
}

func (d *dock) push(repository string, image v1.Image) error {
	ref, err := name.ParseReference(d.registry.Host + "/" + repository)
	if err != nil {
		return err
	}
	return remote.Write(ref, image)
}

// compile makes what the Dockerfile's stage build makes, on this machine, whose
// build cache knows most of it. PLIMSOLL_ACTION_PROGRAMS names a directory that
// holds out/plimsoll and out/plimsoll-slim already.
func (d *dock) compile() error {
	d.program = filepath.Join(d.dir, "build", "out", "plimsoll")
	if made := os.Getenv("PLIMSOLL_ACTION_PROGRAMS"); made != "" {
		d.program = filepath.Join(made, "out", "plimsoll")
		return nil
	}
	for _, tags := range []string{"", "slim"} {
		to := strings.TrimSuffix(d.program+"-"+tags, "-")
		build := exec.Command("go", "build", "-buildvcs=false", "-tags="+tags, "-ldflags=-s -w -X main.version=e2e", "-o", to, ".")
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=jsonv2")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building the program: %w\n%s", err, out)
		}
	}
	return nil
}

// image builds a target of our Dockerfile with our own program. The named context
// stands for the stage that compiles.
func (d *dock) image(target string) (string, error) {
	base := d.registry.Host + "/base:1"
	if target == "slim" {
		base = d.registry.Host + "/base:slim"
	}
	layout := filepath.Join(d.dir, "image-"+target)
	args := []string{
		"build", "--driver=embedded", "--target=" + target, "--build-args=BASE=" + base,
		"--build-contexts=build=" + filepath.Dir(filepath.Dir(d.program)), "--cache-dir=" + filepath.Join(d.dir, "cache"), "--output=" + layout, root,
	}
	command := exec.Command(d.program, args...)
	command.Env = append(os.Environ(), "GITHUB_ACTIONS=")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("plimsoll %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return layout, nil
}

func (d *dock) clear() error {
	var all []error
	for _, image := range []string{d.full, d.slim} {
		if image != "" {
			_, err := docker("image", "rm", "-f", image)
			all = append(all, err)
		}
	}
	if d.tls != nil {
		all = append(all, d.tls.Close())
	}
	if d.registry != nil {
		d.registry.Close()
	}
	return errors.Join(append(all, os.RemoveAll(d.dir))...)
}

// docker runs the command and gives what it printed.
func docker(args ...string) (string, error) {
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
