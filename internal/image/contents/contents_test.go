package contents_test

import (
	"debug/elf"
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents/contentstest"
)

func TestLookupFollowsLinksInsideTheImage(t *testing.T) {
	img := contentstest.Open(t, v1.Config{}, []contentstest.File{
		{Name: "usr/bin/sh", Body: "x", Mode: 0o755},
		{Name: "bin", Link: "usr/bin"},
		{Name: "usr/bin/dash", Link: "sh"},
		{Name: "abs", Link: "/bin/dash"},
		{Name: "up", Link: "../../../usr/bin/sh"},
		{Name: "round", Link: "circle"},
		{Name: "circle", Link: "/round"},
		{Name: "self", Link: "self/x"},
		{Name: "nowhere", Link: "/missing"},
		{Name: "hard", Hard: "usr/bin/dash"},
	}, []contentstest.File{{Name: "usr/bin/.wh.sh"}, {Name: "usr/bin/busybox", Body: "b", Mode: 0o755}, {Name: "usr/bin/sh", Link: "busybox"}})
	tests := map[string]string{
		"/bin/sh": "usr/bin/busybox", "bin/dash": "usr/bin/busybox", "abs": "usr/bin/busybox", "up": "usr/bin/busybox",
		"/usr/../bin/./sh": "usr/bin/busybox", "../../bin/sh": "usr/bin/busybox", "/usr": "usr", "/": ".", "hard": "usr/bin/busybox",
		"round": "", "self": "", "nowhere": "", "bin/sh/x": "", "bin/none": "", "etc": "",
	}
	for p, want := range tests {
		f, ok := img.Lookup(p)
		if ok != (want != "") || ok && f.Path != want {
			t.Errorf("Lookup(%q) is %q, %v; want %q", p, f.Path, ok, want)
		}
	}
}

func TestLookPath(t *testing.T) {
	files := []contentstest.File{
		{Name: "usr/bin/run", Body: "x", Mode: 0o755},
		{Name: "opt/x/run", Body: "y", Mode: 0o755},
		{Name: "usr/local/bin/run", Body: "no", Mode: 0o644},
		{Name: "srv/tool", Body: "x", Mode: 0o711},
	}
	tests := []struct {
		config     v1.Config
		name, want string
	}{
		{v1.Config{}, "run", "usr/bin/run"},
		{v1.Config{Env: []string{"PATH=/opt/x:/usr/bin"}}, "run", "opt/x/run"},
		{v1.Config{Env: []string{"PATH=/opt/x", "PATH=/usr/bin"}}, "run", "usr/bin/run"},
		{v1.Config{Env: []string{"PATH="}}, "run", ""},
		{v1.Config{WorkingDir: "/srv"}, "./tool", "srv/tool"},
		{v1.Config{WorkingDir: "/srv"}, "tool", ""},
		{v1.Config{}, "/srv/tool", "srv/tool"},
	}
	for _, test := range tests {
		f, _ := contentstest.Open(t, test.config, files).LookPath(test.name)
		if f.Path != test.want {
			t.Errorf("%q with %q is %q, want %q", test.name, test.config.Env, f.Path, test.want)
		}
	}
}

const passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002:App:/home/app:/sbin/nologin\n1001x:x:7:7::/:\n"

