package workflow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/script"
)

var imperativeChange = lint.Check[*file]{
	Rule: finding.Rule{
		ID: "OBS-4.w", Name: "imperative-change", Points: []string{"OBS-4"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "Pipelines change what runs only by applying what is in the repository",
	},
	Run: func(p *lint.Pass, f *file) {
		for _, s := range f.scopes {
			started := s.starts()
			for _, c := range s.commands {
				severity, what, instead := imperative(s, c, started)
				if what == "" {
					continue
				}
				p.Report(lint.Problem{
					At: c.At, Subject: s.subject, Path: "run[" + what + "]", Severity: severity,
					Message: fmt.Sprintf("%q %s", what, instead),
				})
			}
		}
	},
}

const inGit = "changes what runs in a way that no commit tells and the next deployment undoes; change the manifest in git and apply that"

// imperative says what a command changes that no file of the repository says.
func imperative(s scope, c *script.Command, started bool) (severity finding.Severity, what, instead string) {
	switch c.Name {
	case "kubectl", "oc":
		return cluster(c)
	case "helm":
		for i, w := range c.Words {
			values := w.Text
			if (w.Text == "--set" || w.Text == "--set-string") && i+1 < len(c.Words) {
				values = c.Words[i+1].Text
			} else if !strings.HasPrefix(w.Text, "--set=") && !strings.HasPrefix(w.Text, "--set-string=") {
				continue
			}
			if tag := latestTag.FindString(values); tag != "" && c.Has("upgrade", "install") {
				return finding.Medium, "helm --set " + tag, "deploys whatever bears that tag today, and no release can be told from another; set the tag or digest that this pipeline built"
			}
		}
	case "docker", "podman", "nerdctl":
		return container(s, c, started)
	}
	return 0, "", ""
}

var latestTag = regexp.MustCompile(`[A-Za-z0-9_.-]*[tT]ag=latest\b`)

// globals are the options of kubectl that take a word of their own.
var globals = []string{
	"-n", "--namespace", "--context", "--kubeconfig", "--cluster", "--user", "--token", "--as", "--as-group", "-s", "--server", "--certificate-authority",
	"--client-certificate", "--client-key", "--request-timeout", "-v", "--cache-dir", "--tls-server-name", "--profile",
}

// verb returns the words of a command without options that stand in front of them:
// the first is what it does. It is empty where that is not known.
func verb(c *script.Command) []script.Argument {
	for i := 0; i < len(c.Words); i++ {
		w := c.Words[i]
		switch {
		case slices.Contains(globals, w.Text):
			i++
		case strings.HasPrefix(w.Text, "-"):
		case !w.Known:
			return nil
		default:
			return c.Words[i:]
		}
	}
	return nil
}

// rehearsed says that a command only prints what it would do.
func rehearsed(c *script.Command) bool {
	return slices.ContainsFunc(c.Words, func(w script.Argument) bool {
		return strings.HasPrefix(w.Text, "--dry-run") && w.Text != "--dry-run=none" || w.Text == "--local" || w.Text == "--local=true" || w.Text == "--help" || w.Text == "-h"
	})
}

// made are the objects that "kubectl create" makes and that manifests should hold.
var made = []string{"deployment", "deploy", "service", "svc", "ingress", "ing", "cronjob", "cj", "statefulset", "role", "rolebinding", "clusterrole", "clusterrolebinding", "poddisruptionbudget", "pdb", "hpa"}

func cluster(c *script.Command) (severity finding.Severity, what, instead string) {
	words := verb(c)
	if len(words) == 0 || rehearsed(c) {
		return 0, "", ""
	}
	second := ""
	if len(words) > 1 && words[1].Known {
		second, _, _ = strings.Cut(words[1].Text, "/")
	}
	switch does := words[0].Text; does {
	case "edit", "patch", "scale", "autoscale", "expose":
		return finding.Medium, c.Name + " " + does, inGit
	case "run":
		if c.Has("--rm", "--rm=true") {
			return 0, "", "" // nothing of it stays
		}
		return finding.Medium, c.Name + " run", "starts a pod that no file describes and nothing restarts; write a Job or Deployment and apply that"
	case "set":
		if slices.Contains([]string{"image", "env", "resources", "serviceaccount", "selector", "subject", "volumes", "probe"}, second) {
			return finding.Medium, c.Name + " set " + second, inGit
		}
	case "create":
		if slices.Contains(made, second) && !c.Has("-f", "--filename") {
			return finding.Medium, c.Name + " create " + second, "makes an object that no file describes; write it to a manifest and apply that"
		}
	case "exec":
		if !reads(words[1:]) {
			return finding.Medium, c.Name + " exec", "changes a running container, and what it did is gone with the container or nobody knows of it; make it a Job, or part of the image"
		}
	case "apply", "replace":
		return fromNetwork(c, does)
	}
	return 0, "", ""
}

// readers are programs that only look.
var readers = []string{
	"cat", "ls", "env", "printenv", "echo", "curl", "wget", "ps", "df", "du", "date", "whoami", "id", "uname", "hostname", "pg_isready", "nslookup", "dig", "ping", "nc",
	"grep", "head", "tail", "stat", "test", "true", "top", "netstat", "ss", "find", "which", "pg_dump", "pg_dumpall", "mysqldump", "mongodump", "tar", "wc", "md5sum", "sha256sum",
}

// reads says that what is run in a container only looks, or is not known.
func reads(words []script.Argument) bool {
	i := slices.IndexFunc(words, func(w script.Argument) bool { return w.Text == "--" })
	if i < 0 || i+1 >= len(words) || !words[i+1].Known {
		return true
	}
	program := words[i+1].Text[strings.LastIndex(words[i+1].Text, "/")+1:]
	if script.IsShell(program) {
		rest := words[i+2:]
		if len(rest) < 2 || !rest[len(rest)-1].Known {
			return true
		}
		fields := strings.Fields(rest[len(rest)-1].Text)
		return len(fields) == 0 || slices.Contains(readers, fields[0])
	}
	return slices.Contains(readers, program)
}

var (
	// versioned are addresses that say which version they are of: a commit, or a
	// release's number in a part of the path.
	versioned = regexp.MustCompile(`/[0-9a-f]{40}/|[/=@-]v?[0-9]+\.[0-9]+[^/]*(?:/|\.ya?ml|$)|[/=]v[0-9]+/|\$`)
	ownHost   = regexp.MustCompile(`^https?://(?:localhost|127\.)`)
)

// fromNetwork reports what is applied from an address.
func fromNetwork(c *script.Command, does string) (severity finding.Severity, what, instead string) {
	for i, w := range c.Words {
		address, ok := strings.CutPrefix(w.Text, "--filename=")
		if rest, short := strings.CutPrefix(w.Text, "-f"); short && !ok {
			address, ok = strings.TrimPrefix(rest, "="), true
		}
		if (w.Text == "-f" || w.Text == "--filename") && i+1 < len(c.Words) {
			address, ok = c.Words[i+1].Text, true
		}
		if !ok || !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") || ownHost.MatchString(address) {
			continue
		}
		what := c.Name + " " + does + " -f " + address
		if versioned.MatchString(address) && !strings.HasPrefix(address, "http://") {
			return finding.Low, what, "applies what the address serves, and no commit says what that was; keep a copy in the repository, or its digest, and apply that"
		}
		return finding.Medium, what, "applies whatever the address serves that day; keep a copy in the repository and apply that"
	}
	return 0, "", ""
}

