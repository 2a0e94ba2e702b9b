package analyze

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	trivysecret "github.com/aquasecurity/trivy/pkg/fanal/secret"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/scan"
)

// secretFindings makes findings of what lies in layers and in the config. The
// value of a secret is in none of them, not even masked: Trivy masks the match
// of a rule, and what stands around it on the line may be secret too.
func (v *visit) secretFindings() []finding.Finding {
	type key struct{ layer, path, rule string }
	counts := map[key]int{}
	firsts := map[key]ftypes.SecretFinding{}
	for _, s := range v.secrets {
		for _, f := range s.Findings {
			k := key{s.diffID, strings.TrimPrefix(s.FilePath, "/"), f.RuleID}
			if counts[k]++; counts[k] == 1 {
				firsts[k] = f
			}
		}
	}
	var out []finding.Finding
	for k, f := range firsts {
		times := ""
		if n := counts[k]; n > 1 {
			times = fmt.Sprintf(" (%d times)", n)
		}
		out = append(out, finding.Finding{
			Rule: scan.SecretInLayer, Severity: severity(f.Severity), Subject: k.path, Path: k.rule, Layer: k.layer,
			Message: fmt.Sprintf("a layer holds what looks like a secret, %s%s, in %s; revoke it, and give it to the build with RUN --mount=type=secret or to the container when it runs",
				quote(f.Title), times, quote(k.path)),
			Location: finding.Location{Artifact: artifact(v.img)},
		})
	}
	out = append(out, v.configSecrets()...)
	slices.SortFunc(out, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Rule.ID, b.Rule.ID), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Layer, b.Layer))
	})
	return out
}

// setting is one text of the config.
type setting struct {
	subject, where, text, layer string
}

// configSecrets looks at what the config carries in plain text. What the FROM
// image's history says is left out, as its layers are.
func (v *visit) configSecrets() []finding.Finding {
	scanner := trivysecret.NewScanner(nil)
	var out []finding.Finding
	seen := map[string]bool{} // the history repeats what ENV sets
	for _, s := range v.settings() {
		result := scanner.Scan(trivysecret.ScanArgs{FilePath: "config.json", Content: strings.NewReader(s.text)})
		told := map[string]bool{}
		for _, f := range result.Findings {
			value := valueAt(s.text, f)
			if told[f.RuleID] || seen[f.RuleID+"\x00"+value] {
				continue
			}
			told[f.RuleID] = true
			seen[f.RuleID+"\x00"+value] = true
			out = append(out, finding.Finding{
				Rule: scan.SecretInConfig, Severity: severity(f.Severity), Subject: s.subject, Path: f.RuleID, Layer: s.layer,
				Message: fmt.Sprintf("the image's config holds what looks like a secret, %s, in %s; revoke it, and give it to the build with RUN --mount=type=secret or to the container when it runs",
					quote(f.Title), s.where),
				Location: finding.Location{Artifact: artifact(v.img)},
			})
		}
	}
	return out
}

// valueAt is the secret itself, to compare and never to show: Trivy says where
// it begins, and it ends where a quote or white space does.
func valueAt(text string, f ftypes.SecretFinding) string {
	if f.Offset < 0 || f.Offset > len(text) {
		return text
	}
	rest := text[f.Offset:]
	if end := strings.IndexAny(rest, " \t\n\"'"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// settings lists the texts of the config: the environment first, because the
// history repeats it.
func (v *visit) settings() []setting {
	config := v.img.Config
	var list []setting
	for _, env := range config.Config.Env {
		name, _, _ := strings.Cut(env, "=")
		list = append(list, setting{subject: "env " + name, where: "the environment variable " + quote(name), text: env})
	}
	for _, name := range slices.Sorted(maps.Keys(config.Config.Labels)) {
		list = append(list, setting{subject: "label " + name, where: "the label " + quote(name), text: name + "=" + config.Config.Labels[name]})
	}
	list = append(list,
		setting{subject: "entrypoint", where: "the entrypoint", text: strings.Join(config.Config.Entrypoint, " ")},
		setting{subject: "command", where: "the command", text: strings.Join(config.Config.Cmd, " ")})
	if check := config.Config.Healthcheck; check != nil {
		list = append(list, setting{subject: "healthcheck", where: "the health check", text: strings.Join(check.Test, " ")})
	}
	layers := 0 // made by the steps so far
	for i, h := range config.History {
		s := setting{subject: fmt.Sprintf("history %d", i), where: fmt.Sprintf("step %d of the history", i+1), text: h.CreatedBy + "\n" + h.Comment}
		ofBase := layers < v.opts.BaseLayers
		if !h.EmptyLayer {
			if layers < len(config.RootFS.DiffIDs) {
				s.layer = config.RootFS.DiffIDs[layers].String()
			}
			layers++
		}
		if !ofBase {
			list = append(list, s)
		}
	}
	return list
}

// severity translates Trivy's word; a rule without one is high, because a secret
// that is real can be used by whoever pulls the image.
func severity(word string) finding.Severity {
	var s finding.Severity
	if err := s.UnmarshalText([]byte(word)); err != nil || s == finding.Unknown {
		return finding.High
	}
	return s
}