func TestUser(t *testing.T) {
	img := contentstest.Open(t, v1.Config{}, []contentstest.File{{Name: "etc/passwd", Body: passwd}, {Name: "etc/group", Body: "root:x:0:\nwww:x:33:app\n"}})
	tests := map[string]struct {
		uid, gid          int
		numeric, resolved bool
		groups            int
		err               string
	}{
		"":               {0, 0, true, true, 0, ""},
		"0":              {0, 0, true, true, 0, ""},
		"0:0":            {0, 0, true, true, 0, ""},
		"root:root":      {0, 0, false, true, 0, ""},
		"root":           {0, 0, false, true, 0, ""},
		"app":            {1001, 1002, false, true, 1, ""},
		"1001":           {1001, 1002, true, true, 1, ""},
		"app:www":        {1001, 33, false, true, 0, ""},
		"app:0":          {1001, 0, false, true, 0, ""},
		"4711":           {4711, 0, true, false, 0, ""},
		"4711:12":        {4711, 12, true, false, 0, ""},
		"node":           {err: "unable to find user node"},
		"app:none":       {err: "unable to find group none"},
		"-1":             {err: "uids and gids must be in range"},
		"99999999999999": {err: "uids and gids must be in range"},
	}
	for spec, want := range tests {
		u, err := img.User(spec)
		if want.err != "" {
			if err == nil || !strings.Contains(err.Error(), want.err) {
				t.Errorf("%q: %v, want %q", spec, err, want.err)
			}
			continue
		}
		if err != nil || u.UID != want.uid || u.GID != want.gid || u.Numeric != want.numeric || u.Resolved != want.resolved || len(u.Groups) != want.groups {
			t.Errorf("%q is %+v, %v", spec, u, err)
		}
	}
	none := contentstest.Open(t, v1.Config{}, []contentstest.File{{Name: "app", Body: "x"}})
	if u, err := none.User("1000:1000"); err != nil || u.UID != 1000 || u.Resolved {
		t.Errorf("without /etc/passwd: %+v, %v", u, err)
	}
	if _, err := none.User("app"); err == nil || errors.Is(err, contents.ErrAccounts) {
		t.Errorf("a name without /etc/passwd: %v", err)
	}
	huge := contentstest.Open(t, v1.Config{}, []contentstest.File{{Name: "etc/passwd", Body: strings.Repeat("#", 2<<20)}})
	if _, err := huge.User("app"); !errors.Is(err, contents.ErrAccounts) {
		t.Errorf("a huge /etc/passwd: %v", err)
	}
	nix := contentstest.Open(t, v1.Config{}, []contentstest.File{{Name: "nix/store/abc/etc/passwd", Body: passwd}, {Name: "etc/passwd", Link: "/nix/store/abc/etc/passwd"}})
	if u, err := nix.User("app"); err != nil || u.UID != 1001 || u.Home != "/home/app" || u.Shell != "/sbin/nologin" {
		t.Errorf("a linked /etc/passwd: %+v, %v", u, err)
	}
}

