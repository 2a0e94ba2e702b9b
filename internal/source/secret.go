package source

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Strength says how sure a name or value is to be about a secret.
type Strength int

// The strengths.
const (
	NoSecret     Strength = iota
	MaybeSecret           // a name that often holds one: AUTH, KEY, or a secret word not at its end
	LikelySecret          // a name that says so at its end (DB_PASSWORD), or a value in the format of a token
)

// The words of names. BuildKit's SecretsUsedInArgOrEnv has the first two lists;
// the last holds what users reported as wrong (moby/buildkit#5504, ddev/ddev#6462).
var (
	likelyWords  = []string{"apikey", "credential", "credentials", "password", "passwd", "pass", "pword", "passphrase", "secret", "token"}
	maybeWords   = []string{"auth", "key", "pwd"}
	harmlessEnds = []string{
		"file", "files", "version", "dir", "path", "sock", "socket", "url", "uri", "host", "port", "name", "id", "type", "method", "mode",
		"enabled", "disabled", "required", "ttl", "expiry", "expires", "expiration", "length", "size", "algorithm", "alg", "header", "store",
		"manager", "provider", "backend", "policy", "timeout", "interval", "fingerprint", "fingerprints", "image", "count", "limit", "location",
		"namespace", "region", "scheme", "user", "username", "alias", "mount", "class",
	}
	harmlessWords = []string{"public", "publishable", "gpg", "pubkey", "keyring", "fingerprint"}
)

// SecretName judges the name of a variable.
func SecretName(name string) Strength {
	words := nameWords(name)
	if len(words) == 0 || slices.Contains(harmlessEnds, words[len(words)-1]) {
		return NoSecret
	}
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(harmlessWords, w) }) {
		return NoSecret
	}
	end := words[len(words)-1]
	joined := strings.Join(words[max(0, len(words)-2):], "_")
	switch {
	case slices.Contains(likelyWords, end), joined == "api_key", joined == "private_key", joined == "access_key", joined == "secret_key":
		return LikelySecret
	case slices.Contains(maybeWords, end):
		return MaybeSecret
	case slices.ContainsFunc(words, func(w string) bool { return slices.Contains(likelyWords, w) }):
		return MaybeSecret
	}
	return NoSecret
}

var camel = regexp.MustCompile(`([a-z0-9])([A-Z])`)

func nameWords(name string) []string {
	name = strings.ToLower(camel.ReplaceAllString(name, "${1}_${2}"))
	return strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' })
}

// token holds the formats that their issuers publish, so that a value alone says
// what it is. Private keys match by their first line.
var token = regexp.MustCompile(`(?:AKIA|ASIA)[A-Z0-9]{16}\b` + // AWS access key id
	`|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}` +
	`|glpat-[A-Za-z0-9_-]{20,}` +
	`|xox[abeprs]-[A-Za-z0-9-]{10,}` + // Slack
	`|sk_live_[A-Za-z0-9]{16,}|rk_live_[A-Za-z0-9]{16,}` + // Stripe
	`|npm_[A-Za-z0-9]{36}` +
	`|pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}` +
	`|AIza[A-Za-z0-9_-]{35}` + // Google API key
	`|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}` + // JSON web token
	`|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*`)

// userinfo is a password inside a URL.
var userinfo = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s/:@"'$]+:([^\s/@"'$]+)@`)

// HasToken says whether text holds a credential in a format that its issuer
// publishes.
func HasToken(text string) bool {
	return slices.ContainsFunc(tokenHints, func(hint string) bool { return strings.Contains(text, hint) }) && token.MatchString(text)
}

// tokenHints are in every token: looking for them is many times cheaper.
var tokenHints = []string{"AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "_live_", "npm_", "pypi-", "AIza", "eyJ", "-----BEGIN"}

// MaskTokens replaces credentials in known formats, and passwords inside URLs,
// with as many asterisks as they have code points.
func MaskTokens(text string) string {
	if HasToken(text) {
		text = token.ReplaceAllStringFunc(text, Mask)
	}
	if !strings.Contains(text, "://") {
		return text
	}
	var b strings.Builder
	last := 0
	for _, m := range userinfo.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(text[last:m[2]] + Mask(text[m[2]:m[3]]))
		last = m[3]
	}
	return b.String() + text[last:]
}

// Mask returns one asterisk per code point.
func Mask(text string) string { return strings.Repeat("*", utf8.RuneCountInString(text)) }

// placeholders are values that stand for a secret or are too weak to be one.
var placeholders = []string{"changeme", "change_me", "change-me", "changeit", "change_it", "changepass", "change_pass", "change-pass", "example", "placeholder", "dummy", "todo", "xxx", "your", "insecure", "default", "<", "replace"}

// Placeholder says whether a literal is a stand-in ("changeme_in_prod").
func Placeholder(value string) bool {
	lower := strings.ToLower(value)
	return slices.ContainsFunc(placeholders, func(p string) bool { return strings.Contains(lower, p) })
}

var (
	hexDigits = regexp.MustCompile(`^([0-9A-F]{4}\s*){4,10}$`)
	words     = []string{"true", "false", "yes", "no", "on", "off", "none", "null", "nil", "auto", "basic", "bearer", "oauth", "oauth2", "jwt", "oidc", "ldap", "token", "password", "md5", "scram-sha-256", "trust"}
)

// Harmless says whether a value cannot be a secret: empty, a switch or number, a
// path, a URL without a password, a fingerprint of a public key.
func Harmless(value string) bool {
	value = strings.Trim(value, `"' `)
	if value == "" || slices.Contains(words, strings.ToLower(value)) {
		return true
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n < 100_000 {
		return true
	}
	if strings.HasPrefix(value, "/") || strings.HasPrefix(value, "./") || strings.HasPrefix(value, "~/") {
		return true
	}
	if strings.Contains(value, "://") {
		return !userinfo.MatchString(value)
	}
	return hexDigits.MatchString(value)
}
