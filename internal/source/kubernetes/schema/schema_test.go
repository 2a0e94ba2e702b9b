package schema

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-ci/plimsoll/internal/source"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// TestEmbedded: what is embedded is what the generator says that it wrote, and all
// of it can be read.
func TestEmbedded(t *testing.T) {
	sum, err := os.ReadFile("schemas.sum")
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("\nsha256 %x %d bytes unpacked, %d packed\n", sha256.Sum256([]byte(unpacked)), len(unpacked), len(packed))
	if !strings.Contains(string(sum), want) {
		t.Errorf("schemas.sum does not say %q; write both with make schemas", want)
	}
	if len(packed) > 60_000 {
		t.Errorf("the schemas take %d bytes, which is more than tens of kilobytes", len(packed))
	}
	c := builtin()
	if len(c.minors) != 7 || len(c.kinds) < 100 || len(c.blocks) < 500 {
		t.Errorf("%d minors, %d kinds, %d structures", len(c.minors), len(c.kinds), len(c.blocks))
	}
	var walk func(from string, s *shape)
	walk = func(from string, s *shape) {
		switch {
		case s.form == structure:
			if _, ok := c.blocks[s.name]; !ok {
				t.Errorf("%s refers to %q, which is not there", from, s.name)
			}
		case s.of != nil:
			walk(from, s.of)
		case !strings.ContainsRune("*osbilnqxty", rune(s.form)):
			t.Errorf("%s has the form %q", from, s.form)
		}
	}
	for name := range c.blocks {
		for i, f := range c.definition(name).fields {
			walk(name+"."+f.name, f.shape)
			if f.in == 0 || f.required&^f.in != 0 || i > 0 && f.name < c.definition(name).fields[i-1].name {
				t.Errorf("%s.%s is in %x, required in %x, or out of order", name, f.name, f.in, f.required)
			}
		}
	}
	for k, s := range c.kinds {
		if _, ok := c.blocks[s.definition]; !ok || s.in == 0 {
			t.Errorf("%v has no structure or is in no minor", k)
		}
	}
}

