package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/lint/stack/binding"
)

var heapOverLimit = lint.Check[*ship]{
	Rule: finding.Rule{
		ID: "X-15", Name: "heap-over-limit", Points: []string{"RES-2"}, Severity: finding.Medium, Since: "0.1.0",
		Summary: "The heap that a runtime is given fits into the memory limit with room for the rest of the process",
	},
	Run: func(p *lint.Pass, s *ship) {
		unbounded := map[finding.Location]bool{}
		for _, c := range s.containers {
			limit := c.Node.Get("resources").Get("limits").Get("memory")
			bytes, ok := quantity(limit.Text())
			if !ok || bytes == 0 {
				continue
			}
			env := s.environment(c)
			commands := [][]setting{nodesOf(c, "command"), nodesOf(c, "args")}
			size := capacity{bytes, limit.Text(), limit.At(), fmt.Sprintf("container %q of %s", c.Name, c.Workload.Subject())}
			if problem, told := s.heap(c.Stage, env, commands, size); told {
				if problem.Subject == "" {
					problem.Subject, problem.Path = c.Workload.Subject(), c.Path+"."+problem.Path
				}
				p.Report(problem)
				continue
			}
			if problem, told := s.unbounded(p, c, env, commands, size); told && !unbounded[problem.At] {
				unbounded[problem.At] = true
				p.Report(problem)
			}
		}
		for _, service := range s.services {
			limit := service.Limit("memory")
			bytes, ok := bytes(limit.Text)
			if !ok || bytes == 0 || !limit.Known {
				continue
			}
			var commands [][]setting
			for _, key := range []string{"entrypoint", "command"} {
				var all []setting
				for _, w := range service.Get(key).Words() {
					all = append(all, setting{w.Text, w.Known, w.At()})
				}
				commands = append(commands, all)
			}
			size := capacity{bytes, limit.Text, limit.At(), fmt.Sprintf("service %q", service.Name)}
			if problem, told := s.heap(service.Stage, s.serviceEnvironment(service), commands, size); told {
				if problem.Subject == "" {
					problem.Subject = service.Subject()
				}
				p.Report(problem)
			}
		}
	},
}

// capacity is a limit of memory and whose it is.
type capacity struct {
	bytes float64
	text  string
	at    finding.Location
	whose string
}

func nodesOf(c *binding.Container, key string) []setting {
	var all []setting
	for _, n := range c.Node.Get(key).Items() {
		all = append(all, setting{n.Text(), !strings.Contains(n.Text(), "$("), n.At()})
	}
	return all
}