// starts says that containers which "docker exec" reaches may be those that the scope
// has started: on the runner they are, unless it is told to talk to another machine.
func (s scope) starts() bool {
	if !s.elsewhere && (s.job == nil || s.job.Root.Get("services").Exists() || !s.any(func(c *script.Command) bool {
		return c.Name == "export" && slices.ContainsFunc(c.Words, func(w script.Argument) bool { return strings.HasPrefix(w.Text, "DOCKER_HOST=") })
	})) {
		return true
	}
	return s.any(func(c *script.Command) bool {
		return c.Name == "docker-compose" || (c.Name == "docker" || c.Name == "podman" || c.Name == "nerdctl") &&
			c.Has("run", "start", "create", "up", "stack", "service", "restart")
	})
}

// container judges what is done to containers by hand in workflows: developers'
// scripts and targets are full of it.
func container(s scope, c *script.Command, started bool) (severity finding.Severity, what, instead string) {
	words := verb(c)
	if len(words) == 0 || s.job == nil && !s.elsewhere {
		return 0, "", ""
	}
	switch {
	case words[0].Text == "commit":
		return finding.Medium, c.Name + " commit", "makes an image that no Dockerfile describes and nobody can build again; write what it changes into the Dockerfile"
	case words[0].Text == "exec" && !started && !readsInside(words[1:]):
		return finding.Medium, c.Name + " exec", "changes a running container, and what it did is gone with the container; make it part of the image, or of how the container starts"
	}
	return 0, "", ""
}

// readsInside says that "docker exec" runs what only looks, or is not known.
func readsInside(words []script.Argument) bool {
	for i := 0; i < len(words); i++ {
		switch text := words[i].Text; {
		case slices.Contains([]string{"-e", "--env", "-u", "--user", "-w", "--workdir", "--env-file"}, text):
			i++
		case strings.HasPrefix(text, "-"):
		default:
			return reads(append([]script.Argument{{Text: "--", Known: true}}, words[i+1:]...))
		}
	}
	return true
}
