package lint

import "slices"

// Profiles that change what checks ask for.
const (
	ProfileRecommended = "recommended" // the default
	ProfileDocument    = "document"    // CPU limits too, as the founding document says
	ProfileKubernetes  = "kubernetes"  // nothing that only Compose or plain Docker heeds
	ProfileStrict      = "strict"      // what is a matter of taste elsewhere, too
	ProfileCompose     = "compose"     // Compose is where it runs, not only where it is developed
)

// Off lists the rules that a profile does not ask for. What is left of a kind is asked
// for by all profiles: a secret in a Compose file is out, wherever the program runs.
func Off(profile string) []string {
	if profile != ProfileKubernetes {
		return nil
	}
	return []string{
		// HEALTHCHECK, which the kubelet does not run.
		"PRB-2.d", // health-tool
		"PRB-2.e", // health-localhost
		"PRB-3.d", // health-output

		// Compose files, which are for development only.
		"COR-31",  // compose-version
		"COR-32",  // compose-name
		"COR-33",  // compose-style
		"COR-34",  // compose-unknown-key
		"IMG-3.m", // service-image-latest
		"IMG-3.n", // service-image-digest
		"NET-4.a", // port-exposed
		"NET-4.b", // service-host-network
		"NET-4.c", // single-network
		"OBS-2.m", // logs-discarded
		"PRB-2.m", // healthcheck-form
		"PRB-2.n", // pg-isready-database
		"PRB-3.m", // healthcheck-start
		"PRB-4.m", // depends-on-condition
		"PRB-4.n", // service-init
		"RES-2.m", // service-memory-unit
		"RES-4.a", // service-unbounded
		"SEC-3.m", // service-reference
		"USR-2.m", // service-root
		"USR-3.m", // service-host-access
		"USR-3.n", // service-hardening
		"USR-3.o", // database-superuser
		"USR-4.m", // service-writable-root

		// What of a Compose file does not fit what runs in Kubernetes.
		"RES-4.s", // compose-below-request
		"X-12",    // compose-drift
		"X-12.b",  // development-stage
		"X-12.d",  // probe-path-untested
		"X-12.e",  // health-timing
	}
}

// Asks says whether a profile asks for a rule.
func Asks(profile, rule string) bool { return !slices.Contains(Off(profile), rule) }

// asked leaves out the checks that a profile does not ask for.
func asked[T any](checks []Check[T], profile string) []Check[T] {
	away := Off(profile)
	if away == nil {
		return checks
	}
	return slices.DeleteFunc(slices.Clone(checks), func(c Check[T]) bool { return slices.Contains(away, c.ID) })
}