// options are the variables that runtimes read their heap from.
var options = []string{"NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "JAVA_OPTS", "CATALINA_OPTS", "GOMEMLIMIT"}

var (
	oldSpace   = regexp.MustCompile(`--max[-_]old[-_]space[-_]size[= ]"?(\d+)\b`)
	maxHeap    = regexp.MustCompile(`(?:^|[\s"'=])-Xmx(\d+)([kKmMgGtT]?)\b`)
	goLimit    = regexp.MustCompile(`^(\d+)(B|KiB|MiB|GiB|TiB)?$`)
	ramPercent = regexp.MustCompile(`-XX:MaxRAMPercentage=(\d+(?:\.\d+)?)`)
)

// heapIn reads a size of a heap out of a variable or word, as bytes or as a part of the limit.
func heapIn(name, text string, limit float64) (bytes float64, flag string, ok bool) {
	unit := func(number, unit string) float64 {
		n, _ := strconv.ParseFloat(number, 64)
		for range strings.Index("bkmgt", strings.ToLower(unit + "b")[:1]) {
			n *= 1024
		}
		return n
	}
	if name == "GOMEMLIMIT" {
		if m := goLimit.FindStringSubmatch(text); m != nil {
			return unit(m[1], m[2]), text, true
		}
		return 0, "", false
	}
	if m := oldSpace.FindStringSubmatch(text); m != nil {
		return unit(m[1], "m"), m[0], true
	}
	if all := maxHeap.FindAllStringSubmatch(text, -1); len(all) > 0 { // the last one counts
		m := all[len(all)-1]
		return unit(m[1], m[2]), strings.Trim(m[0], ` "'=`), true
	}
	if m := ramPercent.FindStringSubmatch(text); m != nil {
		n, _ := strconv.ParseFloat(m[1], 64)
		return limit * n / 100, m[0], true
	}
	return 0, "", false
}

// heap finds a heap that does not fit. What a container sets counts before what its
// image sets, and where that is not known the image's does not count at all.
func (s *ship) heap(stage *binding.Stage, env environment, commands [][]setting, size capacity) (lint.Problem, bool) {
	f := s.of(stage)
	type place struct {
		name    string
		value   setting
		subject string
	}
	var places []place
	for _, words := range commands {
		for _, w := range words {
			places = append(places, place{"command", w, ""})
		}
	}
	for _, name := range options {
		v, set := env.values[name]
		switch {
		case set:
			places = append(places, place{"env[" + name + "]", v, ""})
		case env.complete && stage != nil:
			if v, set := f.env[name]; set {
				places = append(places, place{"env[" + name + "]", v, stage.Subject()})
			}
		}
	}
	if started := or2(f.entrypoint, f.command); started != nil && len(commands[0]) == 0 && len(commands[1]) == 0 {
		places = append(places, place{"command", setting{strings.Join(started.args, " "), true, started.in.ArgumentsAt()}, stage.Subject()})
	}
	for _, one := range places {
		name := strings.TrimSuffix(strings.TrimPrefix(one.name, "env["), "]")
		bytes, flag, ok := heapIn(name, one.value.text, size.bytes)
		share := bytes / size.bytes
		if !ok || !one.value.known || share <= 0.9 || name == "GOMEMLIMIT" && share <= 1 {
			continue
		}
		problem := lint.Problem{
			At: one.value.at, Subject: one.subject, Path: one.name + "[heap]",
			Message: fmt.Sprintf("%q lets the heap grow to %.0f%% of the memory limit %q of %s, and a process needs more than its heap; leave a quarter, or raise the limit", flag, 100*share, size.text, size.whose),
			Related: []finding.Location{noted(size.at, "the limit")},
		}
		if share > 1 {
			problem.Severity = finding.High
			problem.Message = fmt.Sprintf("%q lets the heap grow to %.0f%% of the memory limit %q of %s: it is killed before it collects; keep it below three quarters, or raise the limit", flag, 100*share, size.text, size.whose)
		}
		return problem, true
	}
	return lint.Problem{}, false
}

func or2(a, b *command) *command {
	if a != nil {
		return a
	}
	return b
}

// oldNode are versions of Node.js that take the node's memory, not the container's,
// for the size of their heap where cgroups are of version 2: libuv learned it with 20.
var oldNode = regexp.MustCompile(`^(8|10|12|14|16|18)\b`)

// unbounded reports a runtime that does not see the limit and is not told it.
func (s *ship) unbounded(p *lint.Pass, c *binding.Container, env environment, commands [][]setting, size capacity) (lint.Problem, bool) {
	f := s.of(c.Stage)
	argv := f.argv()
	if !demanding(p) || f.base != "node" || !oldNode.MatchString(f.baseTag) || len(argv) == 0 || argv[0] != "node" || size.bytes >= 2<<30 {
		return lint.Problem{}, false
	}
	for _, words := range append(commands, []setting{{text: strings.Join(argv, " ")}, env.values["NODE_OPTIONS"], f.env["NODE_OPTIONS"]}) {
		if slices.ContainsFunc(words, func(w setting) bool { return oldSpace.MatchString(w.text) }) || len(words) > 0 && len(commands[0]) > 0 {
			return lint.Problem{}, false
		}
	}
	in := or2(f.command, f.entrypoint).in
	return lint.Problem{
		At: in.ArgumentsAt(), Subject: c.Stage.Subject(), Path: "command[heap]", Severity: finding.Low,
		Message: fmt.Sprintf("%q does not see the memory limit %q of %s and bounds its heap by the memory of the node; set NODE_OPTIONS=--max-old-space-size=%.0f", "node:"+f.baseTag, size.text, size.whose, size.bytes*0.75/(1<<20)),
		Related: []finding.Location{noted(size.at, "the limit")},
	}, true
}
