package action

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/plimsoll-ci/plimsoll/internal/registry/registrytest"
	"github.com/plimsoll-ci/plimsoll/internal/report/actions/runnertest"
	"github.com/plimsoll-ci/plimsoll/internal/sign/sigstore"
)

// push is a push to the default branch that publishes under a tag.
func push(t *testing.T, tag string) runnertest.Options {
	t.Helper()
	return runnertest.Options{
		Event:  event(t, "push.branch", nil),
		GitHub: repository(map[string]string{"event_name": "push", "ref": "refs/heads/master", "ref_name": "master"}),
		With:   map[string]string{"tags": tag, "sign": "false"},
	}
}

// repository completes the github context for the repository that events speak of.
func repository(of map[string]string) map[string]string {
	of["repository"], of["repository_id"], of["repository_owner"] = "Codertocat/Hello-World", "186853002", "Codertocat"
	of["workflow_ref"] = "Codertocat/Hello-World/.github/workflows/ci.yml@refs/heads/master"
	return of
}

// event reads an event file as GitHub sends it, and lets change patch it.
func event(t *testing.T, name string, change func(map[string]any)) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "internal", "event", "testdata", name+".json"))
	check(t, err)
	var payload map[string]any
	check(t, json.Unmarshal(raw, &payload))
	if change != nil {
		change(payload)
	}
	raw, err = json.Marshal(payload)
	check(t, err)
	return raw
}

// written lists the writes that a repository of the registry has seen.
func (d *dock) written(repository string) []registrytest.Entry {
	return slices.DeleteFunc(d.registry.Writes(), func(e registrytest.Entry) bool { return !strings.HasPrefix(e.Path, "/v2/"+repository+"/") })
}

// A push to the default branch publishes what passed, signed, its tag last.
func TestPush(t *testing.T) {
	t.Parallel()
	d := needDock(t)
	const password = "password-of-the-key"
	private, _, err := sigstore.GenerateKey([]byte(password))
	check(t, err)
	o := push(t, d.host+"/published/app:1.0.0")
	o.With["signing-key"], o.With["sign"] = "env://SIGNING_KEY", "auto"
	o.Env = map[string]string{"SIGNING_KEY": string(private), "COSIGN_PASSWORD": password}
	s := d.run(t, small(), o)
	s.exits(0)
	ref, err := name.ParseReference(d.registry.Host + "/published/app:1.0.0")
	check(t, err)
	published, err := remote.Head(ref)
	check(t, err)
	digest := published.Digest.String()
	s.outputs(map[string]string{
		"verdict": "pass", "digest": digest, "acted": "true", "signed": "true", "enforced": "true", "degraded": "",
		"report": "plimsoll-report/report.json",
	})
	if s.Artifacts["oci://"+d.host+"/published/app"] != digest && s.Artifacts[d.host+"/published/app"] != digest {
		t.Errorf("the runner knows of the artifacts %v", s.Artifacts)
	}
	if !strings.Contains(s.Summary, "pass") || len(s.Failed) > 0 {
		t.Errorf("the summary is %q; the runner refused %v", s.Summary, s.Failed)
	}
	writes := d.written("published/app")
	if last := writes[len(writes)-1]; !strings.HasSuffix(last.Path, "/manifests/1.0.0") {
		t.Errorf("the last write is %v", last)
	}
	for _, secret := range []string{password, strings.Split(string(private), "\n")[1]} {
		if strings.Contains(s.Text(), secret) || strings.Contains(s.Summary, secret) {
			t.Errorf("%.7s… is told", secret)
		}
	}
	// The same once more: nothing is written.
	before := len(writes)
	again := d.run(t, map[string]string{"Dockerfile": readFile(t, filepath.Join(s.Workspace, "Dockerfile"))}, o)
	again.exits(0)
	again.outputs(map[string]string{"digest": digest, "signed": "true"})
	if after := d.written("published/app"); len(after) != before {
		t.Errorf("the second run wrote %v", after[before:])
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	check(t, err)
	return string(raw)
}
