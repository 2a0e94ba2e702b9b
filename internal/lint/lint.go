// Package lint is the engine that runs checks over positioned models of sources:
// it stamps findings, applies suppressions, and keeps what could not be parsed.
package lint
