package binding

import (
	"slices"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/printable"
)

// Row is one line of what `plimsoll lint --bindings` prints. What was not bound is
// empty.
type Row struct {
	// Container is "Deployment/shop/web/app" with its place; empty for a service that
	// no container stands for.
	Container string `json:"container,omitempty"`
	// Image is the reference as written.
	Image string `json:"image,omitempty"`
	// Stage is the Dockerfile and the stage: "web/Dockerfile#runtime".
	Stage string `json:"stage,omitempty"`
	// Service is the project and the service: "compose.yaml#app".
	Service string `json:"service,omitempty"`
	By      By     `json:"by,omitempty"`
	// Candidates are what it could be where it could be several.
	Candidates []string `json:"candidates,omitempty"`
	Path       string   `json:"path"`
	Line       int      `json:"line"`
}

// Rows lists every container, then every service without one, each with what it was
// bound to.
func (s *Set) Rows() []Row {
	containers := slices.SortedStableFunc(slices.Values(s.Containers), byPlace)
	var rows []Row
	for _, c := range containers {
		at := c.At()
		row := Row{
			Container: c.Workload.Subject() + "/" + c.Name, Image: c.Node.Get("image").Text(),
			By: c.By, Candidates: c.Candidates, Path: at.Path, Line: at.Line,
		}
		switch {
		case c.Stage != nil:
			row.Stage = c.Stage.Subject()
		case c.file != nil:
			row.Stage = c.file.Source.Path
		}
		if c.Service != nil {
			row.Service = c.Service.Subject()
		}
		rows = append(rows, row)
	}
	for _, s := range s.Services {
		if len(s.Containers) > 0 {
			continue
		}
		row := Row{Service: s.Subject(), Image: s.Get("image").Text, By: s.By, Path: s.At.Path, Line: s.At.Line}
		if s.Stage != nil {
			row.Stage = s.Stage.Subject()
		}
		rows = append(rows, row)
	}
	return rows
}

// Table renders rows as text in columns.
func Table(rows []Row) string {
	cells := [][]string{{"CONTAINER", "IMAGE", "DOCKERFILE", "SERVICE", "BOUND BY"}}
	for _, r := range rows {
		by := string(r.By)
		switch {
		case len(r.Candidates) > 0:
			by = "unknown: could be " + strings.Join(r.Candidates, " or ") + "; say which under \"images:\""
		case by == "":
			by = "-"
		}
		cells = append(cells, []string{dash(r.Container), dash(r.Image), dash(r.Stage), dash(r.Service), printable.Text(by)})
	}
	widths := make([]int, 4)
	for _, row := range cells {
		for i := range widths {
			widths[i] = max(widths[i], printable.Width(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range cells {
		for i, width := range widths {
			b.WriteString(printable.Pad(row[i], width) + "  ")
		}
		b.WriteString(row[4] + "\n")
	}
	return b.String()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return printable.Text(text)
}
