package dockerfile

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/dockerfile"
)

var baseEOL = lint.Check[*dockerfile.File]{
	Rule: finding.Rule{
		ID: "IMG-3.c", Name: "base-eol", Points: []string{"IMG-3"}, Severity: finding.High, Since: "0.1.0",
		Summary: "Every image that a Dockerfile builds on still gets security fixes",
		Also:    []string{"tally/ruby/eol-ruby-version"},
	},
	Run: func(p *lint.Pass, f *dockerfile.File) {
		if p.AsOf.IsZero() {
			return
		}
		today := p.AsOf.UTC().Format(time.DateOnly)
		for _, e := range externals(f) {
			what, ended := endOfLife(dockerfile.Reference{Value: e.image.String(), Known: true})
			if e.role != "base" || what == "" || ended >= today {
				continue
			}
			p.Report(lint.Problem{
				At: e.at, Subject: f.Subject(e.stage), Path: "base[" + what + "]",
				Message: fmt.Sprintf("%s%s: %s has had no security fixes since %s; build on a release that has", e.named(), e.means(), what, ended),
			})
		}
	},
}

// ends holds the last day of support by image and release, as the projects publish
// them; Debian's are those of long-term support. What is not in it is not known.
var ends = map[string]map[string]string{
	"node": {
		"8": "2019-12-31", "10": "2021-04-30", "12": "2022-04-30", "14": "2023-04-30", "16": "2023-09-11", "17": "2022-06-01", "18": "2025-04-30",
		"19": "2023-06-01", "20": "2026-04-30", "21": "2024-06-01", "22": "2027-04-30", "23": "2025-06-01", "24": "2028-04-30",
	},
	"python": {
		"2.7": "2020-01-01", "3.4": "2019-03-18", "3.5": "2020-09-30", "3.6": "2021-12-23", "3.7": "2023-06-27", "3.8": "2024-10-07", "3.9": "2025-10-31",
		"3.10": "2026-10-31", "3.11": "2027-10-31",
	},
	"php": {
		"5.6": "2018-12-31", "7.0": "2019-01-10", "7.1": "2019-12-01", "7.2": "2020-11-30", "7.3": "2021-12-06", "7.4": "2022-11-28", "8.0": "2023-11-26",
		"8.1": "2025-12-31", "8.2": "2026-12-31",
	},
	"ruby":   {"2.5": "2021-04-05", "2.6": "2022-04-12", "2.7": "2023-03-31", "3.0": "2024-04-23", "3.1": "2025-03-26", "3.2": "2026-03-31"},
	"golang": {"1.16": "2022-03-15", "1.17": "2022-08-02", "1.18": "2023-02-01", "1.19": "2023-08-08", "1.20": "2024-02-06", "1.21": "2024-08-13", "1.22": "2025-02-11", "1.23": "2025-08-12"},
	"alpine": {
		"3.8": "2020-05-01", "3.9": "2020-11-01", "3.10": "2021-05-01", "3.11": "2021-11-01", "3.12": "2022-05-01", "3.13": "2022-11-01", "3.14": "2023-05-01",
		"3.15": "2023-11-01", "3.16": "2024-05-23", "3.17": "2024-11-22", "3.18": "2025-05-09", "3.19": "2025-11-01", "3.20": "2026-04-01", "3.21": "2026-11-01",
	},
	"debian": {
		"8": "2020-06-30", "9": "2022-06-30", "10": "2024-06-30", "11": "2026-08-31", "12": "2028-06-30",
		"jessie": "2020-06-30", "stretch": "2022-06-30", "buster": "2024-06-30", "bullseye": "2026-08-31", "bookworm": "2028-06-30",
	},
	"ubuntu": {
		"14.04": "2019-04-25", "16.04": "2021-04-30", "18.04": "2023-05-31", "20.04": "2025-05-31", "23.04": "2024-01-25", "23.10": "2024-07-11", "24.10": "2025-07-10",
		"trusty": "2019-04-25", "xenial": "2021-04-30", "bionic": "2023-05-31", "focal": "2025-05-31",
	},
	"centos":                   {"6": "2020-11-30", "7": "2024-06-30", "8": "2021-12-31"},
	"postgres":                 {"9.6": "2021-11-11", "10": "2022-11-10", "11": "2023-11-09", "12": "2024-11-21", "13": "2025-11-13"},
	"mysql":                    {"5.6": "2021-02-05", "5.7": "2023-10-31"},
	"mcr.microsoft.com/dotnet": {"3.1": "2022-12-13", "5.0": "2022-05-10", "6.0": "2024-11-12", "7.0": "2024-05-14"},
}

var (
	release = regexp.MustCompile(`^v?(\d+)(\.\d+)?`)
	system  = regexp.MustCompile(`-(alpine(\d+\.\d+)|jessie|stretch|buster|bullseye|bookworm|bionic|focal|xenial)\b`)
)

// endOfLife names the release that a base is or stands on and the last day of its
// support: the earlier of the two where both are known. Empty when neither is.
func endOfLife(base dockerfile.Reference) (what, ended string) {
	name, tag := repository(base)
	if strings.HasPrefix(name, "mcr.microsoft.com/dotnet/") {
		name = "mcr.microsoft.com/dotnet"
	}
	releases, known := ends[name]
	if !known {
		return "", ""
	}
	word, _, _ := strings.Cut(tag, "-")
	m := release.FindStringSubmatch(tag)
	for _, key := range []string{word, strings.Join(m[min(1, len(m)):], ""), strings.Join(m[min(1, len(m)):min(2, len(m))], "")} {
		if day := releases[key]; day != "" {
			what, ended = strings.TrimPrefix(name, "mcr.microsoft.com/")+" "+key, day
			break
		}
	}
	if m := system.FindStringSubmatch(tag); m != nil {
		kind, key := "debian", m[1]
		if m[2] != "" {
			kind, key = "alpine", m[2]
		} else if ends["debian"][key] == "" {
			kind = "ubuntu"
		}
		if day := ends[kind][key]; day != "" && (ended == "" || day < ended) {
			what, ended = kind+" "+key, day
		}
	}
	return what, ended
}
