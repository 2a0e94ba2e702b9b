package source

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Leak says what of a secret a value gives away.
type Leak int

// The leaks.
const (
	NoLeak      Leak = iota
	LeakLiteral      // a value under a name that says that it is a secret
	LeakURL          // a URL with a password
	LeakToken        // a credential in a format that its issuer publishes
)

// standIn matches what stands in documents where a value belongs.
var standIn = regexp.MustCompile(`^(<.*>|\[.*\]|[xX]+|\*+|\.+|-+|_+)$`)

// Together they match a Secret's name: "registryCredsSecret: shop-registry-credentials".
var (
	namesSecret = regexp.MustCompile(`(?i)secret$`)
	secretsName = regexp.MustCompile(`^[a-z]+(-[a-z]+)*-(credentials|creds|keys|tls|certs?)$`)
)

// shown matches the names of what is published on purpose: "DEMO_LOGIN_PASSWORD".
var shown = regexp.MustCompile(`(?i)^(demo|dummy|example|fake|sample)[_.-]`)

// fills says that a value is the name of what is put there: "DB_PASSWORD: DB_PASSWORD_VAL".
func fills(name, value string) bool {
	return len(name) > 3 && strings.HasPrefix(value, name+"_") && strings.ToUpper(value) == value
}

// Leaks judges a value and the name that it stands under. Weak says that it looks
// like one that is to be replaced ("changeme"), if people remember.
func Leaks(name, value string) (leak Leak, weak bool) {
	if standIn.MatchString(value) {
		return NoLeak, false
	}
	if HasToken(value) {
		return LeakToken, false
	}
	if strings.Contains(value, "://") {
		if m := userinfo.FindStringSubmatch(value); m != nil {
			return LeakURL, Placeholder(m[1])
		}
	}
	strength := SecretName(name)
	switch {
	case secretsName.MatchString(value) && namesSecret.MatchString(name), fills(name, value):
	case strength == NoSecret || Harmless(value) || strings.HasPrefix(value, "$") || strings.ContainsAny(value, " \n") && strength != LikelySecret:
	case strength == LikelySecret && !strings.EqualFold(value, name), strength == MaybeSecret && random(value):
		return LeakLiteral, Placeholder(value) || shown.MatchString(name)
	}
	return NoLeak, false
}

// Says is the part of a sentence about a value that leaks: "holds …". It never
// holds the value.
func (l Leak) Says(value string) string {
	switch l {
	case LeakToken:
		return "holds a credential in a known format"
	case LeakURL:
		return "holds a URL with a password"
	case LeakLiteral:
		return fmt.Sprintf("holds a literal value of %d characters", utf8.RuneCountInString(value))
	case NoLeak:
	}
	return ""
}

// random says that a value looks as if nobody thought of it: long, without blanks,
// letters and digits mixed.
func random(value string) bool {
	return len(value) >= 16 && strings.ContainsAny(value, "0123456789") &&
		strings.ContainsFunc(value, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) &&
		!strings.ContainsAny(value, " ,;/.:") && !Placeholder(value)
}
