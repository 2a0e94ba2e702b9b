package analyze_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

const awsKey = "AKIAIOSFODNN7ZZZZZZZ"

// Trap 7: Trivy guesses the base layers from the history, and an empty CMD before
// the last layer makes it pass over what came before.
func TestSecretsInEveryLayerThatIsNotTheBase(t *testing.T) {
	env := "AWS_ACCESS_KEY_ID=" + awsKey + "\n"
	img := build(t, func(c *v1.ConfigFile) {
		c.History = []v1.History{
			{CreatedBy: "FROM layer"}, {CreatedBy: "COPY secret /"}, {CreatedBy: `CMD ["x"]`, EmptyLayer: true}, {CreatedBy: "RUN true"},
		}
	}, files{"base/.env": env}, files{"app/.env": env}, files{"etc/motd": "hello\n", "app/.wh..env": ""})
	secrets := func(base int) []string {
		a, _ := run(t, img, scan.Options{Secrets: true, BaseLayers: base})
		wantNothingUnread(t, a)
		var out []string
		for _, f := range a.Secrets {
			index := slices.IndexFunc(img.Config.RootFS.DiffIDs, func(h v1.Hash) bool { return h.String() == f.Layer })
			out = append(out, f.Rule.ID+" "+f.Subject+" "+f.Path+" in layer "+string(rune('0'+index)))
			if f.Location.Artifact != "shop/web:1" || f.Severity != finding.Critical || strings.Contains(f.Message+f.Excerpt+f.SourceLine, awsKey[4:]) {
				t.Errorf("finding %+v", f)
			}
		}
		return out
	}
	app, base := "SEC-1.b app/.env aws-access-key-id in layer 1", "SEC-1.b base/.env aws-access-key-id in layer 0"
	if diff := cmp.Diff([]string{app}, secrets(1)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{app, base}, secrets(-1)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string(nil), secrets(3)); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsInTheConfig(t *testing.T) {
	img := build(t, func(c *v1.ConfigFile) {
		c.Config.Env = []string{"PATH=/bin", "AWS_ACCESS_KEY_ID=" + awsKey}
		c.History = []v1.History{
			{CreatedBy: "RUN echo AWS_ACCESS_KEY_ID=AKIAIOSFODNN7BBBBBBB"},
			{CreatedBy: "ENV AWS_ACCESS_KEY_ID=" + awsKey, EmptyLayer: true},
			{CreatedBy: "RUN |1 AWS_ACCESS_KEY_ID=AKIAIOSFODNN7YYYYYYY /bin/sh -c true"},
		}
	}, files{"a": "a"}, files{"b": "b"})
	a, _ := run(t, img, scan.Options{Secrets: true, BaseLayers: 1})
	var got []string
	for _, f := range a.Secrets {
		got = append(got, f.Rule.ID+" "+f.Subject+" "+f.Layer)
		if strings.Contains(f.Message+f.Excerpt, "AKIA") {
			t.Errorf("the value is shown: %q", f.Message)
		}
	}
	want := []string{"SEC-1.c env AWS_ACCESS_KEY_ID ", "SEC-1.c history 2 " + img.Config.RootFS.DiffIDs[1].String()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
