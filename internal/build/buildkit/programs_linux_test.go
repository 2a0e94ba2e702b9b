package buildkit

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// childDial names the variable that makes this program join its standard input and
// output to the socket that it names, as "buildctl dial-stdio" does.
const childDial = "PLIMSOLL_TEST_DIAL"

func dialChild(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 1
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		_ = conn.Close()
	}()
	_, _ = io.Copy(os.Stdout, conn)
	return 0
}

// TestThroughPrograms reaches a buildkitd through docker, kubectl and ssh, in whose
// place this program stands.
func TestThroughPrograms(t *testing.T) {
	sockets := t.TempDir()
	startDaemon(t, socketIn(sockets))
	reached(t, Endpoint{URL: socketIn(sockets)})
	programs := t.TempDir()
	for _, program := range []string{"docker", "kubectl", "ssh"} {
		script := "#!/bin/sh\necho \"$0 $*\" >> " + filepath.Join(programs, "called") + "\n" +
			childDial + "=" + filepath.Join(sockets, "buildkitd.sock") + " exec " + os.Args[0] + "\n"
		if err := os.WriteFile(filepath.Join(programs, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	for _, url := range []string{"docker-container://buildkit", "kube-pod://buildkit-0?namespace=ci", "ssh://someone@host"} {
		through(t, reached(t, Endpoint{URL: url}), specFor(t, tree(t, "-- Dockerfile --\nFROM scratch\nCOPY . /\n")))
	}
	called := readFile(t, filepath.Join(programs, "called"))
	for _, want := range []string{"docker exec -i buildkit buildctl dial-stdio", "--namespace=ci exec --container= -i buildkit-0 -- buildctl dial-stdio", "ssh -l someone -- host buildctl dial-stdio"} {
		if !strings.Contains(called, want) {
			t.Errorf("nobody called %q:\n%s", want, called)
		}
	}
}
