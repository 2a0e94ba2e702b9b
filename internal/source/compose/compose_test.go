package compose

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source"
)

// newSet makes the projects of an archive. Names with "lib/" are only there to be read.
func newSet(t testing.TB, archive string, groups ...[]string) *Set {
	t.Helper()
	all := map[string]*source.File{}
	var given []*source.File
	for _, f := range txtar.Parse([]byte(archive)).Files {
		file, err := source.NewFile(f.Name, f.Data)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = file
		if strings.HasSuffix(f.Name, "ml") && !strings.HasPrefix(f.Name, "lib/") {
			given = append(given, file)
		}
	}
	return NewSet(given, groups, func(name string) (*source.File, error) {
		if f := all[name]; f != nil {
			return f, nil
		}
		return nil, errors.New("does not exist")
	})
}

func place(at finding.Location) string {
	return fmt.Sprintf("%s:%d:%d-%d:%d", at.Path, at.Line, at.Column, at.EndLine, at.EndColumn)
}

func TestExpand(t *testing.T) {
	env := map[string]string{"A": "a", "EMPTY": ""}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	for text, want := range map[string]string{
		"plain":              "plain",
		"$A${A}":             "aa",
		"$$A $${A}":          "$A ${A}",
		"${A:-b}${B:-b}":     "ab",
		"${EMPTY:-b}":        "b",
		"${EMPTY-b}|":        "|",
		"${B:-${A}}":         "a",
		"${B:-${C:-d}}e":     "de",
		"${B:-x}":            "x",
		"${A:+set}${A+set}":  "setset",
		"${B}":               "?",
		"${B:?must be set}":  "?",
		"x${B:+y}":           "x?",
		"${A:?}":             "a",
		"${B:-http://x:1/y}": "http://x:1/y",
		"$(date)":            "error",
		"${}":                "error",
		"${A B}":             "error",
		"${A!}":              "error",
		"${A":                "error",
		"cost 5$":            "error",
		"$1":                 "error",
		"ünï ${A}":           "ünï a",
		strings.Repeat("${B:-", 20) + strings.Repeat("}", 20): "error",
	} {
		got, err := expand(text, lookup)
		told := got.text
		switch {
		case err != nil:
			told = "error"
		case !got.known:
			told += "?"
		}
		if told != want {
			t.Errorf("expand(%q) = %q, want %q (%v)", text, told, want, err)
		}
	}
}

