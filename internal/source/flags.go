package source

import "strings"

// SecretFlag says whether a word of a command is a flag whose value, the next
// word, is a secret: "--requirepass", "--db-password".
func SecretFlag(word string) bool {
	name := strings.TrimLeft(word, "-")
	if name == word || name == "" || strings.ContainsAny(name, "= \t") {
		return false
	}
	return name == "requirepass" || name == "masterauth" || SecretName(name) == LikelySecret
}

// SecretWords returns the bytes [from, to) of the values of such flags inside the
// text of a command.
func SecretWords(text string) [][2]int {
	var spans [][2]int
	if !strings.Contains(text, "--") {
		return nil
	}
	flag := false
	for at := 0; at < len(text); {
		if strings.IndexByte(" \t\r\n", text[at]) >= 0 {
			at++
			continue
		}
		end := at + strings.IndexAny(text[at:], " \t\r\n")
		if end < at {
			end = len(text)
		}
		word := text[at:end]
		name, value, pair := strings.Cut(word, "=")
		switch {
		case flag && !strings.HasPrefix(word, "-"):
			spans = append(spans, [2]int{at, end})
		case pair && value != "" && SecretFlag(name):
			spans = append(spans, [2]int{at + len(name) + 1, end})
		}
		flag = SecretFlag(word)
		at = end
	}
	return spans
}
