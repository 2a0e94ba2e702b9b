package action

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest/actionimage"
)

// small is a repository whose image passes: nothing of its base is left, and a
// step has run that no cache knows.
func small() map[string]string {
	return map[string]string{"Dockerfile": `FROM HOST/alpine:3.11 AS build
RUN mkdir /out && echo ` + rand.Text() + ` > /out/hold && sleep 2
FROM scratch
COPY --from=build /out /
USER 65532:65532
`}
}

// siblings lists the containers of our images, beside the one that the runner started.
func (d *dock) siblings(t testing.TB, image string) []string {
	t.Helper()
	out, err := docker("ps", "--all", "--no-trunc", "--format", "{{.ID}}", "--filter", "ancestor="+image, "--filter", "label=ci.plimsoll.sibling=builder")
	check(t, err)
	return strings.Fields(out)
}

// Beside an engine that cannot export OCI a sibling builds, and the volume keeps
// what it made for the next job on that machine.
func TestSiblingBuilds(t *testing.T) {
	d := needDock(t)
	repository := small()
	first := d.run(t, repository, runnertest.Options{})
	first.exits(0)
	first.says("building through the sibling door; docker: its BuildKit cannot export OCI", "pass; Dockerfile sha256:")
	second := d.run(t, repository, runnertest.Options{})
	for range 3 { // another build on this machine may hold the cache
		if strings.Contains(second.Text(), "CACHED") {
			break
		}
		second = d.run(t, repository, runnertest.Options{})
	}
	second.exits(0)
	second.says("CACHED")
	if second.Outputs["digest"] != first.Outputs["digest"] || second.Outputs["verdict"] != "pass" {
		t.Errorf("the outputs differ: %v, %v", first.Outputs, second.Outputs)
	}
	t.Logf("the first step took %s, the second %s", first.took, second.took)
	if left := d.siblings(t, d.full); len(left) > 0 {
		t.Errorf("siblings are left: %v", left)
	}
}

// Without a builder the rest is told all the same, and every cause is named.
func TestNoDoor(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	careless := map[string]string{"Dockerfile": "FROM HOST/alpine:3.11\nENV API_TOKEN=9f86d081884c7d659a2feaa0c55ad015\n"}
	for name, test := range map[string]struct {
		socket runnertest.Socket
		extra  []string
		cause  string
	}{
		"no socket":                        {runnertest.NoSocket, nil, "/var/run/docker.sock"},
		"an empty directory as the socket": {runnertest.EmptyDirectory, nil, "/var/run/docker.sock"},
		"no capabilities":                  {runnertest.EmptyDirectory, []string{"--cap-drop", "ALL"}, "/var/run/docker.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := d.run(t, careless, runnertest.Options{Start: runnertest.Docker{Image: d.full, Socket: test.socket, Extra: test.extra}})
			s.outputs(map[string]string{"digest": "", "signed": "false"})
			s.says("no builder can run here: docker, sibling, engine: ", "; embedded: mounting is not permitted", test.cause,
				"build the image elsewhere", "Dockerfile:2", "API_TOKEN")
			// What lint saw is enough for a fail, which says that it is not all.
			s.exits(1)
			s.says("incomplete")
			clean := d.run(t, small(), runnertest.Options{Start: runnertest.Docker{Image: d.full, Socket: test.socket, Extra: test.extra}})
			clean.exits(3)
			clean.outputs(map[string]string{"verdict": "indeterminate", "digest": ""})
		})
	}
}

// The engine builds when it is told to, and what it built is judged like any other.
func TestEngineBuilds(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	d.lend(t)
	s := d.run(t, small(), runnertest.Options{With: map[string]string{"driver": "engine"}})
	s.exits(0)
	s.says("by the engine builder", "pass; Dockerfile sha256:")
	asked := d.run(t, small(), runnertest.Options{With: map[string]string{"driver": "engine", "cache-to": "type=registry,ref=" + d.host + "/cache"}})
	asked.exits(2)
	asked.says("cache-to")
}

// lend gives the engine the base, which does not trust our registry's certificate.
func (d *dock) lend(t testing.TB) {
	t.Helper()
	name := d.host + "/alpine:3.11"
	check(t, actionimage.Load(t.Context(), d.alpine, name))
	t.Cleanup(func() { _, _ = docker("image", "rm", "-f", name) })
}

// A pod has no engine, no rights and another way to start: what needs no builder
// works, and that there is none is said.
func TestPod(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	s := d.run(t, small(), runnertest.Options{Start: runnertest.Kubernetes{Image: d.full}})
	s.exits(3)
	s.says("no builder can run here", "Dockerfile:1")
	s.outputs(map[string]string{"verdict": "indeterminate"})
	scanned := d.run(t, map[string]string{"README": ""}, runnertest.Options{
		With: map[string]string{"image-ref": d.host + "/alpine:3.11"}, Start: runnertest.Kubernetes{Image: d.slim},
	})
	scanned.exits(1)
	scanned.says("CVE-2021-36159")
	scanned.outputs(map[string]string{"verdict": "fail"})
}

// Without any capability a sibling builds all the same: its rights are its own.
func TestSiblingOfOneWithoutRights(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	s := d.run(t, small(), runnertest.Options{Start: runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket, Extra: []string{"--cap-drop", "ALL"}}})
	s.exits(0)
	s.says("building through the sibling door")
}

// The slim image judges what somebody built, and says what would build.
func TestSlim(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	slim := runnertest.Docker{Image: d.slim, Socket: runnertest.RealSocket}
	s := d.run(t, small(), runnertest.Options{Start: slim})
	s.exits(2)
	s.says("this is the slim program, which has no builder", "use the full one", "image-ref")
	s = d.run(t, map[string]string{"README": ""}, runnertest.Options{Start: slim, With: map[string]string{"image-ref": d.host + "/alpine:3.11"}})
	s.exits(1)
	s.says("CVE-2021-36159")
}

// A job with services has a network of its own, on which RUN reaches them by name.
func TestJobWithServices(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	network := "github_network_" + strings.ToLower(rand.Text())
	_, err := docker("network", "create", network)
	check(t, err)
	t.Cleanup(func() { _, _ = docker("network", "rm", network) })
	service, err := docker("run", "--detach", "--rm", "--network", network, "--network-alias", "pantry", "--entrypoint", "busybox", d.slim, "httpd", "-f", "-h", "/etc")
	check(t, err)
	t.Cleanup(func() { _, _ = docker("rm", "--force", service) })
	s := d.run(t, map[string]string{"Dockerfile": "FROM HOST/alpine:3.11\nRUN echo " + rand.Text() + " && wget -q -O- http://pantry/passwd | grep /bin/sh\nUSER 1000\n"}, runnertest.Options{
		Start: runnertest.Docker{Image: d.full, Socket: runnertest.RealSocket, Network: network},
	})
	s.exits(0)
	s.says("building through the sibling door")
}