func TestMissingProgram(t *testing.T) {
	static, glibc := contentstest.Program("", elf.EM_X86_64), contentstest.Program("/lib64/ld-linux-x86-64.so.2", elf.EM_X86_64)
	files := []contentstest.File{
		{Name: "etc/passwd", Body: passwd},
		{Name: "bin/busybox", Body: contentstest.Program("/lib/ld-musl-x86_64.so.1", elf.EM_X86_64), Mode: 0o755},
		{Name: "lib/ld-musl-x86_64.so.1", Body: static, Mode: 0o755},
		{Name: "bin/sh", Link: "/bin/busybox"},
		{Name: "bin/cat", Hard: "bin/busybox", Mode: 0o755},
		{Name: "app/static", Body: static, Mode: 0o755},
		{Name: "app/glibc", Body: glibc, Mode: 0o755},
		{Name: "app/arm", Body: contentstest.Program("", elf.EM_AARCH64), Mode: 0o755},
		{Name: "app/plain", Body: static, Mode: 0o644},
		{Name: "app/mine", Body: static, Mode: 0o700},
		{Name: "root/", Mode: 0o700},
		{Name: "root/tool", Body: static, Mode: 0o755},
		{Name: "usr/local/bin/tool", Link: "/root/tool"},
		{Name: "app/run.sh", Body: "#!/bin/sh -e\nexec x\n", Mode: 0o755},
		{Name: "app/bash.sh", Body: "#! /bin/bash\n", Mode: 0o755},
		{Name: "app/crlf.sh", Body: "#!/bin/sh\r\necho\r\n", Mode: 0o755},
		{Name: "app/crlf.py", Body: "#!/usr/bin/env sh\r\necho\r\n", Mode: 0o755},
		{Name: "app/env.py", Body: "#!/usr/bin/env python3\n", Mode: 0o755},
		{Name: "usr/bin/env", Link: "/bin/busybox"},
		{Name: "app/text", Body: "echo hello\n", Mode: 0o755},
		{Name: "app/jar", Body: "PK\x03\x04\x00\x00", Mode: 0o755},
		{Name: "app/dir/"},
	}
	tests := []struct {
		argv []string
		user string
		want string
	}{
		{[]string{"/app/static"}, "1001", ""},
		{[]string{"sh", "-c", "echo"}, "1001", ""},
		{[]string{"cat"}, "1001", ""},
		{[]string{"/app/run.sh"}, "1001", ""},
		{[]string{"/app/jar"}, "1001", ""},
		{[]string{"/proc/self/exe"}, "1001", ""},
		{[]string{"$APP"}, "1001", ""},
		{[]string{"/app/mine"}, "0", ""},
		{nil, "0", ""},
		{[]string{"/app/mine"}, "1001", `"/app/mine" may not be executed by user 1001 (app) (it is 0700 of 0:0)`},
		{[]string{"tool"}, "1001", `"/usr/local/bin/tool" may not be executed by user 1001 (app) ("/root" is 0700 of 0:0)`},
		{[]string{"/app/plain"}, "0", `"/app/plain" is not executable`},
		{[]string{"/app/none"}, "0", `"/app/none" is not in the image`},
		{[]string{"curl"}, "0", `"curl" is in no directory of the image's PATH`},
		{[]string{"/app/dir"}, "0", `"/app/dir" is a directory`},
		{[]string{""}, "0", "the name of its program is empty"},
		{[]string{"/app/glibc"}, "0", `the loader of "/app/glibc", "/lib64/ld-linux-x86-64.so.2" (of glibc, while the image has musl), is not in the image`},
		{[]string{"/app/arm"}, "0", `"/app/arm" is a program for aarch64 and the image is for amd64`},
		{[]string{"/app/bash.sh"}, "0", `the interpreter of "/app/bash.sh", "/bin/bash", is not in the image`},
		{[]string{"/app/crlf.sh"}, "0", `the interpreter of "/app/crlf.sh", "/bin/sh\r" (its lines end as those of Windows do), is not in the image`},
		{[]string{"/app/crlf.py"}, "0", `the interpreter of "/app/crlf.py", "sh\r" (its lines end as those of Windows do), is not in the image`},
		{[]string{"/app/env.py"}, "0", `the interpreter of "/app/env.py": "python3" is in no directory of the image's PATH`},
		{[]string{"/app/text"}, "0", `"/app/text" is text without a "#!" line, which only a shell can run`},
	}
	img := contentstest.Open(t, v1.Config{}, files)
	for _, test := range tests {
		u, err := img.User(test.user)
		if err != nil {
			t.Fatal(err)
		}
		got, bad := contents.MissingProgram(img, u, test.argv)
		if got != test.want || bad != (test.want != "") {
			t.Errorf("%q is %q, %v; want %q", test.argv, got, bad, test.want)
		}
	}
}

func TestLayersTellWhatIsGone(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	img := contentstest.Open(t, v1.Config{},
		[]contentstest.File{{Name: "tmp/a.tar", Body: big + big}, {Name: "tmp/b.tar", Body: big}, {Name: "keep", Body: big}, {Name: "var/cache/x", Body: big}, {Name: "small", Body: "s"}},
		[]contentstest.File{{Name: "tmp/.wh.a.tar"}, {Name: "tmp/b.tar", Body: "now small"}, {Name: ".wh.small"}},
		[]contentstest.File{{Name: "var/cache/.wh..wh..opq"}},
	)
	layers := img.Layers()
	if got := layers[0].Hidden; got != 4<<20+1 || layers[0].Bytes != 5<<20+1 || layers[1].Hidden != 0 {
		t.Errorf("hidden %d of %d", got, layers[0].Bytes)
	}
	want := []contents.Gone{{Path: "tmp/a.tar", Size: 2 << 20, By: 1}, {Path: "tmp/b.tar", Size: 1 << 20, By: 1, Replaced: true}, {Path: "var/cache/x", Size: 1 << 20, By: 2}}
	if len(layers[0].Gone) != len(want) {
		t.Fatalf("gone %+v", layers[0].Gone)
	}
	for n, g := range layers[0].Gone {
		if g != want[n] {
			t.Errorf("gone %+v, want %+v", g, want[n])
		}
	}
}
