package source

import "regexp"

// Where what tests start and throw away stands, and development containers. A
// directory "test" may be an environment, and is none.
var (
	testDirs  = regexp.MustCompile(`(?i)(^|/)(tests|e2e|testdata|\.devcontainer)/`)
	testNames = regexp.MustCompile(`(?i)[._-](tests?|e2e)(\.[^/]*)?$`)
)

// ForTests says that a file is, by its path, of what only tests run: what is a matter
// of running for long or among others counts little there.
func ForTests(path string) bool { return BelowTests(path) || testNames.MatchString(path) }

// BelowTests is ForTests for files whose names tell environments apart, as those of
// manifests do ("web-test.yaml"): only directories count.
func BelowTests(path string) bool { return testDirs.MatchString(path) }