func documents(t testing.TB, text string) []yaml.Node {
	t.Helper()
	src, err := source.NewFile("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, unread := yaml.Parse(src, 100_000)
	if len(unread) > 0 {
		t.Fatal(unread)
	}
	return f.Documents
}

// said is what is wrong with the last document, by the definitions in those before.
func said(t testing.TB, text string, target Target) []string {
	t.Helper()
	all := documents(t, text)
	customs := Customs{}
	for _, d := range all {
		customs.Add(d)
	}
	found, ok := Check(all[len(all)-1], target, customs)
	if !ok {
		return []string{"no schema"}
	}
	var lines []string
	for _, v := range found {
		at := v.Node.At()
		doubt := ""
		if v.Doubtful {
			doubt = "?"
		}
		lines = append(lines, fmt.Sprintf("%d:%d %s%d %s: %s", at.Line, at.Column, doubt, v.Kind, v.Path, v.Message))
	}
	return lines
}

const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: a\n      image: a:1\n"

func TestCheck(t *testing.T) {
	for text, want := range map[string][]string{
		pod:                                     nil,
		pod + "      imagepullpolicy: Always\n": {`8:7 0 spec.containers[a].imagepullpolicy: "imagepullpolicy" is no field of Container, and Kubernetes refuses it or drops it; write "imagePullPolicy"`},
		pod + "      volumes: []\n":             {`8:7 0 spec.containers[a].volumes: "volumes" is no field of Container, and Kubernetes refuses it or drops it; move it out to where PodSpec has it`},
		pod + "      readOnlyRootFilesystem: true\n":           {`8:7 0 spec.containers[a].readOnlyRootFilesystem: "readOnlyRootFilesystem" is no field of Container, and Kubernetes refuses it or drops it; move it into "securityContext"`},
		pod + "      imagePullPolicy: always\n":                {`8:24 2 spec.containers[a].imagePullPolicy: "always" is no value of "imagePullPolicy"; write "Always"`},
		pod + "      env: [{name: A, value: 1}]\n":             {`8:30 1 spec.containers[a].env[A].value: "value" wants text and has a number; put it between quotes`},
		pod + "      env: [{name: A, value: yes}]\n":           {`8:30 ?1 spec.containers[a].env[A].value: "value" wants text, and kubectl reads "yes" without quotes as a boolean; put it between quotes`},
		pod + "      env: [{name: A, value: \"yes\"}]\n":       nil,
		pod + "      env: [{name: A, value: 2020-01-01}]\n":    nil,
		pod + "      env: [{name: A}, {name: B}, {name: A}]\n": {`8:42 4 spec.containers[a].env[A]: "env" holds name "A" twice; remove one`},
		pod + "      env: {A: b}\n":                            {`8:12 1 spec.containers[a].env: "env" wants a list and has a mapping; write each item after "- "`},
		pod + "      env: {}\n":                                {`8:12 1 spec.containers[a].env: "env" wants a list and has a mapping; write each item after "- "`},
		pod + "      tty: {{ tty }}\n":                         nil,
		pod + "      resources: {{ .Resources }}\n":            nil,
		pod + "      env: [{{ .Env }}]\n":                      nil,
		pod + "      env:\n":                                   nil,
		pod + "      env: !secret x\n":                         nil,
		pod + "      tty: yes\n":                               nil,
		pod + "      tty: \"yes\"\n":                           {`8:12 1 spec.containers[a].tty: "tty" wants true or false and has text; write true or false without quotes`},
		pod + "      ports: [{containerPort: \"80\"}]\n":       {`8:31 1 spec.containers[a].ports[0].containerPort: "containerPort" wants a whole number and has text; write the number without quotes`},
		pod + "      ports: [{containerPort: 80.0}]\n":         nil,
		pod + "      ports: [{containerPort: 80.5}]\n":         {`8:31 1 spec.containers[a].ports[0].containerPort: "containerPort" wants a whole number and has a number; write the number without quotes`},
		pod + "      ports: [{containerPort: \"${PORT}\"}]\n":  nil,
		pod + "      ports: [{containerPort: PORT}]\n":         nil,
		pod + "      ports: [{name: x}]\n":                     {`8:22 3 spec.containers[a].ports[x].containerPort: ContainerPort lacks "containerPort", without which Kubernetes refuses it; add it`},
		pod + "      resources: {limits: {memory: 1 Gi}}\n":    {`8:36 2 spec.containers[a].resources.limits.memory: "1 Gi" is no amount of "memory"; write one like "250m", "2" or "64Mi"`},
		pod + "      resources: {limits: {memory: 1Gi, cpu: 2, x: 1e3, y: .5, z: \"1.5E3\", q: 100Mi }}\n": nil,
		pod + "      livenessProbe: {httpGet: {port: 1.5}}\n":                                              {`8:39 1 spec.containers[a].livenessProbe.httpGet.port: "port" wants a whole number or text and has a number; write the number or the text`},
		pod + "      $patch: delete\n":                                                                     nil,
		pod + "status: {phase: 1, x: y}\nsops: {mac: x}\n":                                                 nil,
		pod + "sops: {}\nfoo: 1\n":                                                                         {`9:1 0 foo: "foo" is no field of Pod, and Kubernetes refuses it or drops it; remove it`},
		"apiVersion: v1\nkind: Pod\n":                                                                      {`2:7 3 spec: Pod lacks "spec", without which Kubernetes refuses it; add it`},
		"apiVersion: v1\nkind: Pod\nspec:\n  hostNetwork: true\n":                                          {`3:1 3 spec.containers: PodSpec lacks "containers", without which Kubernetes refuses it; add it`},
		"apiVersion: v1\nkind: ConfigMap\ndata: {a: 1, b: on, c: \"1\"}\n": {
			`3:11 1 data.a: "a" wants text and has a number; put it between quotes`,
			`3:17 ?1 data.b: "b" wants text, and kubectl reads "on" without quotes as a boolean; put it between quotes`,
		},
		"apiVersion: v1\nkind: Secret\ndata: {a: aGVsbG8=, b: hello there, c: 'ENC[AES256_GCM,data:x]', d: '${X}', e: \"\"}\n": {
			`3:24 2 data.b: "b" is not encoded in base64; encode it, or move it to "stringData" where that is a field`,
		},
		"x: &x {name: a, imag: b}\napiVersion: v1\nkind: Pod\nmetadata: {annotations: &y {a: b}}\nspec: {containers: [{<<: *x, <<: [{image: c}]}]}\n": {
			`1:1 0 x: "x" is no field of Pod, and Kubernetes refuses it or drops it; remove it`,
			`1:17 0 spec.containers[a].imag: "imag" is no field of Container, and Kubernetes refuses it or drops it; write "image"`,
		},
		"apiVersion: v1\nkind: Service\nspec: {ports: [{port: 53, protocol: UDP}, {port: 53}, {port: 53, protocol: TCP, name: x}]}\n": {
			`3:62 4 spec.ports[x]: "ports" holds port "53", protocol "TCP" twice; remove one`,
		},
		"apiVersion: example.com/v1\nkind: X\n": {"no schema"},
	} {
		if diff := cmp.Diff(want, said(t, text, Any())); diff != "" {
			t.Errorf("%s\n-want +got:\n%s", text, diff)
		}
	}
}

func TestVersions(t *testing.T) {
	young := pod + "  hostnameOverride: x\n" // since 1.34
	for _, c := range []struct {
		oldest, youngest string
		want             []string
	}{
		{"", "", nil},
		{"1.34", "", nil},
		{"1.33", "", []string{`8:3 5 spec.hostnameOverride: "hostnameOverride" of PodSpec is not in Kubernetes 1.33, only in 1.34 and later; leave it out until that is gone`}},
		{"", "1.33", []string{`8:3 5 spec.hostnameOverride: "hostnameOverride" of PodSpec is in Kubernetes 1.34 and later only; remove it, or name the versions that it is for`}},
		{"1.99", "", nil},
	} {
		if diff := cmp.Diff(c.want, said(t, young, Between(c.oldest, c.youngest))); diff != "" {
			t.Errorf("%+v\n-want +got:\n%s", c, diff)
		}
	}
	for _, c := range []struct {
		api, oldest, youngest string
		want                  Status
	}{
		{"apps/v1 Deployment", "", "", Status{Known: true}},
		{"autoscaling/v1 HorizontalPodAutoscaler", "", "", Status{Known: true}},
		{"example.com/v1 Deployment", "", "", Status{}},
		{"extensions/v1beta1 Ingress", "", "", Status{Known: true, Removed: "1.22", Replacement: "networking.k8s.io/v1 Ingress"}},
		{"policy/v1beta1 PodSecurityPolicy", "", "", Status{Known: true, Removed: "1.25"}},
		{"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema", "", "", Status{Known: true, Removed: "1.32", Replacement: "flowcontrol.apiserver.k8s.io/v1 FlowSchema"}},
		{"flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema", "", "1.31", Status{Known: true, Deprecated: true, Replacement: "flowcontrol.apiserver.k8s.io/v1 FlowSchema"}},
		{"resource.k8s.io/v1 ResourceClaim", "1.33", "", Status{Known: true, Since: "1.34"}},
		{"resource.k8s.io/v1beta1 ResourceClaim", "1.34", "", Status{Known: true, Deprecated: true, Replacement: "resource.k8s.io/v1 ResourceClaim"}},
		{"resource.k8s.io/v1beta1 ResourceClaim", "1.32", "1.33", Status{Known: true}},
		{"v1 Endpoints", "", "", Status{Known: true, Deprecated: true, Replacement: "discovery.k8s.io/v1 EndpointSlice"}},
		{"v1 Endpoints", "", "1.32", Status{Known: true}},
	} {
		apiVersion, kind, _ := strings.Cut(c.api, " ")
		if diff := cmp.Diff(c.want, StatusOf(apiVersion, kind, Between(c.oldest, c.youngest))); diff != "" {
			t.Errorf("%+v\n-want +got:\n%s", c, diff)
		}
	}
}

const ship = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec:
  group: example.com
  names: {kind: Ship}
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [name, colour]
              properties:
                name: {type: string, pattern: '^[a-z]+$'}
                colour: {type: string, enum: [red, blue], default: red}
                depth: {type: integer, minimum: 1, maximum: 9}
                port: {x-kubernetes-int-or-string: true}
                any: {x-kubernetes-preserve-unknown-fields: true, type: object, properties: {x: {type: string}}}
                crew: {type: array, items: {type: object, properties: {name: {type: string}}}}
                labels: {type: object, additionalProperties: {type: string}}
    - name: v2
---
apiVersion: example.com/v1
kind: Ship
metadata: {name: x, lables: {}}
`

func TestCustom(t *testing.T) {
	for text, want := range map[string][]string{
		"spec: {name: a, depth: 3, port: http, any: {y: 1}, crew: [{name: a}, {name: a}], labels: {a: b}}\nstatus: {x: 1}\n": nil,
		"spec: {name: \"${A}\", depth: \"${B}\", colour: ''}\n":                                                              nil,
		"spec: {name: A, depth: 10, port: true, any: {x: 1}, crew: [{nam: a}], labels: {a: 1}, colour: Red, hull: 1}\n": {
			`29:14 2 spec.name: "name" does not match the pattern "^[a-z]+$" of its definition; write it so that it does`,
			`29:24 2 spec.depth: "depth" is 10, more than its most, 9; write less`,
			`29:34 1 spec.port: "port" wants a whole number or text and has a boolean; write the number or the text`,
			`29:49 1 spec.any.x: "x" wants text and has a number; put it between quotes`,
			`29:61 0 spec.crew[0].nam: "nam" is no field of "crew", and Kubernetes refuses it or drops it; write "name"`,
			`29:83 1 spec.labels.a: "a" wants text and has a number; put it between quotes`,
			`29:95 2 spec.colour: "Red" is no value of "colour"; write "red"`,
			`29:100 0 spec.hull: "hull" is no field of "spec", and Kubernetes refuses it or drops it; remove it`,
		},
		"spec: {}\n": {`29:1 3 spec.name: "spec" lacks "name", without which Kubernetes refuses it; add it`},
		"":           {`27:7 3 spec: "Ship" lacks "spec", without which Kubernetes refuses it; add it`},
	} {
		want = append([]string{`28:21 0 metadata.lables: "lables" is no field of ObjectMeta, and Kubernetes refuses it or drops it; write "labels"`}, want...)
		if diff := cmp.Diff(want, said(t, ship+text, Any())); diff != "" {
			t.Errorf("%s\n-want +got:\n%s", text, diff)
		}
	}
	if got := said(t, ship+"---\napiVersion: example.com/v2\nkind: Ship\nx: 1\n", Any()); len(got) > 0 {
		t.Errorf("a version without a schema is judged: %q", got)
	}
	if got := said(t, ship+"---\napiVersion: example.com/v3\nkind: Ship\nx: 1\n", Any()); len(got) != 1 || got[0] != "no schema" {
		t.Errorf("a version that is not there is judged: %q", got)
	}
}

// FuzzCheck: nothing panics, and every violation stands in the file.
func FuzzCheck(f *testing.F) {
	f.Add(pod + "      env: [{name: A, value: 1}, {name: A}]\n")
	f.Add(ship + "spec: {name: 1}\n")
	f.Add("apiVersion: apps/v1\nkind: Deployment\nspec: &a {<<: [*b, {x: y}], template: {spec: {volumes: [{name: a, emptyDir: ''}]}}}\n")
	f.Add("apiVersion: v1\nkind: Secret\ndata: {<<: {a: b}}\nstringData: [1]\n")
	f.Fuzz(func(t *testing.T, text string) {
		src, err := source.NewFile("x.yaml", []byte(text))
		if err != nil {
			return
		}
		file, _ := yaml.Parse(src, 10_000)
		if file == nil {
			return
		}
		customs := Customs{}
		for _, d := range file.Documents {
			customs.Add(d)
		}
		for _, d := range file.Documents {
			found, _ := Check(d, Between("1.32", ""), customs)
			for _, v := range found {
				if at := v.Node.At(); at.Line < 1 || at.Line > src.Lines() || v.Message == "" {
					t.Errorf("%+v is nowhere", v)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		c, err := decode(packed)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range []string{"apps.v1.Deployment", "apps.v1.DeploymentSpec", "core.v1.PodTemplateSpec", "core.v1.PodSpec", "core.v1.Container", objectMeta} {
			c.definition(name)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	d := documents(b, `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          image: registry.example.com:5000/app:latest
          ports: [{ containerPort: 3000 }]
          resources: { requests: { cpu: 250m, memory: 128Mi }, limits: { memory: 256Mi } }
          livenessProbe: { httpGet: { path: /health, port: 3000 } }
          env: [{ name: DB_PASSWORD, valueFrom: { secretKeyRef: { name: db, key: password } } }]
`)
	b.ReportAllocs()
	for b.Loop() {
		if found, ok := Check(d[0], Any(), nil); !ok || len(found) > 0 {
			b.Fatal(found)
		}
	}
}
