package lint

// For tests that see the rules.
var (
	Parts  = parts
	Normal = normal
)
