// Package peers holds what other linters check, and joins it with what the rules here
// say that they mean (finding.Rule.Also). Nothing is mapped by hand: a rule of a peer
// is ours when a rule of ours lists its id.
package peers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// Status is what became of a rule of a peer.
type Status string

// What a rule of a peer can be here.
const (
	// Ours: at least one of our rules sees what it sees.
	Ours Status = "ours"
	// Declined: it could be told from what is judged here, and is not.
	Declined Status = "declined"
	// NotApplicable: it is about something that is not judged here.
	NotApplicable Status = "not applicable"
)

// Rule is one rule of a peer, or a range of them that share one answer.
type Rule struct {
	// ID is as the peer writes it; a range is "first … last".
	ID string
	// Title says in our words what the peer reports.
	Title string
	// Status is what the catalogue claims; Peer.Join checks it.
	Status Status
	// Why is a sentence on a declined rule, a word or two on one that is not
	// applicable, and on one of ours where it differs from the peer's; may be empty then.
	Why string
	// As is the id in finding.Rule.Also, where that is not ID.
	As string
}

// Peer is a linter and its rules.
type Peer struct {
	// Name is the command's; it names the page, too.
	Name string
	// Version is the release that was read, with the day of the last commit.
	Version string
	URL     string
	// Reads says what it looks at.
	Reads string
	Rules []Rule
}

// Row is a rule of a peer and the rules here that see the same.
type Row struct {
	Rule
	Ours []finding.Rule
}

// All lists the peers in the order of the pages.
func All() []Peer {
	return []Peer{
		hadolint(), buildKit(), tally(), dockle(), dclint(),
		trivy(), kubeLinter(), kubeScore(), polaris(), checkov(), kubesec(), pluto(),
	}
}

// withoutCatalogue are the beginnings of ids that rules list and that belong to tools
// without a table: they judge workflows, or whole repositories.
var withoutCatalogue = []string{"zizmor/", "actionlint/", "poutine/", "scorecard/", "CKV_GHA_", "CKV2_GHA_", "CKV_SECRET_"}

// Join finds the rules here that see what each rule of a peer sees. It fails for a rule
// that is called ours and is nobody's, and for one that is declined and somebody's.
func (p Peer) Join(rules []finding.Rule) ([]Row, error) {
	var (
		rows  []Row
		wrong []string
	)
	for _, r := range p.Rules {
		row := Row{Rule: r}
		for _, own := range rules {
			if slices.Contains(own.Also, r.means()) {
				row.Ours = append(row.Ours, own)
			}
		}
		switch {
		case r.Status == Ours && len(row.Ours) == 0:
			wrong = append(wrong, fmt.Sprintf("%s is called ours, and no rule lists %q in Also", r.ID, r.means()))
		case r.Status != Ours && len(row.Ours) > 0:
			wrong = append(wrong, fmt.Sprintf("%s is called %s, and %s lists it in Also", r.ID, r.Status, row.Ours[0].ID))
		}
		rows = append(rows, row)
	}
	if wrong != nil {
		return nil, fmt.Errorf("joining %s with our rules: %s", p.Name, strings.Join(wrong, "; "))
	}
	return rows, nil
}

func (r Rule) means() string {
	if r.As != "" {
		return r.As
	}
	return r.ID
}

// Unknown lists the ids in the rules' Also that no peer has: mistyped, or gone.
func Unknown(rules []finding.Rule) []string {
	known := map[string]bool{}
	for _, p := range All() {
		for _, r := range p.Rules {
			known[r.means()] = true
		}
	}
	var unknown []string
	for _, own := range rules {
		for _, id := range own.Also {
			if !known[id] && !slices.ContainsFunc(withoutCatalogue, func(start string) bool { return strings.HasPrefix(id, start) }) {
				unknown = append(unknown, own.ID+" lists "+id)
			}
		}
	}
	return unknown
}

func ours(id, title string) Rule { return Rule{ID: id, Title: title, Status: Ours} }

// near is ours with a difference.
func near(id, title, difference string) Rule {
	return Rule{ID: id, Title: title, Status: Ours, Why: difference}
}

func declined(id, title, why string) Rule {
	return Rule{ID: id, Title: title, Status: Declined, Why: why}
}

func inapplicable(id, title, why string) Rule {
	return Rule{ID: id, Title: title, Status: NotApplicable, Why: why}
}

// Reasons that hold for rules of several peers.
const (
	taste        = "A matter of taste: nothing runs better or worse for it."
	refused      = "The build itself refuses it, and its failure is placed on the line."
	warned       = "BuildKit says so while it builds, in the log; nothing breaks."
	pinned       = "Distributions drop old versions, so that pins break builds (https://github.com/hadolint/hadolint/pull/1253); the base is pinned by digest (IMG-3.b) and packages are judged by what the image holds."
	locked       = "Versions of dependencies belong into a lock file; what the image holds is judged (VUL-LANG)."
	ofTheHouse   = "Each house has its own list: write it as one of `custom-rules`."
	rights       = "Which rights an account needs is known to the owners of the cluster; SEC-4.a tells of those that every pod gets."
	highUser     = "A number above 10000 guards against little and many images have others (https://github.com/zegl/kube-score/issues/204); USR-2.a asks for any that is not root's."
	pullPolicy   = "With a digest it means nothing, without one it makes the registry a part of every start (https://github.com/bridgecrewio/checkov/issues/4776); IMG-4.k asks for the digest."
	healthCheck  = "Kubernetes never runs it (https://github.com/bridgecrewio/checkov/issues/3955); PRB-1.a asks pods for probes, PRB-4.m Compose where others wait."
	noSudo       = "In a build it is untidy and no more; what ships is judged: the user (USR-1.a) and setuid files (USR-1.d)."
	wgetOrCurl   = "Each may stand in a stage of its own (https://github.com/aquasecurity/trivy/issues/10333), and a tool too many is seen in the image."
	nginx        = "ingress-nginx takes no snippets since 1.9 unless its owner says so: a setting of the cluster, not of the application."
	lowPort      = "Docker since 20.10 and containerd since 2.0 let every user listen there."
	sshPort      = "A number proves no SSH server, and EXPOSE opens nothing; say which ports a house refuses as one of `custom-rules`."
	relativeWork = "Below an absolute WORKDIR it is well defined, and BuildKit warns of the rest while it builds."
	threshold    = "How many are enough is for the house to say; RES-3.k asks for two where a Service leads to them."
	controlPlane = "control plane"
)
