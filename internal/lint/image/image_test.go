package image_test

import (
	"debug/elf"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents/contentstest"
	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/image"
)

type files = []contentstest.File

var (
	static = contentstest.Program("", elf.EM_X86_64)
	glibc  = contentstest.Program("/lib64/ld-linux-x86-64.so.2", elf.EM_X86_64)
	passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:10001:10001::/app:/sbin/nologin\n"
	labels = map[string]string{"org.opencontainers.image.source": "https://example.com/app", "org.opencontainers.image.revision": "1"}
)

// sound is an image that no rule finds anything in, to be spoilt by a test.
func sound() (v1.Config, files) {
	return v1.Config{User: "10001:10001", Entrypoint: []string{"/app/server"}, WorkingDir: "/app", Labels: labels}, files{
		{Name: "etc/passwd", Body: passwd},
		{Name: "etc/group", Body: "root:x:0:\n"},
		{Name: "tmp/", Mode: 0o1777},
		{Name: "app/"},
		{Name: "app/server", Body: static, Mode: 0o755},
		{Name: "bin/sh", Body: static, Mode: 0o755},
	}
}

// judge walks an image once and judges it.
func judge(t testing.TB, config v1.Config, opts image.Options, layers ...files) image.Report {
	t.Helper()
	img := contentstest.Make(t, config, layers...)
	v, credentials := contents.NewVisitor(), image.Credentials{BaseLayers: opts.BaseLayers}
	if err := layer.Walk(t.Context(), img, layer.DefaultLimits(), v, &credentials); err != nil {
		t.Fatal(err)
	}
	found := v.Image(img)
	report := image.Judge(found, credentials, opts)
	for n, f := range report.Findings {
		if f.Location.Artifact != "app:1" {
			t.Errorf("%s is placed on %+v", f.Rule.ID, f.Location)
		}
		for _, l := range found.Layers() {
			if f.Layer == l.DiffID.String() {
				report.Findings[n].Layer = strconv.Itoa(l.Index)
			}
		}
	}
	return report
}

func told(report image.Report) []string {
	var all []string
	for _, f := range report.Findings {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", f.Rule.ID, f.Severity, f.Layer, f.Message)))
	}
	return all
}

func TestSoundImageIsClean(t *testing.T) {
	config, good := sound()
	for _, profile := range []string{"", lint.ProfileDocument, lint.ProfileStrict} {
		report := judge(t, config, image.Options{Profile: profile, BaseLayers: -1}, good)
		if len(report.Findings)+len(report.Notes) > 0 {
			t.Errorf("profile %q: %q %q", profile, told(report), report.Notes)
		}
	}
}

