package engine

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

// What the test binary does instead of testing, and the image it has to do it with.
const (
	programVariable = "PLIMSOLL_TEST_PROGRAM"
	imageVariable   = "PLIMSOLL_TEST_IMAGE"
)

func TestMain(m *testing.M) {
	name := os.Getenv(programVariable)
	if len(os.Args) == 3 && os.Args[1] == "program" {
		name = os.Args[2]
	}
	if name == "" {
		code := m.Run()
		testImage.remove()
		os.Exit(code)
	}
	if err := play(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}

// program is the command that plays a part in a container of the test image.
func program(name string) []string { return []string{"/program", "program", name} }

func play(name string) error {
	ctx := context.Background()
	switch name {
	case "echo":
		fmt.Fprintln(os.Stderr, "serving \x1b[2J::stop-commands::x")
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "stubborn":
		_, err := io.Copy(os.Stdout, os.Stdin)
		time.Sleep(time.Hour)
		return err
	case "fail":
		return errors.New("no such luck")
	case "cgroups":
		return playCgroups()
	case "client":
		return playClient(ctx, Own{Image: os.Getenv(imageVariable)}, func(s *Sibling) error {
			fmt.Println(s.ID)
			time.Sleep(time.Hour)
			return nil
		})
	case "inside":
		e, err := Open(ctx, Options{Getenv: os.Getenv})
		if err != nil {
			return err
		}
		own, err := e.ReadyForSibling(ctx)
		if err != nil {
			return err
		}
		return playClient(ctx, own, func(s *Sibling) error {
			fmt.Fprintln(s.Conn(), "hello")
			answer, err := bufio.NewReader(s.Conn()).ReadString('\n')
			fmt.Printf("image=%s network=%s answer=%s", own.Image, own.Network, answer)
			return errors.Join(err, s.Close(ctx))
		})
	}
	if play := programs[name]; play != nil {
		return play(ctx)
	}
	return fmt.Errorf("no program %q", name)
}

// programs are played by tests that this package cannot hold.
var programs = map[string]func(context.Context) error{}

func playCgroups() error {
	if err := WritableCgroups(); err != nil {
		return err
	}
	for _, dir := range []string{cgroupRoot + "/memory", cgroupRoot} { // version 1, 2
		if err := os.Mkdir(dir+"/plimsoll-test", 0o755); err == nil {
			fmt.Println("writable")
			return nil
		}
	}
	return errors.New("the cgroups cannot be written")
}

func playClient(ctx context.Context, own Own, then func(*Sibling) error) error {
	e, err := Open(ctx, Options{Getenv: os.Getenv})
	if err != nil {
		return err
	}
	s, err := e.Sibling(ctx, SiblingOptions{Own: own, Command: program("echo")})
	if err != nil {
		return err
	}
	return then(s)
}

// needEngine opens the engine of this machine.
func needEngine(t testing.TB) *Engine {
	t.Helper()
	e, err := Open(t.Context(), Options{Getenv: os.Getenv})
	if unavailable, ok := errors.AsType[*build.UnavailableError](err); ok {
		t.Skipf("%s; run: .ci/install-engine", unavailable.Cause)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// image is made once, when a test first needs it.
type image struct {
	once sync.Once
	name string
	id   string
	err  error
}

var testImage image

// needSibling gives an engine and an image that holds this test binary as /program.
func needSibling(t testing.TB) (*Engine, Own) {
	t.Helper()
	e := needEngine(t)
	testImage.once.Do(func() { testImage.err = testImage.make(t.Context(), e) })
	if testImage.err != nil {
		t.Fatal(testImage.err)
	}
	return e, Own{Image: testImage.id}
}

func unique() string { return rand.Text()[:8] }

func (i *image) make(ctx context.Context, e *Engine) error {
	files := map[string]string{"tmp/": ""}
	if err := pack(files, "program", os.Args[0]); err != nil {
		return err
	}
	if err := packRuntime(ctx, files); err != nil {
		return err
	}
	i.name = "plimsoll-test-engine:" + strings.ToLower(unique())
	// A test that ends must not take the image from the others.
	ctx = context.WithoutCancel(ctx)
	imported, err := e.api.ImageImport(ctx, client.ImageImportSource{Source: tarball(files), SourceName: "-"}, i.name, client.ImageImportOptions{})
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, imported); err != nil {
		return err
	}
	found, err := e.api.ImageInspect(ctx, i.name)
	i.id = found.ID
	return err
}

func pack(files map[string]string, name, from string) error {
	raw, err := os.ReadFile(from)
	files[strings.TrimPrefix(name, "/")] = string(raw)
	return err
}

// packRuntime adds runc and the libraries it is linked to, when there is one.
func packRuntime(ctx context.Context, files map[string]string) error {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return nil //nolint:nilerr // tests that need it skip
	}
	linked, err := exec.CommandContext(ctx, "ldd", runc).Output()
	if err != nil {
		linked = nil // a static one
	}
	for _, library := range regexp.MustCompile(`/\S+`).FindAllString(string(linked), -1) {
		if err := pack(files, library, library); err != nil {
			return err
		}
	}
	return pack(files, "usr/bin/runc", runc)
}

// remove takes the image away when one was made.
func (i *image) remove() {
	if i.id == "" {
		return
	}
	e, err := Open(context.Background(), Options{Getenv: os.Getenv})
	if err == nil {
		err = e.Remove(context.Background(), i.name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// tarball holds files, executable; a name that ends in a slash is a directory.
func tarball(files map[string]string) io.Reader {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range files {
		header := &tar.Header{Name: name, Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if strings.HasSuffix(name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := errors.Join(w.WriteHeader(header), second(w.Write([]byte(content)))); err != nil {
			panic(err) // memory does not fail
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return &b
}

func second(_ int, err error) error { return err }

// runOnce runs a program in a container with the engine's socket, as the runner
// starts an action, and gives its output.
func runOnce(t testing.TB, e *Engine, image, network, name string) string {
	t.Helper()
	if e.endpoint.network != "unix" {
		t.Skip("mounting the socket needs an engine on this machine; run: .ci/install-engine")
	}
	created, err := e.api.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Config: &container.Config{Image: image, Entrypoint: program(name)},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(network), Mounts: []mount.Mount{
			{Type: mount.TypeBind, Source: e.endpoint.address, Target: "/var/run/docker.sock"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.discard(t.Context(), created.ID); err != nil {
			t.Error(err)
		}
	}()
	if _, err := e.api.ContainerStart(t.Context(), created.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	waited := e.api.ContainerWait(t.Context(), created.ID, client.ContainerWaitOptions{})
	select {
	case <-waited.Result:
	case err := <-waited.Error:
		t.Fatal(err)
	}
	logs, err := e.api.ContainerLogs(t.Context(), created.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	out, err := io.ReadAll(logs)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
