// Package doors puts the ways to a builder in order. Under the tag slim there are
// none, and the program that is built with it lints, scans, verifies and promotes.
package doors
