package kubernetes

import (
	"math/big"
	"strconv"
	"strings"
)

// Quantity is an amount as Kubernetes writes it: "250m", "64Mi", "1e3".
type Quantity struct {
	value *big.Rat
	// Suffix is the unit as written: "m", "Mi", "" for none.
	Suffix string
}

// suffixes are the units of
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/:
// powers of 1024 and of 1000.
var suffixes = map[string]struct{ base, power int64 }{
	"Ki": {1024, 1}, "Mi": {1024, 2}, "Gi": {1024, 3}, "Ti": {1024, 4}, "Pi": {1024, 5}, "Ei": {1024, 6},
	"n": {1000, -3}, "u": {1000, -2}, "m": {1000, -1}, "": {1000, 0},
	"k": {1000, 1}, "M": {1000, 2}, "G": {1000, 3}, "T": {1000, 4}, "P": {1000, 5}, "E": {1000, 6},
}

// maxQuantity bounds the length of one in bytes, and maxExponent that of its
// decimal exponent; no amount that a node has needs more, and the numbers stay small.
const (
	maxQuantity = 40
	maxExponent = 40
)

// ParseQuantity reads an amount exactly. It is false for what is none.
func ParseQuantity(text string) (Quantity, bool) {
	if len(text) > maxQuantity {
		return Quantity{}, false
	}
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.' || end == 0 && (text[end] == '+' || text[end] == '-')) {
		end++
	}
	number, suffix := text[:end], text[end:]
	digits := strings.TrimLeft(number, "+-")
	if strings.Trim(digits, ".") == "" || strings.Count(digits, ".") > 1 {
		return Quantity{}, false
	}
	value, ok := new(big.Rat).SetString(strings.TrimSuffix(number, "."))
	if !ok {
		return Quantity{}, false
	}
	unit, ok := suffixes[suffix]
	if !ok {
		if unit.power, ok = exponent(suffix); !ok {
			return Quantity{}, false
		}
		unit.base = 10
	}
	scale := new(big.Int).Exp(big.NewInt(unit.base), big.NewInt(max(unit.power, -unit.power)), nil)
	if unit.power < 0 {
		value.Quo(value, new(big.Rat).SetInt(scale))
	} else {
		value.Mul(value, new(big.Rat).SetInt(scale))
	}
	return Quantity{value, suffix}, true
}

// exponent reads "e3" and "E-3".
func exponent(suffix string) (int64, bool) {
	if len(suffix) < 2 || suffix[0] != 'e' && suffix[0] != 'E' {
		return 0, false
	}
	n, err := strconv.ParseInt(suffix[1:], 10, 8)
	return n, err == nil && n >= -maxExponent && n <= maxExponent
}

// Cmp compares two amounts: -1, 0 or 1.
func (q Quantity) Cmp(other Quantity) int { return q.value.Cmp(other.value) }

// CmpInt compares with a whole number.
func (q Quantity) CmpInt(n int64) int { return q.value.Cmp(new(big.Rat).SetInt64(n)) }

// Times returns n times the amount.
func (q Quantity) Times(n int64) Quantity {
	return Quantity{new(big.Rat).Mul(q.value, new(big.Rat).SetInt64(n)), q.Suffix}
}

// Ratio is how many times smaller is in q; 0 when smaller is 0.
func (q Quantity) Ratio(smaller Quantity) float64 {
	if smaller.value.Sign() == 0 {
		return 0
	}
	ratio, _ := new(big.Rat).Quo(q.value, smaller.value).Float64()
	return ratio
}

// String writes the amount as a plain number, rounded to three places.
func (q Quantity) String() string {
	return strings.TrimSuffix(strings.TrimRight(q.value.FloatString(3), "0"), ".")
}

// Multiple says whether the amount is a whole multiple of n.
func (q Quantity) Multiple(n int64) bool {
	return new(big.Rat).Quo(q.value, new(big.Rat).SetInt64(n)).IsInt()
}