func TestRules(t *testing.T) {
	big := strings.Repeat("x", 12<<20)
	cache := strings.Repeat("x", 2<<20)
	tests := []struct {
		name string
		// spoil changes the sound image; what it returns are more layers.
		spoil func(c *v1.Config, f *files) []files
		opts  image.Options
		want  []string // what each finding begins with
		notes int
	}{
		{name: "no user", spoil: func(c *v1.Config, _ *files) []files { c.User = ""; return nil }, want: []string{"USR-1.a high : the image names no user, so that it runs as root;"}},
		{name: "0", spoil: func(c *v1.Config, _ *files) []files { c.User = "0"; return nil }, want: []string{`USR-1.a high : the image runs as root by its user "0";`}},
		{name: "0:0", spoil: func(c *v1.Config, _ *files) []files { c.User = "0:0"; return nil }, want: []string{`USR-1.a high : the image runs as root by its user "0:0";`}},
		{name: "root", spoil: func(c *v1.Config, _ *files) []files { c.User = "root"; return nil }, want: []string{`USR-1.a high : the image runs as root by its user "root";`}},
		{name: "root:root", spoil: func(c *v1.Config, _ *files) []files { c.User = "root:root"; return nil }, want: []string{`USR-1.a high : the image runs as root by its user "root:root";`}},
		{name: "another name of root", spoil: func(c *v1.Config, f *files) []files {
			c.User = "toor"
			(*f)[0].Body = "toor:x:0:0::/:\n"
			return nil
		}, want: []string{`USR-1.a high : the image runs as root by its user "toor";`}},
		{name: "root and gosu", spoil: func(c *v1.Config, f *files) []files {
			c.User = ""
			*f = append(*f, contentstest.File{Name: "usr/local/bin/gosu", Body: static, Mode: 0o755})
			return nil
		}, notes: 1},
		{name: "a base", spoil: func(c *v1.Config, _ *files) []files { *c = v1.Config{}; return nil }, notes: 1},
		{name: "a name", spoil: func(c *v1.Config, _ *files) []files { c.User = "app"; return nil }, want: []string{`USR-1.b medium : the image's user "app" is a name, so that a pod with runAsNonRoot does not start; write "USER 10001:10001"`}},
		{name: "an unknown name", spoil: func(c *v1.Config, _ *files) []files { c.User = "node"; return nil }, want: []string{`USR-1.c high : no container of the image starts, since its user "node" does not resolve`}},
		{name: "an unknown group", spoil: func(c *v1.Config, _ *files) []files { c.User = "10001:node"; return nil }, want: []string{`USR-1.c high : no container of the image starts, since its user "10001:node"`}},
		{name: "an unreadable passwd", spoil: func(_ *v1.Config, f *files) []files { (*f)[0].Body = cache; return nil }, notes: 1},
		{name: "no group", spoil: func(c *v1.Config, _ *files) []files { c.User = "4711"; return nil }, want: []string{`USR-1.i low : the group of the image's user "4711" is that of root; name a group too, as in "USER 4711:4711"`}},
		{name: "a number with a group of its own", spoil: func(c *v1.Config, _ *files) []files { c.User = "10001"; return nil }},
		{name: "an empty password", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "etc/shadow", Body: "root:::0:::::\napp:!::0:::::\n"}, contentstest.File{Name: "bin/su", Body: static, Mode: 0o755})
			return nil
		}, want: []string{`USR-1.j medium 0: the account "root" has an empty password`}},
		{name: "an empty password and no login", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "etc/shadow", Body: "root:::0:::::\n"})
			return nil
		}},
		{name: "two accounts in one", spoil: func(_ *v1.Config, f *files) []files {
			(*f)[0].Body += "www:x:10001:33::/:\napp:x:12:12::/:\n# app:x:12:12::/:\n+::::::\n"
			return nil
		}, want: []string{`USR-1.k low 0: accounts of the image cannot be told apart: "app" and "www" are both 10001, "app" stands twice;`}},
		{name: "setuid", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "bin/su", Body: static, Mode: 0o4755}, contentstest.File{Name: "bin/no", Body: static, Mode: 0o4644})
			return []files{{{Name: "bin/wall", Body: static, Mode: 0o2755}, {Name: "var/mail/", Mode: 0o2775}}}
		}, want: []string{`USR-1.d low 0: 1 file runs with the rights of the owner or group whoever runs them: "/bin/su";`, `USR-1.d low 1: 1 file runs with the rights of the owner or group whoever runs them: "/bin/wall";`}},
		{name: "writable by everybody", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "srv/", Mode: 0o777}, contentstest.File{Name: "tmp/x", Mode: 0o666}, contentstest.File{Name: "srv/link", Link: "/app"})
			return []files{{{Name: "data/", Mode: 0o777}}}
		}, opts: image.Options{BaseLayers: 1}, want: []string{`USR-1.d medium 1: everybody may write 1 file or directory: "/data";`, `USR-1.d low 0: everybody may write 1 file or directory: "/srv";`}},
		{name: "the program's owner runs it", spoil: func(_ *v1.Config, f *files) []files { (*f)[4].UID = 10001; return nil }, want: []string{`USR-4.d low 0: "/app/server", which the container starts, can be changed or replaced by user 10001`}},
		{name: "the directory's owner runs it", spoil: func(_ *v1.Config, f *files) []files { (*f)[3].UID = 10001; return nil }, opts: image.Options{Profile: lint.ProfileDocument}, want: []string{`USR-4.d medium 0: "/app/server"`}},
		{name: "a script of the user", spoil: func(c *v1.Config, f *files) []files {
			c.Entrypoint, c.Cmd = []string{"tini", "--"}, []string{"node", "server.js"}
			*f = append(*f, contentstest.File{Name: "usr/bin/tini", Body: static, Mode: 0o755}, contentstest.File{Name: "usr/bin/node", Body: static, Mode: 0o755}, contentstest.File{Name: "app/server.js", Body: "x", UID: 10001})
			return nil
		}, want: []string{`USR-4.d low 0: "/app/server.js"`}},
		{name: "compilers", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "usr/bin/x86_64-linux-gnu-gcc-12", Body: static, Mode: 0o755}, contentstest.File{Name: "usr/bin/gcc-ar", Body: static, Mode: 0o755}, contentstest.File{Name: "usr/bin/python3", Body: static, Mode: 0o755})
			return []files{{{Name: "usr/bin/gcc-12", Body: static, Mode: 0o755}, {Name: "usr/local/go/bin/go", Body: static, Mode: 0o755}, {Name: "usr/bin/cc", Link: "/etc/alternatives/cc"}, {Name: "etc/alternatives/cc", Link: "/usr/bin/gcc-12"}, {Name: "usr/bin/g++", Link: "gone"}, {Name: "usr/share/go", Body: static, Mode: 0o755}}}
		}, want: []string{`IMG-1.b medium 1: the image ships compilers: "cc", "gcc-12", "go";`}},
		{name: "compilers on purpose", spoil: func(c *v1.Config, f *files) []files {
			c.Labels = map[string]string{"io.plimsoll.purpose": "toolchain", "org.opencontainers.image.source": "x", "org.opencontainers.image.revision": "y"}
			*f = append(*f, contentstest.File{Name: "usr/bin/gcc", Body: static, Mode: 0o755})
			return nil
		}},
		{name: "applets", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "bin/busybox", Body: static, Mode: 0o755}, contentstest.File{Name: "usr/bin/cc", Link: "/bin/busybox"})
			return nil
		}},
		{name: "history", spoil: func(*v1.Config, *files) []files {
			return []files{{{Name: "app/.git/HEAD", Body: "ref"}, {Name: "app/.git/objects/ab/c", Body: "x"}, {Name: "opt/nvm/.git/HEAD", Body: "ref"}, {Name: "opt/nvm/.git/objects/pack/p", Body: "x"}, {Name: "srv/.git/HEAD", Body: "x"}, {Name: "srv/.gitignore", Body: "x"}}}
		}, want: []string{`IMG-1.i high 1: the image holds the history in "/app/.git"`, `IMG-1.i medium 1: the image holds the history in "/opt/nvm/.git"`}},
		{name: "caches", spoil: func(*v1.Config, *files) []files {
			return []files{
				{{Name: "var/lib/apt/lists/archive.example.org_main", Body: cache}, {Name: "root/.npm/_cacache/content/x", Body: cache}, {Name: "var/cache/apk/APKINDEX.tar.gz", Body: "small"}},
				{{Name: "root/.cache/pip/http/x", Body: cache}},
				{{Name: "root/.cache/pip/http/.wh.x"}},
			}
		}, want: []string{`IMG-1.a medium 1: what apt downloaded is in the image, 2.1 MB, most of it in "/var/lib/apt/lists";`, `IMG-1.a low 1: what npm downloaded is in the image, 2.1 MB`}},
		{name: "deleted later", spoil: func(*v1.Config, *files) []files {
			return []files{{{Name: "srv/a.tar", Body: big}}, {{Name: "srv/.wh.a.tar"}, {Name: "srv/b", Body: cache}}}
		}, want: []string{`IMG-1.j medium 1: 12.6 MB of 14.7 MB in the layers are deleted or replaced by later ones, and pulled all the same; most in this layer, 12.6 MB, of which 12.6 MB are "/srv/a.tar";`}},
		{name: "copied again", spoil: func(*v1.Config, *files) []files {
			return []files{{{Name: "srv/a.tar", Body: big}}, {{Name: "srv/a.tar", Body: big, UID: 10001}}}
		}, want: []string{`IMG-1.j medium 1: 12.6 MB of 25.2 MB`}},
		{name: "deleted from the base", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "srv/a.tar", Body: big})
			return []files{{{Name: "srv/.wh.a.tar"}}}
		}, opts: image.Options{BaseLayers: 1}},
		{name: "package managers", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "sbin/apk", Body: static, Mode: 0o755})
			return nil
		}, opts: image.Options{Profile: lint.ProfileDocument}, want: []string{`IMG-1.g medium 0: the image ships what installs packages: "apk";`}},
		{name: "package managers by default", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "sbin/apk", Body: static, Mode: 0o755})
			return nil
		}},
		{name: "no labels", spoil: func(c *v1.Config, _ *files) []files { c.Labels = nil; return nil }, want: []string{`OBS-3.d low : the image has no label or annotation "org.opencontainers.image.source", "org.opencontainers.image.revision";`}},
		{name: "one label", spoil: func(c *v1.Config, _ *files) []files {
			c.Labels = map[string]string{"org.opencontainers.image.source": "x"}
			return nil
		}, opts: image.Options{Profile: lint.ProfileStrict}, want: []string{`OBS-3.d medium : the image has no label or annotation "org.opencontainers.image.revision";`}},
		{name: "glibc on musl", spoil: func(_ *v1.Config, f *files) []files {
			(*f)[4].Body = glibc
			*f = append(*f, contentstest.File{Name: "lib/ld-musl-x86_64.so.1", Body: static, Mode: 0o755})
			return nil
		}, want: []string{`X-05 high : no container of the image starts: the loader of "/app/server", "/lib64/ld-linux-x86-64.so.2" (of glibc, while the image has musl), is not in the image;`}},
		{name: "glibc and a linked directory", spoil: func(_ *v1.Config, f *files) []files {
			(*f)[4].Body = glibc
			*f = append(*f, contentstest.File{Name: "lib64", Link: "usr/lib64"}, contentstest.File{Name: "usr/lib64/ld-linux-x86-64.so.2", Body: static, Mode: 0o755})
			return nil
		}},
		{name: "a shell that is not there", spoil: func(c *v1.Config, f *files) []files {
			c.Entrypoint = []string{"/bin/sh", "-c", "exec /app/server"}
			*f = (*f)[:5]
			return nil
		}, want: []string{`X-05 high : no container of the image starts: "/bin/sh" is not in the image;`}},
		{name: "a program of root", spoil: func(_ *v1.Config, f *files) []files { (*f)[4].Mode = 0o700; return nil }, want: []string{`X-05 high : no container of the image starts: "/app/server" may not be executed by user 10001 (app) (it is 0700 of 0:0);`}},
		{name: "a program of root and root", spoil: func(c *v1.Config, f *files) []files { (*f)[4].Mode = 0o700; c.User = "0"; return nil }, want: []string{"USR-1.a"}},
		{name: "a health check without its tool", spoil: func(c *v1.Config, _ *files) []files {
			c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD-SHELL", "curl -f http://localhost/ || exit 1"}}
			return nil
		}, want: []string{`X-04 high : the health check never succeeds: "curl" is in no directory of the image's PATH;`}},
		{name: "a health check with a shell of its own", spoil: func(c *v1.Config, _ *files) []files {
			c.Healthcheck, c.Shell = &v1.HealthConfig{Test: []string{"CMD-SHELL", "true"}}, []string{"/bin/bash", "-c"}
			return nil
		}, want: []string{`X-04 high : the health check never succeeds: "/bin/bash" is not in the image;`}},
		{name: "a health check that works", spoil: func(c *v1.Config, _ *files) []files {
			c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "/app/server", "health"}}
			return nil
		}},
		{name: "no health check", spoil: func(c *v1.Config, _ *files) []files {
			c.Healthcheck = &v1.HealthConfig{Test: []string{"NONE"}}
			return nil
		}},
		{name: "credentials", spoil: func(_ *v1.Config, f *files) []files {
			*f = append(*f, contentstest.File{Name: "root/.netrc", Body: "machine x login y password b4s3secr3t"})
			return []files{
				{
					{Name: "app/.npmrc", Body: "//registry.example.org/:_authToken=0f3c9a9e-1111-2222-3333-444455556666\n"},
					{Name: "root/.npmrc", Body: "//registry.example.org/:_authToken=${NPM_TOKEN}\n"},
					{Name: "root/.docker/config.json", Body: `{"auths":{"x":{}},"credsStore":"pass"}`},
					{Name: "app/node_modules/x/.npmrc", Body: "_authToken=0f3c9a9e-1111-2222-3333-444455556666\n"},
					{Name: "root/.git-credentials", Body: "https://me:changeme@example.com\n"},
					{Name: "root/.kube/config", Body: "users:\n- user:\n    client-key-data: LS0tLS1CRUdJTg==\n"},
				},
				{{Name: "app/.wh..npmrc"}},
			}
		}, opts: image.Options{BaseLayers: 1}, want: []string{
			`SEC-1.i high 1: a layer holds npm's token in "/app/.npmrc", deleted or replaced later; revoke it`,
			`SEC-1.i high 1: a layer holds a cluster's login in "/root/.kube/config"; revoke it`,
		}},
	}
	seen := map[string]bool{}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config, good := sound()
			layers := append([]files{nil}, test.spoil(&config, &good)...)
			layers[0] = good
			report := judge(t, config, test.opts, layers...)
			got := told(report)
			for n := range got {
				if n < len(test.want) && strings.HasPrefix(got[n], test.want[n]) {
					got[n] = test.want[n]
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if len(report.Notes) != test.notes {
				t.Errorf("notes %q", report.Notes)
			}
			for _, f := range report.Findings {
				seen[f.Rule.ID] = true
			}
		})
	}
	for _, r := range image.Rules() {
		if !seen[r.ID] {
			t.Errorf("no test breaks the rule %s %s", r.ID, r.Name)
		}
	}
}