func TestServices(t *testing.T) {
	set := newSet(t, `-- compose.yaml --
x-env: &env
  LOG: debug
  PW: "s${X:-y}"
services:
  web:
    build: ./web
    environment:
      <<: *env
      OWN: 1
    ports: ["127.0.0.1:80:8080/udp", "[::1]:81:81", "82", "8${X}:1", { target: 83, published: "84", host_ip: "::" }, 3000-3001:3000-3001]
    volumes: ["data:/data", "./src:/src:ro", /scratch, { type: bind, source: /etc, target: /x, read_only: true }]
    depends_on: [db]
    env_file: { path: no.env }
  api:
    build: { context: api, dockerfile: D, args: [A=b, C] }
    environment: ["A=b=c", B, "C=", "D=${U}"]
    depends_on: { db: { condition: service_healthy, required: false } }
    env_file: [a.env, { path: b.env, required: false }]
    secrets: [one, { source: two }]
    networks: [x]
`)
	if len(set.Unread) > 0 {
		t.Fatal(set.Unread)
	}
	p := set.Projects[0]
	var got strings.Builder
	for _, s := range p.Services {
		fmt.Fprintf(&got, "%s at %s\n", s.Name, place(s.At))
		for _, e := range s.Get("environment").Entries {
			fmt.Fprintf(&got, "  env %s=%q known %v default %v at %s, %s\n", e.Name, e.Value.Text, e.Value.Known, e.Value.Fallback, place(e.At()), place(e.Value.At()))
		}
		for _, port := range s.Ports() {
			fmt.Fprintf(&got, "  port %s|%s|%s|%s known %v loopback %v at %s\n", port.HostIP, port.Published, port.Target, port.Protocol, port.Known, port.Loopback(), place(port.At))
		}
		for _, m := range s.Mounts() {
			fmt.Fprintf(&got, "  mount %s|%s|%s|%v\n", m.Type, m.Source, m.Target, m.ReadOnly)
		}
		for _, d := range s.Dependencies() {
			fmt.Fprintf(&got, "  after %s %s %v\n", d.Name, d.Condition, d.Required)
		}
		for _, f := range s.EnvFiles() {
			fmt.Fprintf(&got, "  reads %s %v\n", f.Path, f.Required)
		}
		for _, g := range s.Grants("secrets") {
			fmt.Fprintf(&got, "  secret %s\n", g.Name)
		}
		build := s.Get("build")
		fmt.Fprintf(&got, "  built from %q, %q, args %d\n", p.Locate(build.Get("context")), build.Get("dockerfile").Text, len(build.Get("args").Entries))
	}
	want := `web at compose.yaml:5:3-5:6
  env OWN="1" known true default false at compose.yaml:9:7-9:10, compose.yaml:9:12-9:13
  env LOG="debug" known true default false at compose.yaml:2:3-2:6, compose.yaml:2:8-2:13
  env PW="sy" known true default true at compose.yaml:3:3-3:5, compose.yaml:3:7-3:17
  port 127.0.0.1|80|8080|udp known true loopback true at compose.yaml:10:13-10:36
  port ::1|81|81|tcp known true loopback true at compose.yaml:10:38-10:51
  port ||82|tcp known true loopback false at compose.yaml:10:53-10:57
  port |8|1|tcp known false loopback false at compose.yaml:10:59-10:68
  port ::|84|83|tcp known true loopback false at compose.yaml:10:95-10:99
  port |3000-3001|3000-3001|tcp known true loopback false at compose.yaml:10:118-10:137
  mount volume|data|/data|false
  mount bind|./src|/src|true
  mount volume||/scratch|false
  mount bind|/etc|/x|true
  after db service_started true
  built from "web", "", args 0
api at compose.yaml:14:3-14:6
  env A="b=c" known true default false at compose.yaml:16:20-16:21, compose.yaml:16:22-16:25
  env B="" known false default false at compose.yaml:16:28-16:29, :0:0-0:0
  env C="" known true default false at compose.yaml:16:32-16:33, compose.yaml:16:32-16:33
  env D="" known false default false at compose.yaml:16:38-16:39, compose.yaml:16:40-16:44
  after db service_healthy false
  reads a.env true
  reads b.env false
  secret one
  secret two
  built from "api", "D", args 2
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMerge(t *testing.T) {
	for name, c := range map[string]struct{ files, want string }{
		"lists and mappings": {
			"-- compose.yaml --\nservices:\n  a:\n    image: x\n    command: [one]\n    dns: [1.1.1.1]\n    ports: [\"1:1\"]\n    volumes: [\"a:/a\", \"b:/b\"]\n    environment: [A=1, B=1]\n" +
				"-- compose.override.yaml --\nservices:\n  a:\n    command: [two]\n    dns: [2.2.2.2]\n    ports: [\"1:1\", \"2:2\"]\n    volumes: [\"c:/b\"]\n    environment: { B: 2 }\n",
			"image=x command=[two] dns=[1.1.1.1 2.2.2.2] ports=[1:1 2:2] volumes=[a:/a c:/b] environment={A=1 B=2}",
		},
		"reset and override": {
			"-- compose.yaml --\nservices:\n  a: { image: x, ports: [\"1:1\"], dns: [a], environment: { A: 1, B: 2 } }\n" +
				"-- compose.override.yaml --\nservices:\n  a:\n    ports: !reset []\n    dns: !override [b]\n    environment: { A: !reset null }\n",
			"image=x dns=[b] environment={B=2}",
		},
		"extends": {
			"-- compose.yaml --\nservices:\n  a: { extends: { file: lib/b.yaml, service: b }, dns: [a] }\n-- lib/b.yaml --\nservices:\n  b: { extends: c, dns: [b] }\n  c: { image: x, dns: [c] }\n",
			"image=x dns=[c b a]",
		},
		"an empty list takes nothing away": {
			"-- compose.yaml --\nservices:\n  a: { image: x, environment: [A=1] }\n-- compose.override.yaml --\nservices:\n  a: { environment: [], image: null }\n",
			"image=x environment={A=1}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			set := newSet(t, c.files)
			if len(set.Unread) > 0 || len(set.Projects) != 1 {
				t.Fatal(set.Unread, len(set.Projects))
			}
			if diff := cmp.Diff(c.want, show(set.Projects[0].Services[0].Value)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func show(v Value) string {
	var parts []string
	for _, e := range v.Entries {
		switch {
		case e.Value.Entries != nil:
			parts = append(parts, e.Name+"={"+show(e.Value)+"}")
		case e.Value.Node.IsList():
			var items []string
			for _, item := range e.Value.Items {
				items = append(items, item.Text)
			}
			parts = append(parts, e.Name+"=["+strings.Join(items, " ")+"]")
		default:
			parts = append(parts, e.Name+"="+e.Value.Text)
		}
	}
	return strings.Join(parts, " ")
}

func TestInclude(t *testing.T) {
	set := newSet(t, `-- compose.yaml --
include:
  - lib/db.yml
  - { path: [lib/a.yml, lib/b.yml], project_directory: other }
services:
  web: { image: web }
-- lib/db.yml --
services:
  db: { image: "db:${V}", env_file: db.env, volumes: ["data:/data"] }
volumes: { data: }
-- lib/.env --
V=3
-- lib/a.yml --
services:
  a: { image: a, env_file: a.env }
-- lib/b.yml --
services:
  a: { image: b }
`)
	p := set.Projects[0]
	if len(set.Unread) > 0 || p.Open || len(p.Services) != 3 {
		t.Fatal(set.Unread, p.Open, len(p.Services))
	}
	if got := p.Service("db").Get("image").Text; got != "db:3" {
		t.Error(got)
	}
	if got := p.Service("a").Get("image").Text; got != "b" {
		t.Error(got)
	}
	if got := p.Service("db").EnvFiles()[0].Path + " " + p.Service("a").EnvFiles()[0].Path; got != "lib/db.env other/a.env" {
		t.Error(got)
	}
	if len(p.Volumes.Entries) != 1 {
		t.Error(p.Volumes.Entries)
	}
}

func TestReadEnv(t *testing.T) {
	src, err := source.NewFile(".env", []byte("# plimsoll:ignore SEC-2.n -- test\nA=1 # one\nexport B = 'two # 2'\nC=\"${A}\"\nD=$A\nE\n=x\nF=\nA=3\n1X=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := ReadEnv(src)
	var got []string
	for _, v := range f.Variables {
		got = append(got, fmt.Sprintf("%s=%q %v %s %s", v.Name, v.Value, v.Known, place(v.NameAt), place(v.At)))
	}
	want := []string{
		`A="1" true .env:2:1-2:2 .env:2:3-2:4`, `B="two # 2" true .env:3:8-3:9 .env:3:13-3:20`, `C="${A}" false .env:4:1-4:2 .env:4:4-4:8`,
		`D="$A" false .env:5:1-5:2 .env:5:3-5:5`, `F="" true .env:8:1-8:2 .env:8:1-8:2`, `A="3" true .env:9:1-9:2 .env:9:3-9:4`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if v, ok := f.Get("A"); v != "3" || !ok || len(f.Comments()) != 1 || f.Comments()[0].From != 2 {
		t.Error(v, ok, f.Comments())
	}
}

func TestUnread(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("x: &a [" + strings.Repeat("b,", 50) + "]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "x%d: &%c [%s]\n", i, 'b'+i, strings.Repeat(fmt.Sprintf("*%c,", 'a'+i), 50))
	}
	for text, want := range map[string]string{
		"services:\n  a: { image: x, image: y }\n": `compose.yaml:2 key "image" stands twice, first on line 2; remove one`,
		"services:\n  a: {}\n---\nservices: {}\n":  `compose.yaml:4 begins a second document, and one file is one part of a project; split it`,
		"services: [a]\n":                          `compose.yaml:1 has "services" that are no mapping of names; is the indentation lost?`,
		"- a\n":                                    `compose.yaml:1 holds no mapping with "services"; it is no Compose file`,
		"services:\n  a: { image: \"$(x)\" }\n":    `compose.yaml:2 holds "$(", which is no variable; write ${NAME}, or $$ for a dollar`,
		"services:\n  a: { extends: b }\n":         `compose.yaml:2 service "a" extends "b", which is not in compose.yaml; mend the name`,
		"include: [a.yaml]\n":                      `compose.yaml:1 includes "a.yaml", which does not exist`,
		"include: [../a.yaml]\n":                   `compose.yaml:1 includes "../a.yaml", which lies outside the tree`,
		bomb.String():                              `compose.yaml:3 holds more than 100000 values once its aliases are followed; write them out or split it`,
	} {
		var got []string
		for _, u := range newSet(t, "-- compose.yaml --\n"+text).Unread {
			got = append(got, fmt.Sprintf("%s:%d %s", u.Location.Path, u.Location.Line, u.Cause))
		}
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("%.60q: -want +got:\n%s", text, diff)
		}
	}
}

// FuzzSet: nothing panics, and every place lies in its file.
func FuzzSet(f *testing.F) {
	f.Add("services:\n  a: { image: \"${A:-b}\", ports: [\"1:2\"], extends: b, environment: [A=b] }\n  b: { volumes: [a:b:ro] }\ninclude: [compose.override.yaml]\n", "services:\n  a: { ports: !reset [], dns: !override [a] }\n", "A='b'\nB=c # d\n")
	f.Add("x: &a { <<: *a }\nservices: { a: *a }\n", "services:\n  \xc3\xbc: { command: --password=\xc3\xbc }\n", "export A = \"b")
	f.Add("services: { a: { <<: [1, { b: c }], networks: [1], depends_on: { b: } } }", "services:\r\n  a:\r\n    healthcheck: { test: [] }\r\n", "A=\r\n")
	f.Fuzz(func(t *testing.T, base, override, env string) {
		files := map[string]*source.File{}
		var given []*source.File
		for name, text := range map[string]string{"compose.yaml": base, "compose.override.yaml": override, ".env": env} {
			file, err := source.NewFile(name, []byte(text))
			if err != nil {
				return
			}
			files[name] = file
			if name != ".env" {
				given = append(given, file)
			}
		}
		set := NewSet(given, nil, func(name string) (*source.File, error) {
			if file := files[name]; file != nil {
				return file, nil
			}
			return nil, errors.New("does not exist")
		})
		inside := func(at finding.Location) {
			if file := files[at.Path]; at.Line != 0 && (file == nil || at.Line > file.Lines() || at.EndLine < at.Line || at.Column < 1) {
				t.Errorf("%s is in no file", place(at))
			}
		}
		for _, p := range set.Projects {
			for _, s := range p.Services {
				inside(s.At)
				for _, e := range s.Value.Entries {
					inside(e.At())
					inside(e.Value.At())
				}
				for _, port := range s.Ports() {
					inside(port.At)
				}
				for _, m := range s.Mounts() {
					inside(m.At)
				}
				for _, e := range s.Get("environment").Entries {
					inside(e.At())
				}
				_, _, _ = s.EnvFiles(), s.Dependencies(), s.OneShot()
				_, _ = s.Image()
			}
		}
		for _, file := range set.Files {
			for _, at := range file.Masked() {
				inside(at)
			}
		}
		for _, file := range set.EnvFiles {
			if file != nil {
				for _, at := range file.Masked() {
					inside(at)
				}
			}
		}
	})
}
