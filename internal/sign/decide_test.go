package sign_test

import (
	"strings"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/sign"
	"github.com/plimsoll-ci/plimsoll/internal/verdict"
)

func TestDecide(t *testing.T) {
	good := verdict.Evidence{Kind: sign.KindSignature, Verified: true, Signer: "sha256:aa"}
	bad := verdict.Evidence{Kind: sign.KindSignature, Rejected: "another key"}
	garbage := verdict.Evidence{Kind: sign.KindUnknown, Rejected: "not JSON"}
	attestation := verdict.Evidence{Kind: sign.KindAttestation, Verified: true}
	tests := []struct {
		name     string
		evidence []verdict.Evidence
		verified bool
		reason   string
	}{
		{"nothing", nil, false, "there is no signature"},
		{"signed", []verdict.Evidence{good}, true, "sha256:aa"},
		{"garbage hides nothing", []verdict.Evidence{garbage, bad, good}, true, "sha256:aa"},
		{"an attestation is no signature", []verdict.Evidence{attestation}, false, "no signature"},
		{"rejected", []verdict.Evidence{attestation, bad}, false, "another key"},
		{"the signature's reason first", []verdict.Evidence{garbage, bad}, false, "2 candidates were rejected, the first because: another key"},
		{"garbage", []verdict.Evidence{garbage}, false, "not JSON"},
		{"the zero value", []verdict.Evidence{{}}, false, "rejected"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			verified, reason := sign.Decide(test.evidence)
			if verified != test.verified || !strings.Contains(reason, test.reason) {
				t.Errorf("%t, %q; want %t, %q", verified, reason, test.verified, test.reason)
			}
		})
	}
}
