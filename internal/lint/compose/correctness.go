package compose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

var composeVersion = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "COR-31", Name: "compose-version", Severity: finding.Medium, Since: "0.1.0",
		Summary: "No Compose file has the obsolete key \"version\"",
		Also:    []string{"no-version-field"},
	},
	Run: func(p *lint.Pass, pr *project) {
		if pr.Stack() { // "docker stack deploy" reads it
			return
		}
		tell := pr.teller(p)
		for _, f := range pr.Own {
			if key := f.Root.Key("version"); key.Exists() {
				edits, ok := f.Root.Remove("version")
				tell(pr.whole(lint.Problem{
					At: key.At(), Path: "version", Message: "\"version\" is obsolete: Compose ignores it and warns each time; remove it",
					Fix: lint.Mend(finding.Safe, "remove the key", edits, ok),
				}))
			}
		}
	},
}

var composeName = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "COR-32", Name: "compose-name", Severity: finding.Low, Since: "0.1.0",
		Summary: "A Compose project has a name that does not depend on its directory",
		Also:    []string{"require-project-name-field"},
	},
	Run: func(p *lint.Pass, pr *project) {
		_, named := pr.Env.Get("COMPOSE_PROJECT_NAME")
		if pr.Name.Exists() || named || pr.Open || pr.Stack() || len(pr.Services) == 0 {
			return
		}
		at := pr.Own[0].Root.Key("services").At()
		pr.teller(p)(pr.whole(lint.Problem{At: at, Path: "name", Message: "the project has no \"name\", so that its directory's decides which containers and volumes are its own; add one"}))
	},
}

var composeStyle = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "COR-33", Name: "compose-style", Severity: finding.Low, Since: "0.1.0",
		Summary: "The services of one file write their environment in one form",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, f := range pr.Own {
			var first yaml.Node
			for _, e := range f.Root.Get("services").Resolved().Entries() {
				env := e.Value.Resolved().Get("environment").Resolved()
				switch {
				case !env.IsMap() && !env.IsList():
				case !first.Exists():
					first = env
				case first.IsMap() != env.IsMap():
					key := e.Value.Resolved().Key("environment")
					forms := map[bool]string{true: "a mapping", false: "a list"}
					tell(lint.Problem{
						At: key.At(), Subject: f.Source.Path, Path: "services." + e.Key.Text() + ".environment", Related: []finding.Location{first.At()},
						Message: fmt.Sprintf("service %q writes its environment as %s, a service before it as %s; write them in one form", e.Key.Text(), forms[env.IsMap()], forms[first.IsMap()]),
					})
				}
			}
		}
	},
}

var composeUnknownKey = lint.Check[*project]{
	Rule: finding.Rule{
		ID: "COR-34", Name: "compose-unknown-key", Severity: finding.High, Since: "0.1.0",
		Summary: "Every key of a Compose file is one that Compose knows",
	},
	Run: func(p *lint.Pass, pr *project) {
		tell := pr.teller(p)
		for _, f := range pr.Own {
			unknown := func(entries []yaml.Entry, known []string, path string) {
				for _, e := range entries {
					name := e.Key.Text()
					if slices.Contains(known, name) || strings.HasPrefix(name, "x-") || name == "<<" || name == "" {
						continue
					}
					tell(lint.Problem{
						At: e.Key.At(), Subject: f.Source.Path, Path: strings.TrimPrefix(path+"."+name, "."),
						Message: fmt.Sprintf("%q is no key that Compose knows here, and it refuses the file; %s", name, mend(name, known)),
					})
				}
			}
			unknown(f.Root.Entries(), rootKeys, "")
			for _, e := range f.Root.Get("services").Resolved().Entries() {
				path := "services." + e.Key.Text()
				service := e.Value.Resolved()
				unknown(service.Entries(), serviceKeys, path)
				unknown(service.Get("healthcheck").Resolved().Entries(), healthcheckKeys, path+".healthcheck")
			}
		}
	},
}

// mend proposes the known key that is written most like a name.
func mend(name string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := edits(strings.ReplaceAll(strings.ToLower(name), "-", "_"), k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return "remove it, or begin it with \"x-\""
	}
	return fmt.Sprintf("write %q", best)
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j]+1, previous+1)
		}
	}
	return row[len(b)]
}

// The keys of compose-spec/compose-spec, schema/compose-spec.json at 00655e22.
var (
	rootKeys        = []string{"version", "name", "include", "services", "models", "networks", "volumes", "secrets", "configs"}
	healthcheckKeys = []string{"disable", "interval", "retries", "test", "timeout", "start_period", "start_interval"}
	serviceKeys     = []string{
		"annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "command", "configs",
		"container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus",
		"cpuset", "credential_spec", "depends_on", "deploy", "develop", "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search",
		"domainname", "entrypoint", "env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "gpus", "group_add",
		"healthcheck", "hostname", "image", "init", "ipc", "isolation", "label_file", "labels", "links", "logging", "mac_address",
		"mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "models", "network_mode", "networks", "oom_kill_disable",
		"oom_score_adj", "pid", "pids_limit", "platform", "ports", "post_start", "pre_stop", "privileged", "profiles", "provider",
		"pull_policy", "pull_refresh_after", "read_only", "restart", "runtime", "scale", "secrets", "security_opt", "shm_size",
		"stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "use_api_socket", "user",
		"userns_mode", "uts", "volume_driver", "volumes", "volumes_from", "working_dir",
	}
)
