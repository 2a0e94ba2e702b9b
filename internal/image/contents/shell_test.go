package contents_test

import (
	"debug/elf"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-ci/plimsoll/internal/image/contents"
	"github.com/plimsoll-ci/plimsoll/internal/image/contents/contentstest"
)

// What commands hand over to, and what interpreters and shells are given.
func TestMissingProgramBehindOthers(t *testing.T) {
	static := contentstest.Program("", elf.EM_X86_64)
	files := []contentstest.File{{Name: "etc/passwd", Body: passwd}, {Name: "app/server.js", Body: "x"}, {Name: "app/lib/index.js", Body: "x"}, {Name: "app/app.jar", Body: "x"}, {Name: "app/main.py", Body: "x", Mode: 0o600}, {Name: "app/run.sh", Body: "x"}}
	for _, name := range []string{"sh", "bash", "node", "python3", "java", "tini", "env", "gosu", "cat", "dotnet", "curl"} {
		files = append(files, contentstest.File{Name: "usr/bin/" + name, Body: static, Mode: 0o755})
	}
	img := contentstest.Open(t, v1.Config{WorkingDir: "/app"}, files)
	u, err := img.User("1001")
	if err != nil {
		t.Fatal(err)
	}
	const absent = `"wget" is in no directory of the image's PATH`
	sh := func(script string) []string { return []string{"/usr/bin/sh", "-c", script} }
	tests := []struct {
		argv []string
		want string
	}{
		{[]string{"tini", "--", "node", "server.js"}, ""},
		{[]string{"tini", "-g", "-e", "143", "--", "wget"}, absent},
		{[]string{"tini", "-s", "wget"}, absent},
		{[]string{"env", "A=b", "wget"}, absent},
		{[]string{"env", "PATH=/x", "wget"}, ""},
		{[]string{"gosu", "app", "wget"}, absent},
		{[]string{"gosu", "$USER", "wget"}, ""},
		{[]string{"node", "server"}, ""},
		{[]string{"node", "lib"}, ""},
		{[]string{"node", "--enable-source-maps", "--max-old-space-size=256", "-r", "dotenv", "./server.js"}, ""},
		{[]string{"node", "dist/main"}, `"dist/main" is not in the image's working directory, "/app"`},
		{[]string{"node", "/srv/x.js"}, `"/srv/x.js" is not in the image`},
		{[]string{"node", "-e", "1"}, ""},
		{[]string{"node", "--eval=1"}, ""},
		{[]string{"node"}, ""},
		{[]string{"node", "$MAIN"}, ""},
		{[]string{"node", "--strange", "x"}, ""},
		{[]string{"python3", "-u", "-W", "ignore", "main.py"}, `"main.py" may not be read by user 1001 (app) (it is 0600 of 0:0)`},
		{[]string{"python3", "-um", "flask"}, ""},
		{[]string{"python3", "-c", "import x"}, ""},
		{[]string{"java", "-Xmx1g", "-jar", "app.jar"}, ""},
		{[]string{"java", "-cp", "x:y", "-jar", "/none.jar"}, `"/none.jar" is not in the image`},
		{[]string{"java", "-cp", "x", "Main", "-jar", "y"}, ""},
		{[]string{"dotnet", "App.dll"}, `"App.dll" is not in the image's working directory, "/app"`},
		{[]string{"sh", "run.sh"}, ""},
		{[]string{"sh", "/none.sh"}, `"/none.sh" is not in the image`},
		{[]string{"sh", "-s"}, ""},
		{[]string{"bash", "-euo", "pipefail", "-c", "wget"}, absent},
		{[]string{"bash", "-lc", "wget"}, ""},
		{sh("wget -q -O- http://localhost || exit 1"), absent},
		{sh("wget -q x || curl x"), ""},
		{sh("curl x || wget x"), ""},
		{sh("command -v wget && wget x"), ""},
		{sh("if wget x; then exit 0; fi; curl x"), ""},
		{sh("cd /x && wget y"), absent},
		{sh("curl x | wget y"), absent},
		{sh("exec wget"), absent},
		{sh("exec $PROGRAM"), ""},
		{sh("wget() { curl; }; wget"), ""},
		{sh("PATH=/x; wget"), ""},
		{sh("export PATH=/x; wget"), ""},
		{sh("PATH=/x wget"), ""},
		{sh(". /etc/profile; wget"), ""},
		{sh("exit 0; wget"), ""},
		{sh("[ -f x ] || wget"), ""},
		{sh("test -f x && wget"), ""},
		{sh("case x in x) exit;; esac; wget"), ""},
		{sh("echo 'unfinished"), ""},
		{sh("(cd /x; wget)"), absent},
		{sh("cd / && node server.js"), ""},
		{sh("cd bin && ./wget"), ""},
		{sh(`node "$MAIN"`), ""},
		{sh("sh -c 'sh -c wget'"), absent},
		{sh("[ 1 = 1 ] && exit; wget"), ""},
	}
	for _, test := range tests {
		if got, _ := contents.MissingProgram(img, u, test.argv); got != test.want {
			t.Errorf("%q is %q; want %q", test.argv, got, test.want)
		}
	}
	img.Config.Volumes = map[string]struct{}{"/srv/": {}, "/app/data": {}}
	for _, argv := range [][]string{{"/srv/run"}, {"node", "/srv/x.js"}, {"python3", "data/x.py"}} {
		if got, bad := contents.MissingProgram(img, u, argv); bad {
			t.Errorf("what a volume may hold: %s", got)
		}
	}
	box := contentstest.Open(t, v1.Config{}, []contentstest.File{{Name: "bin/busybox", Body: static, Mode: 0o755}, {Name: "bin/sh", Link: "busybox"}})
	if got, bad := contents.MissingProgram(box, contents.User{}, []string{"sh", "-c", "wget x || exit 1"}); bad {
		t.Errorf("an applet without a file: %s", got)
	}
	if _, bad := contents.MissingProgram(box, contents.User{}, []string{"sh", "-c", "curl x || exit 1"}); !bad {
		t.Error("curl is no applet")
	}
}
