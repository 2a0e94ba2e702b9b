package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/plimsoll-ci/plimsoll/internal/build"
)

func begin(t testing.TB, e *Engine, opts SiblingOptions) *Sibling {
	t.Helper()
	s, err := e.Sibling(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// say writes a line and reads one.
func say(t testing.TB, s *Sibling, text string) string {
	t.Helper()
	if _, err := fmt.Fprintln(s.Conn(), text); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(s.Conn()).ReadString('\n')
	if err != nil {
		t.Fatalf("%v; %s", err, s.Why())
	}
	return strings.TrimSuffix(answer, "\n")
}

// gone waits until the engine knows no such container.
func gone(t testing.TB, e *Engine, id string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		_, err := e.api.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
		if cerrdefs.IsNotFound(err) {
			t.Logf("gone after %s", time.Since(began).Round(time.Millisecond))
			return
		}
		if err != nil || time.Since(began) > 15*time.Second {
			t.Fatalf("container %.12s is still there: %v", id, err)
		}
	}
}

func TestSibling(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	var mu sync.Mutex
	var told []string
	s := begin(t, e, SiblingOptions{Own: own, Command: program("echo"), Stderr: func(line string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, line)
	}})
	if got := say(t, s, "hello ::add-mask::x \x1b[31m"); got != "hello ::add-mask::x \x1b[31m" {
		t.Errorf("the stream gave %q", got)
	}
	// The engine reads the two streams by two pipes: what was written to standard
	// error first may come after what was written to standard output.
	first := func() string {
		mu.Lock()
		defer mu.Unlock()
		if len(told) == 0 {
			return ""
		}
		return told[0]
	}
	for began := time.Now(); first() == "" && time.Since(began) < 15*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	if got := first(); got != "serving \x1b[2J::stop-commands::x" {
		t.Errorf("standard error told %q", got)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	gone(t, e, s.ID)
}

func TestSiblingsAtOnce(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	first := begin(t, e, SiblingOptions{Own: own, Command: program("echo")})
	second := begin(t, e, SiblingOptions{Own: own, Command: program("echo")})
	for i, s := range []*Sibling{first, second, first} {
		if want, got := fmt.Sprint("number ", i), say(t, s, fmt.Sprint("number ", i)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSiblingThatFails(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	s := begin(t, e, SiblingOptions{Own: own, Command: program("fail")})
	if _, err := io.ReadAll(s.Conn()); err != nil {
		t.Errorf("reading to the end: %v", err)
	}
	if why := s.Why(); !strings.Contains(why, "no such luck") || !strings.Contains(why, "ended with code 9") {
		t.Errorf("why: %q", why)
	}
	gone(t, e, s.ID)
}

func TestSiblingWithoutItsProgram(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	_, err := e.Sibling(t.Context(), SiblingOptions{Own: own, Command: []string{"/nonesuch"}})
	if err == nil || !strings.Contains(err.Error(), "/nonesuch") {
		t.Errorf("got %v, want an error that names the program", err)
	}
}

// One that does not end when its input does is removed by force.
func TestStubbornSibling(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	s := begin(t, e, SiblingOptions{Own: own, Command: program("stubborn"), Grace: 500 * time.Millisecond})
	say(t, s, "hello")
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	gone(t, e, s.ID)
}

func TestSiblingGoesWhenWeAreKilled(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), programVariable+"=client", imageVariable+"="+own.Image)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	id = strings.TrimSpace(id)
	if _, err := e.api.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	_ = child.Wait() // it says that it was killed
	gone(t, e, id)
}

// A client in a container of the engine finds its own image and starts a sibling,
// through a socket that is mounted as the runner does.
func TestSiblingOfOurOwnContainer(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	network := "plimsoll-test-" + strings.ToLower(unique())
	if _, err := e.api.NetworkCreate(t.Context(), network, client.NetworkCreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = e.api.NetworkRemove(context.Background(), network, client.NetworkRemoveOptions{}) })
	for name, network := range map[string]string{"default": "", "of a job": network} {
		out := runOnce(t, e, own.Image, network, "inside")
		if !strings.Contains(out, "image="+own.Image+" network="+network+" answer=hello") {
			t.Errorf("%s: the client in a container said %q", name, out)
		}
	}
}

func TestNoSiblingOutsideOfAContainer(t *testing.T) {
	t.Parallel()
	e := needEngine(t)
	own, err := e.ReadyForSibling(t.Context())
	if own.ID != "" {
		t.Skip("this is a container of the engine; run: go test ./internal/build/engine, outside of one")
	}
	var unavailable *build.UnavailableError
	if !errors.As(err, &unavailable) || unavailable.Door != build.DoorSibling || !strings.Contains(unavailable.Cause, "container") {
		t.Errorf("got %v, want *build.UnavailableError of the sibling door", err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	// An owner that is no more, and a sibling of it that never noticed.
	own.ID = strings.Repeat("0", 64)
	s := begin(t, e, SiblingOptions{Own: own, Command: program("stubborn"), Grace: time.Millisecond})
	alive := begin(t, e, SiblingOptions{Own: Own{Image: own.Image}, Command: program("echo")})
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone(t, e, s.ID)
	say(t, alive, "still here")
}

func TestWritableCgroups(t *testing.T) {
	t.Parallel()
	e, own := needSibling(t)
	s := begin(t, e, SiblingOptions{Own: own, Command: program("cgroups")})
	out, err := io.ReadAll(s.Conn())
	if err != nil || strings.TrimSpace(string(out)) != "writable" {
		t.Errorf("in a sibling: %q, %v; %s", out, err, s.Why())
	}
}

func TestTraces(t *testing.T) {
	t.Parallel()
	const id = "51c03756461db79bce6c728127f661303b58c5af87f283c310e6248b3958d483"
	for text, want := range map[string]int{
		"1 2 8:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/sda1 rw":                    1,
		"1 2 0:2 /containers/storage/overlay-containers/" + id + "/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw":        1,
		"1 2 8:1 / /var/lib/docker/containers/" + id + "/mounts/shm rw - tmpfs shm rw":                                   0, // the host's view of a neighbour
		"1 2 8:1 /var/lib/kubelet/pods/5a0d5c6e-1111-2222-3333-444455556666/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw": 0,
	} {
		if got, err := scanTraces(strings.NewReader(text), mountTrace); err != nil || len(got) != want || want == 1 && got[0].id != id {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]int{
		"9:name=systemd:/docker/" + id: 1, "0::/system.slice/docker-" + id + ".scope": 1, "0::/": 0, "0::/kubepods/besteffort/pod1/x": 0,
	} {
		if got, err := scanTraces(strings.NewReader(text), cgroupTrace); err != nil || len(got) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	var told []string
	l := &lines{tell: func(s string) { told = append(told, s) }}
	for i := range 30 {
		fmt.Fprintf(l, "line %d\n", i)
	}
	fmt.Fprint(l, strings.Repeat("x", maxLine+1))
	if len(told) != 31 || len(told[30]) != maxLine || strings.Count(l.last(), "\n") != maxLast || !strings.HasSuffix(l.last(), "\nx") {
		t.Errorf("told %d lines, the last is %q", len(told), l.last())
	}
}

func BenchmarkSiblingStart(b *testing.B) {
	e, own := needSibling(b)
	for b.Loop() {
		s, err := e.Sibling(b.Context(), SiblingOptions{Own: own, Command: program("echo")})
		if err != nil {
			b.Fatal(err)
		}
		say(b, s, "up")
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSiblingStream(b *testing.B) {
	e, own := needSibling(b)
	s := begin(b, e, SiblingOptions{Own: own, Command: program("echo")})
	block := make([]byte, 1<<20)
	back := make([]byte, 1<<20)
	b.SetBytes(2 << 20) // there and back
	for b.Loop() {
		failed := make(chan error, 1)
		go func() { _, err := s.Conn().Write(block); failed <- err }()
		if _, err := io.ReadFull(s.Conn(), back); err != nil {
			b.Fatal(err)
		}
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
}
