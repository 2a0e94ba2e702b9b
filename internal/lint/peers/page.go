package peers

import (
	"embed"
	"fmt"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// prose holds what each page says beside its table.
//
//go:embed pages/*.md
var prose embed.FS

const generated = "<!-- generated from internal/lint/peers; run: make generate -->\n"

// Pages returns the pages of docs/migration by their file names: one for each peer, and
// README.md with all of them. It fails as Peer.Join does.
func Pages(rules []finding.Rule) (map[string]string, error) {
	pages := map[string]string{}
	var overview strings.Builder
	head, err := prose.ReadFile("pages/README.md")
	if err != nil {
		return nil, fmt.Errorf("reading the overview's words: %w", err)
	}
	overview.WriteString("# Coming from another linter\n\n" + generated + "\n" + strings.TrimSpace(string(head)) + "\n\n")
	overview.WriteString("| tool | rules | ours | declined | not applicable |\n|---|---|---|---|---|\n")
	for _, p := range All() {
		rows, err := p.Join(rules)
		if err != nil {
			return nil, err
		}
		page, err := p.page(rows)
		if err != nil {
			return nil, err
		}
		pages[p.Name+".md"] = page
		n := count(rows)
		fmt.Fprintf(&overview, "| [%s](%s.md) | %d | %d | %d | %d |\n", p.Name, p.Name, len(rows), n[Ours], n[Declined], n[NotApplicable])
	}
	pages["README.md"] = overview.String()
	return pages, nil
}

func count(rows []Row) map[Status]int {
	n := map[Status]int{}
	for _, r := range rows {
		n[r.Status]++
	}
	return n
}

func (p Peer) page(rows []Row) (string, error) {
	words, err := prose.ReadFile("pages/" + p.Name + ".md")
	if err != nil {
		return "", fmt.Errorf("reading the words on %s: %w", p.Name, err)
	}
	var b strings.Builder
	n := count(rows)
	fmt.Fprintf(&b, "# Coming from %s\n\n%s\n", p.Name, generated)
	fmt.Fprintf(&b, "[%s](%s) reads %s. Looked at: %s. Of %d rules %d are ours, %d declined, %d not applicable.\n\n",
		p.Name, p.URL, p.Reads, p.Version, len(rows), n[Ours], n[Declined], n[NotApplicable])
	b.WriteString(strings.TrimSpace(string(words)) + "\n\n## Its rules\n\n")
	b.WriteString("| rule | what it reports | here | difference or reason |\n|---|---|---|---|\n")
	for _, r := range rows {
		here := string(r.Status)
		if r.Status == Ours {
			var ids []string
			for _, own := range r.Ours {
				ids = append(ids, fmt.Sprintf("[%s](../rules/%s.md)", own.ID, own.ID))
			}
			here = strings.Join(ids, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.ID, r.Title, here, link(r.Why))
	}
	return b.String(), nil
}

// link makes an address inside a sentence one that can be followed, named as people
// call threads: owner/name#1.
func link(text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		address := strings.Trim(w, "(),.;:")
		before, after, _ := strings.Cut(w, address)
		thread, ok := strings.CutPrefix(address, "https://github.com/")
		if !ok {
			continue
		}
		thread = strings.NewReplacer("/issues/", "#", "/pull/", "#").Replace(thread)
		words[i] = before + "[" + thread + "](" + address + ")" + after
	}
	return strings.Join(words, " ")
}
