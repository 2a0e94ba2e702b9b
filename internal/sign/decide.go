package sign

import (
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

// KindSignature and the others are the kinds of evidence. Attestations are no
// signatures: somebody who attests that a scan failed does not vouch for the image.
const (
	KindSignature   = "signature"
	KindAttestation = "attestation"
	KindUnknown     = "unknown" // what cannot be read cannot say what it is
)

// Decide says whether a digest is signed: whether one signature among the
// evidence verified. The reason tells by whom, or what is wrong and what to do.
func Decide(evidence []verdict.Evidence) (verified bool, reason string) {
	rejected, attested := 0, 0
	var first verdict.Evidence
	for _, e := range evidence {
		switch {
		case e.Kind == KindSignature && e.Verified:
			return true, "signed with the key " + e.Signer
		case e.Verified:
			attested++
		default:
			// A rejected signature tells more than a rejected attestation.
			if rejected == 0 || (e.Kind == KindSignature && first.Kind != KindSignature) {
				first = e
			}
			rejected++
		}
	}
	switch {
	case rejected == 1:
		return false, "the only candidate was rejected: " + first.Rejected
	case rejected > 1:
		return false, fmt.Sprintf("%d candidates were rejected, the first because: %s", rejected, first.Rejected)
	case attested > 0:
		return false, "there are attestations but no signature; sign the digest"
	}
	return false, "there is no signature; sign the digest"
}
