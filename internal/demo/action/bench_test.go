package action

import (
	"crypto/rand"
	"os"
	"os/exec"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
)

// What the action adds to a job: a step through each door, beside docker build
// alone, of an image with one RUN. New is a RUN that no cache knows, known is the
// same once more; the base is at hand in both.
func BenchmarkStep(b *testing.B) {
	d := needDock(b)
	d.lend(b)
	dockerfile := func(mark string) string {
		return "FROM " + d.host + "/alpine:3.11\nRUN echo " + mark + " > /mark\nUSER 65532:65532\n"
	}
	alone := func(mark string) {
		dir := b.TempDir()
		check(b, os.WriteFile(dir+"/Dockerfile", []byte(dockerfile(mark)), 0o644))
		id, err := exec.Command("docker", "build", "--quiet", dir).Output()
		check(b, err)
		b.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "-f", string(id[:len(id)-1])).Run() })
	}
	action := func(with map[string]string) func(string) {
		return func(mark string) {
			s := d.run(b, map[string]string{"Dockerfile": dockerfile(mark)}, runnertest.Options{With: with})
			s.exits(0)
		}
	}
	for _, way := range []struct {
		name string
		run  func(mark string)
	}{
		{"docker build alone", alone},
		{"sibling", action(map[string]string{"driver": "sibling"})},
		{"engine", action(map[string]string{"driver": "engine"})},
		{"lint alone", action(map[string]string{"command": "lint"})},
	} {
		b.Run(way.name+"/new", func(b *testing.B) {
			for b.Loop() {
				way.run(rand.Text())
			}
		})
		b.Run(way.name+"/known", func(b *testing.B) {
			mark := rand.Text()
			way.run(mark)
			for b.Loop() {
				way.run(mark)
			}
		})
	}
}
