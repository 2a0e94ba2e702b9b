package kubernetes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/source"
)

func TestParseQuantity(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"250m": "0.25", "0.5": "0.5", ".5": "0.5", "5.": "5", "+1": "1", "-1": "-1", "1e3": "1000", "1E-3": "0.001", "12E": "12000000000000000000",
		"64Mi": "67108864", "0.25Gi": "268435456", "128974848000m": "128974848", "1k": "1000", "5n": "0", "100u": "0", "1Ei": "1152921504606846976",
	} {
		if q, ok := ParseQuantity(text); !ok || q.String() != want {
			t.Errorf("%q is %v %v, want %s", text, q, ok, want)
		}
	}
	for _, text := range []string{"", ".", "-", "m", "1.2.3", "512MB", "1 Gi", "1gi", "1K", "0x10", "1_000", "1/2", "1e", "1e999999999", "1e41", "--1", "1e3m", "Inf", strings.Repeat("9", 41)} {
		if q, ok := ParseQuantity(text); ok {
			t.Errorf("%q is %s, want none", text, q)
		}
	}
	half, _ := ParseQuantity("500m")
	one, _ := ParseQuantity("1")
	if half.Cmp(one) >= 0 || one.Cmp(half) <= 0 || half.Times(2).Cmp(one) != 0 || one.Ratio(half) != 2 || half.CmpInt(0) <= 0 || half.Multiple(1) || !one.Multiple(1) {
		t.Error("amounts are compared wrongly")
	}
}

func FuzzQuantity(f *testing.F) {
	for _, text := range []string{"250m", "0.25Gi", "1e3", "-.5E-3", "128974848000m", "512MB"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, ok := ParseQuantity(text)
		if !ok {
			return
		}
		if q.Times(1).Cmp(q) != 0 {
			t.Errorf("%q is not itself", text)
		}
		if len(q.String()) > 2*maxQuantity+maxExponent {
			t.Errorf("%q is as long as %q", text, q)
		}
	})
}

func TestMaskedPlaces(t *testing.T) {
	t.Parallel()
	const text = `apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData": {"a": "hunter2"}}'
stringData:
  a: hunter2
  b: |
    hunter2
    hunter2
---
apiVersion: v1
kind: ConfigMap
metadata: { name: c }
data:
  DB_PASSWORD: hunter2
  LOG_LEVEL: info
  app.conf: |
    # password = in a comment
    user = shop
    password = "hunter2"
    export API_TOKEN=hunter2
  app.json: "{\n  \"dbPassword\": \"hunter2\"\n}"
  run.sh: |
    password=shown
---
apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  containers:
    - name: a
      command: [run, --db-password, hunter2, "--token=hunter2", --user, shop]
      args: ["exec run --api-key hunter2 --verbose"]
      env:
        - { name: DB_PASSWORD, value: hunter2 }
        - { name: DB_USER, value: shop }
      livenessProbe:
        exec: { command: [ping, --password=hunter2] }
      readinessProbe:
        httpGet: { httpHeaders: [{ name: X-Token, value: hunter2 }] }
`
	src, err := source.NewFile("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, unread := Parse(src)
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	rest := text
	for _, at := range f.Masked() {
		hidden := src.Slice(at)
		if !strings.Contains(hidden, "hunter2") || strings.Contains(hidden, "shop") || strings.Contains(hidden, "shown") {
			t.Errorf("%d:%d masks %q", at.Line, at.Column, hidden)
		}
		start := src.Offset(at.Line, at.Column)
		rest = rest[:start] + strings.Repeat("*", len(hidden)) + rest[start+len(hidden):]
	}
	if i := strings.Index(rest, "hunter2"); i >= 0 {
		t.Errorf("not all is masked: %q", rest[max(0, i-60):i+7])
	}
}

func TestHandlers(t *testing.T) {
	t.Parallel()
	src, err := source.NewFile("x.yaml", []byte("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - { name: a, livenessProbe: { exec: {} }, startupProbe: null, lifecycle: { preStop: { sleep: { seconds: 1 } }, stopSignal: SIGTERM } }\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, _ := Parse(src)
	var got []string
	for _, h := range f.Workloads()[0].Containers()[0].Handlers() {
		if h.Probe() {
			h.Name += " probe"
		}
		got = append(got, h.Name)
	}
	if diff := cmp.Diff([]string{"livenessProbe probe", "lifecycle.preStop"}, got); diff != "" {
		t.Error(diff)
	}
}