func TestWindowsIsNotJudged(t *testing.T) {
	config, good := sound()
	img := contentstest.Open(t, config, good)
	img.OS = "windows"
	report := image.Judge(img, image.Credentials{}, image.Options{})
	if len(report.Findings) > 0 || len(report.Notes) != 1 {
		t.Errorf("%+v", report)
	}
}

func TestUnsaidLeavesOutWhatTheDockerfileWasTold(t *testing.T) {
	rule := func(id string) finding.Rule { return finding.Rule{ID: id} }
	at := func(line, end int) finding.Location {
		return finding.Location{Path: "Dockerfile", Line: line, EndLine: end, Artifact: "app:1"}
	}
	said := []finding.Finding{
		{Rule: rule("USR-1.a"), Location: at(9, 9), Suppressed: &finding.Suppressed{}},
		{Rule: rule("IMG-1.a"), Location: at(4, 4)},
		{Rule: rule("USR-1.b"), Location: finding.Location{Path: "other/Dockerfile", Line: 3}},
		{Rule: rule("PRB-2.d"), Location: at(12, 12)},
	}
	findings := []finding.Finding{
		{Rule: rule("USR-1.a"), Location: finding.Location{Artifact: "app:1"}},
		{Rule: rule("USR-1.b"), Location: finding.Location{Artifact: "app:1"}},
		{Rule: rule("IMG-1.a"), Layer: "sha256:1", Location: at(3, 5)},
		{Rule: rule("IMG-1.a"), Layer: "sha256:2", Location: at(7, 8)},
		{Rule: rule("IMG-1.j"), Layer: "sha256:2", Location: at(3, 5)},
		{Rule: rule("SEC-1.b"), Layer: "sha256:2", Subject: "app/.npmrc", Location: at(7, 8)},
		{Rule: rule("SEC-1.i"), Layer: "sha256:2", Subject: "app/.npmrc", Location: at(7, 8)},
		{Rule: rule("SEC-1.i"), Layer: "sha256:2", Subject: "app/.netrc", Location: at(7, 8)},
		{Rule: rule("X-04"), Location: finding.Location{Artifact: "app:1"}},
	}
	var got []string
	for _, f := range image.Unsaid(slices.Clone(findings), said, "Dockerfile") {
		got = append(got, fmt.Sprintf("%s %d", f.Rule.ID, f.Location.Line))
	}
	if diff := cmp.Diff([]string{"USR-1.b 0", "IMG-1.a 7", "IMG-1.j 3", "SEC-1.b 7", "SEC-1.i 7"}, got); diff != "" {
		t.Error(diff)
	}
	// What a Dockerfile could only guess does not soften what the image proves.
	guess := []finding.Finding{{Rule: rule("USR-1.a"), Severity: finding.Medium, Location: at(1, 1)}}
	proof := []finding.Finding{{Rule: rule("USR-1.a"), Severity: finding.High, Location: finding.Location{Artifact: "app:1"}}}
	if got := image.Unsaid(proof, guess, "Dockerfile"); len(got) != 1 {
		t.Error("a guess took the place of a proof")
	}
	image.Prove(proof, guess, "Dockerfile")
	if got := image.Unsaid(proof, guess, "Dockerfile"); len(got) != 0 || guess[0].Severity != finding.High {
		t.Errorf("proved, the guess is %s, and %d findings are left", guess[0].Severity, len(got))
	}
	if got := image.Unsaid(slices.Clone(findings), said, ""); len(got) != len(findings)-1 {
		t.Errorf("of an image that somebody else built %d findings are left", len(got))
	}
}

func TestRefutes(t *testing.T) {
	config, good := sound()
	config.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "/app/server", "health"}}
	right := contentstest.Open(t, config, good)
	wrong := contentstest.Open(t, v1.Config{User: "0", Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "curl"}}}, good)
	nobody := contentstest.Open(t, v1.Config{User: "node"}, good)
	for _, id := range []string{"USR-1.a", "USR-1.c", "OBS-3.d", "PRB-2.d"} {
		f := finding.Finding{Rule: finding.Rule{ID: id}}
		if !image.Refutes(right, f) || image.Refutes(wrong, f) && id != "USR-1.c" || image.Refutes(nobody, f) {
			t.Errorf("%s: %v %v %v", id, image.Refutes(right, f), image.Refutes(wrong, f), image.Refutes(nobody, f))
		}
	}
	if image.Refutes(right, finding.Finding{Rule: finding.Rule{ID: "IMG-1.a"}}) {
		t.Error("a rule that the image does not decide is refuted")
	}
}
