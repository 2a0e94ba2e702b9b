package dbbuild

import (
	"encoding/json"
	"io/fs"
	"strings"
	"time"

	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/aquasecurity/trivy-db/pkg/vulnsrc/vulnerability"
)

// entry is an OSV record, https://ossf.github.io/osv-schema.
type entry struct {
	ID        string    `json:"id"`
	Published time.Time `json:"published"`
	Modified  time.Time `json:"modified"`
	Aliases   []string  `json:"aliases"`
	Summary   string    `json:"summary"`
	Details   string    `json:"details"`
	Severity  []struct {
		Type  string `json:"type"`
		Score string `json:"score"`
	} `json:"severity"`
	Affected []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Events []event `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
	References []struct {
		URL string `json:"url"`
	} `json:"references"`
	Specific struct {
		Severity string `json:"severity"`
	} `json:"database_specific"`
}

type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
}

// readGHSA reads ghsa/*.json, npm advisories reviewed by GitHub.
func (c *content) readGHSA(files fs.FS) error {
	return c.readOSV(files, "ghsa/*.json", "npm::", dbtypes.DataSource{
		ID: vulnerability.GHSA, Name: "GitHub Security Advisory npm",
		URL: "https://github.com/advisories?query=type%3Areviewed+ecosystem%3Anpm",
	})
}

// readGo reads govulndb/*.json. Like trivy-db it keeps the standard library and
// golang.org/x only, whose entries carry no severity.
func (c *content) readGo(files fs.FS) error {
	return c.readOSV(files, "govulndb/*.json", "go::", dbtypes.DataSource{
		ID: vulnerability.GoVulnDB, Name: "The Go Vulnerability Database", URL: "https://pkg.go.dev/vuln/",
	})
}

func (c *content) readOSV(files fs.FS, pattern, prefix string, source dbtypes.DataSource) error {
	bkt := prefix + source.Name
	return each(files, pattern, func(_ string, text []byte) error {
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		c.sources[bkt] = source
		id, others := cveFirst(e.ID, e.Aliases)
		advisories := map[string]dbtypes.Advisory{}
		for _, a := range e.Affected {
			if source.ID == vulnerability.GoVulnDB && a.Package.Name != "stdlib" && !strings.HasPrefix(a.Package.Name, "golang.org/x/") {
				continue
			}
			adv := advisories[a.Package.Name]
			adv.VendorIDs = others
			for _, r := range a.Ranges {
				vulnerable, patched := versions(r.Events)
				adv.VulnerableVersions = append(adv.VulnerableVersions, vulnerable...)
				adv.PatchedVersions = append(adv.PatchedVersions, patched...)
			}
			advisories[a.Package.Name] = adv
		}
		for pkg, adv := range advisories {
			c.put(bkt, pkg, id, adv)
		}
		c.describe(id, e, source.ID)
		return nil
	})
}

// describe records what an entry says about its advisory as a whole.
func (c *content) describe(id string, e entry, source dbtypes.SourceID) {
	d := c.detail(id)
	d.Title, d.Description = e.Summary, e.Details
	if e.Published.Year() > 1 { // golang/vulndb leaves its source files undated
		d.PublishedDate = &e.Published
	}
	if e.Modified.Year() > 1 {
		d.LastModifiedDate = &e.Modified
	}
	for _, r := range e.References {
		d.References = append(d.References, r.URL)
	}
	severity, rated := map[string]dbtypes.Severity{
		"LOW": dbtypes.SeverityLow, "MODERATE": dbtypes.SeverityMedium, "HIGH": dbtypes.SeverityHigh, "CRITICAL": dbtypes.SeverityCritical,
	}[e.Specific.Severity]
	if !rated {
		return
	}
	var cvss dbtypes.CVSS
	for _, s := range e.Severity {
		if s.Type == "CVSS_V3" {
			cvss.V3Vector = s.Score
		}
	}
	c.rate(id, source, severity, cvss)
}

// versions turns the events of a range into trivy-db's constraints: one per
// "introduced", written as trivy-db writes them.
func versions(events []event) (vulnerable, patched []string) {
	from := ""
	end := func(constraint string) {
		if from != "" && from != "0" {
			constraint = strings.TrimSuffix(">="+from+", "+constraint, ", ")
		} else if constraint == "" {
			constraint = ">=0"
		}
		vulnerable = append(vulnerable, constraint)
		from = ""
	}
	for _, e := range events {
		switch {
		case e.Introduced != "":
			if from != "" {
				end("")
			}
			from = e.Introduced
		case e.Fixed != "":
			end("<" + e.Fixed)
			patched = append(patched, e.Fixed)
		case e.LastAffected != "":
			end("<=" + e.LastAffected)
		}
	}
	if from != "" {
		end("")
	}
	return vulnerable, patched
}
